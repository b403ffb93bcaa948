import re

from support.conversation import header, queued, request, whole_session
from support.load_events import C2, loaded, session_under_load, step_finished

from llmtui import events as ev
from llmtui.reports.tables import STEP_HEADINGS, results_text, step_cells
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState
from llmtui.text_table import render


def rows(events):
    state = SessionState()
    apply_all(state, events)
    return job_results(state)


def test_columns_line_up_and_numbers_stand_to_the_right():
    lines = render(("model", "decode"), [("a", "9.50"), ("longer", "120")], ["decode"])
    assert lines == ["model   decode", "------  ------", "a         9.50", "longer     120"]


def test_a_row_for_each_job_with_basis_and_status():
    text = results_text(rows(whole_session()))
    assert text[0].split()[:4] == ["job", "workload", "TTFT", "prefill"]
    assert "8 server" in text[2]
    assert "  done  " in text[2]


def test_thin_percentiles_are_marked_and_reasons_given():
    events = [header(), queued(), *request("j1.1")]
    failed = rows([*events])
    assert failed == []
    text = results_text(rows([*events, ev.JobFinished(t=9, job="j1", status="failed", reason="the server went away")]))
    assert "j1: the server went away" in text
    assert any(line.startswith("* rests on") for line in text)


def test_each_level_of_a_load_has_a_line_with_its_footnotes():
    text = results_text(rows(session_under_load()))
    start = next(place for place, line in enumerate(text) if line.startswith("job  load  requests"))
    assert text[start - 1] == ""
    assert text[start].split() == " ".join(STEP_HEADINGS).split()
    cells = re.split(r" {2,}", text[start + 2])
    assert cells == [
        "j1",
        "C=2",
        "3",
        "1",
        "80.0",
        "2.00",
        "1.00",
        "300 ms",
        "496 ms*",
        "20.0 ms",
        "20.0 ms*",
        "1.20 s",
        "1.40 s*",
        "1.90",
    ]
    assert text[start + 3].startswith("Under load TTFT and E2E count from the moment a request was due")
    assert text[start + 4] == "j1 C=2: the window was short"
    widths = {len(line) for line in text[start : start + 3]}
    assert len(widths) == 1, "columns line up"


def test_a_job_without_a_load_has_no_such_table():
    assert not any("in flight" in line for line in results_text(rows(whole_session())))


def test_what_a_level_does_not_know_is_no_zero():
    begin = [header(), queued(kind="load"), ev.JobStarted(t=1, job="j1")]
    unknown = step_finished(
        requests=0, good=None, token_rate=None, request_rate=None, goodput=None, in_flight=None, kept_slo=None
    )
    (step,) = rows([*begin, unknown])[0].steps
    assert step_cells("j1", step) == ("j1", "C=2", "0", "0", *["-"] * 10)


def test_hundred_answers_carry_a_p99():
    events = [header(), queued(kind="load"), ev.JobStarted(t=1, job="j1")]
    for number in range(100):
        events += loaded(f"j1.{number}", due=1000 + number)
    (step,) = rows([*events, step_finished()])[0].steps
    assert not any("*" in cell for cell in step_cells("j1", step))


def test_sentences_of_a_load_are_told_and_cannot_act_on_a_terminal():
    found = ev.CapacityFound(t=9, job="j1", load=C2, sentence="2 requests\x1b[2J at once")
    bound = ev.AlertRaised(t=9, severity="warning", code=ev.CLIENT_BOUND, text="llmtui used\n90 %", job="j1")
    noted = step_finished(step=2, notes=("odd\x07",))
    text = results_text(rows([*session_under_load(), found, bound, noted]))
    assert {"j1: 2 requests␛[2J at once", "j1: llmtui used⏎90 %", "j1 C=2: odd␇"} <= set(text)
