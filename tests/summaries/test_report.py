"""Baseline against tuned, on a recorded session and on made ones."""

import pytest
from support.compared_runs import NS, REPORT_SUITE, grid_session, report_session
from support.conversation import MS
from support.summaries import SESSIONS, read_state

from llmtui import events as ev
from llmtui.summaries.registry import job_summary_lines, session_summaries
from llmtui.summaries.report import variant_order
from llmtui.summaries.report_sides import FIGURES, compare_side, tunings
from llmtui.summaries.summary import summary_text

BY_NAME = {figure.name: figure for figure in FIGURES}


def runs(*rates, **more):
    return [{"rate": rate, "words": 900, **more} for rate in rates]


def tuning_of(state):
    (tuning,) = tunings(state, list(state.jobs.values()), variant_order(state))
    return tuning


def lines(state):
    return [line for summary in session_summaries(state) for line in summary_text(summary)]


def row(state, figure):
    """The row of a figure in the table of the comparison, which is the last one."""
    return [line for line in lines(state) if line.startswith(figure)][-1]


def test_a_recorded_session_is_told_as_it_was():
    told = "\n".join(lines(read_state("report"))) + "\n"
    assert told == (SESSIONS / "report.txt").read_text(encoding="utf-8")


def test_a_real_difference_is_found_and_none_is_made_up():
    state = report_session({"tuned": runs(60, 61, 60, 62, 61), "baseline": runs(40, 41, 40, 42, 41)})
    tuning = tuning_of(state)
    assert (tuning.baseline.name, [side.name for side in tuning.tuned]) == ("baseline", ["tuned"])
    (side,) = tuning.tuned
    verdicts = {name: compare_side(tuning, side, figure).verdict for name, figure in BY_NAME.items()}
    assert (verdicts["decode"], verdicts["ttft"], verdicts["prefill"]) == ("faster", "faster", "faster")
    assert row(state, "generation").split()[:5] == ["generation", "40.8", "60.8", "+49.0", "%"]
    assert row(state, "generation").endswith("faster")
    assert row(state, "tokens").endswith("not judged")
    same = report_session({"baseline": runs(40, 41, 40, 42, 41), "tuned": runs(41, 40, 42, 40, 41)})
    assert compare_side(tuning_of(same), tuning_of(same).tuned[0], BY_NAME["decode"]).verdict in {"same", "can't tell"}


def test_slower_is_told_too():
    state = report_session({"baseline": runs(60, 61, 60, 62, 61), "tuned": runs(40, 41, 40, 42, 41)})
    assert row(state, "generation").endswith("slower")
    assert row(state, "TTFT").endswith("slower")


def test_few_runs_never_convince():
    state = report_session({"baseline": runs(1, 1, 1), "tuned": runs(99, 99, 99)})
    assert row(state, "generation").endswith("can't tell: fewer than 4 runs of a side have it")


def test_throughput_counts_the_whole_answer():
    state = report_session({"baseline": runs(40), "tuned": runs(40)})
    assert tuning_of(state).baseline.values["throughput"] == (10.0,), "20 tokens in 2 s"


@pytest.mark.parametrize("figures", [ev.Figures(tokens=20), ev.Figures(e2e_ns=NS), ev.Figures(e2e_ns=0, tokens=3)])
def test_throughput_needs_tokens_and_an_end(figures):
    state = report_session({"baseline": [{"figures": figures}], "tuned": runs(40)})
    assert tuning_of(state).baseline.values["throughput"] == (None,)
    assert "not in baseline: it needs a count of tokens" in row(state, "throughput")


def test_load_times_are_those_of_the_runs_that_loaded():
    state = report_session(
        {"baseline": [*runs(40, load_ns=2 * NS), *runs(41)], "tuned": runs(40, 41)},
    )
    tuning = tuning_of(state)
    assert tuning.baseline.values["load"] == (2 * NS, None)
    assert row(state, "load time").endswith("not in tuned: no run had to load the model")


