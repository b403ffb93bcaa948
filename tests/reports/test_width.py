"""Every table of plain text fits into the terminal for which it is made: over the recorded sessions of each kind."""

import re
from pathlib import Path

import pytest
from support.conversation import header, queued, request
from support.load_events import session_under_load
from support.recorded_runs import STEADY, runs

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.reports.compare_several import compare_all, comparisons_text
from llmtui.reports.plain import PlainReport
from llmtui.reports.sides import lettered, whole_side
from llmtui.reports.tables import results_text
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState
from llmtui.text_table import text_width

SESSIONS = sorted((Path(__file__).parent.parent / "summaries" / "sessions").glob("*.jsonl"))


def report_of(events):
    report = PlainReport()
    apply_all(report.state, events)
    return report


def tables(lines):
    """The lines of dashes, each as wide as all of its table."""
    return [line for line in lines if line and set(line) <= {"-", " "}]


def widest(lines):
    return max(map(text_width, tables(lines)))


@pytest.mark.parametrize("log", SESSIONS, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_table_of_a_recorded_session_is_wider_than_the_terminal(log, width):
    report = report_of(read_log(log).events)
    lines, whole = report.results(width), report.results()
    assert len(tables(lines)) == len(tables(whole)) > 0
    assert widest(lines) <= width
    assert widest(whole) > 60, "else nothing was to be done"


def test_a_narrow_table_keeps_the_verdicts_and_the_figures_that_matter():
    log = next(path for path in SESSIONS if path.stem == "mix")
    lines = report_of(read_log(log).events).results(80)
    assert lines[0].split() == ["job", "workload", "TTFT", "prefill", "decode", "ITL", "p99", "status", "model"]
    status = lines[0].index("status")
    shown = [line[status : status + 13].strip() for line in lines[2:6]]
    assert " ".join(shown).startswith("done (not fit to read along, not passed)")
    assert "(no room here for: tokens, memory, quant; a wider terminal or a pipe shows them)" in lines


def test_the_levels_of_a_load_fit():
    state = SessionState()
    apply_all(state, session_under_load())
    lines = results_text(job_results(state), 80)
    assert widest(lines) <= 80 < widest(results_text(job_results(state)))
    assert any(line.startswith("(no room here for: req/s, ITL p50, E2E p50, in flight;") for line in lines)


def test_a_comparison_fits():
    def state_of(rate):
        state = SessionState()
        figures = ev.Figures(ttft_ns=1_000_000, decode_rate=rate, tokens=4, tokens_basis="server")
        events = [header(), queued(), *request("j1.1", figures=figures), ev.JobFinished(t=9, job="j1", status="done")]
        apply_all(state, events)
        return state

    names = ["20261121-100000-quick-0001", "20261121-110000-quick-0002", "20261121-120000-quick-0003"]
    sides = lettered([whole_side(state_of(rate), name) for name, rate in zip(names, (10, 11, 30), strict=True)])
    found = compare_all(sides)
    lines, whole = comparisons_text(found, 80), comparisons_text(found)
    assert len(tables(lines)) == len(tables(whole)) == 3
    assert widest(lines) <= 80 < widest(whole)


def test_an_interval_is_broken_between_its_figures_and_not_cut():
    def state_of(factor):
        state = SessionState()
        apply_all(state, [header(), *runs([level * factor for level in STEADY])])
        return state

    sides = lettered([whole_side(state_of(factor), name) for name, factor in (("first", 1.0), ("second", 1.3))])
    found = compare_all(sides)
    whole, narrow = comparisons_text(found), comparisons_text(found, 72)
    (interval,) = {found for line in whole for found in re.findall(r"\d\.\d{3} to \d\.\d{3}", line) if "decode" in line}
    assert interval not in "\n".join(narrow), "else nothing was to be done"
    low, high = interval.split(" to ")
    assert any(f"{low} to" in line for line in narrow)
    assert any(high in line for line in narrow)
    assert not any(re.search(r"\d\.?…", line) for line in narrow)
