from support.conversation import header, queued, request, whole_session

from llmtui.reports.tables import render, results_text
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState


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
    from llmtui import events as ev

    text = results_text(rows([*events, ev.JobFinished(t=9, job="j1", status="failed", reason="the server went away")]))
    assert "j1: the server went away" in text
    assert any(line.startswith("* rests on") for line in text)