def test_runs_that_failed_are_counted_and_not_measured():
    failed = {"status": "failed", "reason": "it broke\x1b[2J", "rate": 1}
    state = report_session({"baseline": [*runs(40), failed], "tuned": [*runs(50), {"status": "queued"}]})
    text = lines(state)
    assert "text, baseline: 1 of 2 runs done, 1 of 1 reports as asked, 20 tokens in all" in text
    assert "text, tuned: 1 of 2 runs done, 1 of 1 reports as asked, 20 tokens in all" in text
    (note,) = [line for line in text if "it broke" in line]
    assert note.startswith("note: j2 failed: it broke")
    assert note.isprintable()
    assert tuning_of(state).baseline.values["decode"] == (40,)


def test_reports_of_another_length_are_counted():
    state = report_session({"baseline": [*runs(40), {"rate": 40, "words": 100}], "tuned": runs(40)})
    assert any("1 of 2 reports as asked" in line for line in lines(state))
    assert tuning_of(state).baseline.values["words"] == (900, 100)


def test_options_without_effect_stand_beside_the_figures():
    alert = ev.AlertRaised(t=9 * MS, severity="warning", code="option-without-effect", text="`x` has none", job="j1")
    other = ev.AlertRaised(t=9 * MS, severity="warning", code="gpu-use", text="something else", job="j1")
    state = report_session({"baseline": runs(40), "tuned": runs(40)}, more=(alert, other))
    notes = [line for line in lines(state) if line.startswith("note: ")]
    assert notes == ["note: `x` has none"]


def test_notes_of_requests_are_told_once():
    noted = ev.Figures(notes=("left out, since not every server takes it: top_k",))
    state = report_session({"baseline": [{"figures": noted}, {"figures": noted}], "tuned": runs(40)})
    assert [line for line in lines(state) if "left out" in line] == [
        "note: left out, since not every server takes it: top_k"
    ]


def test_variants_on_two_models_are_compared_model_by_model():
    both = [{"rate": 40, "plan": {"model": model}} for model in ("a", "b")]
    state = report_session({"baseline": both, "tuned": both})
    found = tunings(state, list(state.jobs.values()), variant_order(state))
    assert [(t.baseline.model, t.tuned[0].model) for t in found] == [("a", "a"), ("b", "b")]


def test_a_report_without_variants_has_statistics_alone():
    state = report_session({None: runs(40, 41)}, suite="name: r\nworkloads: [{kind: report, name: text}]\n")
    text = lines(state)
    assert "text, report: m on t" in text
    assert not any("against" in line for line in text)


def test_three_variants_are_each_held_against_the_first():
    suite = REPORT_SUITE.replace("{name: tuned}", "{name: tuned}, {name: cold}")
    state = report_session({"cold": runs(1), "baseline": runs(2), "tuned": runs(3)}, suite=suite)
    titles = [line for line in lines(state) if " against " in line]
    assert titles == ["text: tuned against baseline", "text: cold against baseline"]


def test_a_suite_that_can_not_be_read_leaves_the_order_of_the_queue():
    state = report_session({"b": runs(1), "a": runs(2)}, suite="name: of another version")
    assert variant_order(state) == ["b", "a"]


def test_nothing_is_said_before_a_run_has_ended():
    state = report_session({"baseline": [{"status": "running"}], "tuned": [{"status": "queued"}]})
    assert lines(state) == []


def test_reports_at_points_of_a_grid_are_told_as_a_grid():
    state = grid_session([({"seed": 1}, [10]), ({"seed": 2}, [20])], kind="report")
    assert tunings(state, list(state.jobs.values()), []) == []
    assert lines(state)[0].startswith("grid of ask: 2 points")


def test_the_details_of_a_run_have_the_whole_comparison_and_its_line_has_not():
    state = report_session({"baseline": runs(40), "tuned": runs(50)})
    job = state.jobs["j1"]
    assert job_summary_lines(state, job) == []
    details = job_summary_lines(state, job, whole=True)
    assert "text: tuned against baseline" in details
    assert [line for line in details if line] == [line for line in lines(state) if line]


def test_the_details_of_a_point_have_its_grid():
    state = grid_session([({"seed": 1}, [10]), ({"seed": 2}, [20])])
    details = job_summary_lines(state, state.jobs["j1"], whole=True)
    assert details[1].startswith("grid of ask: 2 points")
    assert job_summary_lines(state, state.jobs["j1"]) == []
