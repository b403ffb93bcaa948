from support.conversation import MS, header, queued, request, whole_session
from support.load_events import C2, C4, loaded, session_under_load, step_finished

from llmtui import events as ev
from llmtui.state.reducer import apply, apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState


def rows(events):
    state = SessionState()
    apply_all(state, events)
    return job_results(state)


def figures(rate, ttft=10, tokens=4, basis="server"):
    return ev.Figures(ttft_ns=ttft * MS, decode_rate=rate, tokens=tokens, tokens_basis=basis, itl_count=120)


def test_warm_up_stays_out_and_the_median_counts():
    events = [
        header(),
        queued(),
        ev.JobStarted(t=2, job="j1"),
        *request("j1.1", warmup=True, figures=figures(1.0, ttft=999)),
        *request("j1.2", figures=figures(90.0, ttft=10)),
        *request("j1.3", figures=figures(100.0, ttft=30)),
        *request("j1.4", figures=figures(140.0, ttft=20)),
    ]
    (row,) = rows(events)
    assert (row.requests, row.decode_rate, row.ttft_ns, row.tokens) == (3, 100.0, 20 * MS, 12)
    assert row.itl_p99_carried


def test_the_worst_basis_shows():
    events = [header(), queued(), ev.JobStarted(t=2, job="j1")]
    events += request("j1.1", figures=figures(1.0)) + request("j1.2", figures=figures(1.0, basis="chunks"))
    assert rows(events)[0].tokens_basis == "chunks"


def test_memory_is_the_servers_where_it_is_known():
    (row,) = rows(whole_session())
    assert (row.peak_memory, row.peak_memory_of) == (7.0, "server")


def test_absent_figures_have_reasons():
    failed = request("j1.1", status="failed", figures=ev.Figures())
    (row,) = rows([header(), queued(), ev.JobStarted(t=2, job="j1"), *failed])
    assert row.failed == 1
    assert row.decode_rate is None
    assert row.missing["requests"] == "no request finished"
    assert "peak_memory" in row.missing


def test_a_job_that_waits_has_no_row():
    assert rows([header(), queued()]) == []


# Loads


def test_only_requests_that_were_due_in_the_window_count():
    (row,) = rows(session_under_load())
    assert (row.requests, row.failed) == (2, 1)
    assert row.load == C2
    assert row.tokens == 20
    assert row.token_rate == 80.0
    assert row.decode_rate == 50.0


def test_latencies_under_load_count_from_when_a_request_was_due():
    (row,) = rows(session_under_load())
    (step,) = row.steps
    assert (step.ttft.least, step.ttft.most) == (100 * MS, 500 * MS), "one was sent 400 ms late"
    assert (step.e2e.least, step.e2e.most) == (1000 * MS, 1400 * MS)
    assert (row.ttft_ns, row.ttft_answer_ns, row.e2e_ns) == (300 * MS, 350 * MS, 1200 * MS)
    assert step.itl.median == row.tpot_ns == 20 * MS, "the time between tokens does not depend on when it was due"
    assert step.finished.good == 1


def test_a_request_without_a_step_has_no_time_at_which_it_was_due():
    events = [header(), queued(), ev.JobStarted(t=2, job="j1"), *loaded("j1.1", due=100, late=400, step=0)]
    assert rows(events)[0].ttft_ns == 100 * MS


def test_a_load_that_still_runs_shows_what_it_has():
    events = [event for event in session_under_load() if not isinstance(event, ev.StepFinished | ev.JobFinished)]
    (row,) = rows(events)
    assert (row.requests, row.failed, row.steps, row.token_rate) == (4, 1, (), None)


def test_each_level_of_a_ramp_has_its_own_requests():
    events = [
        header(),
        queued(kind="load"),
        ev.JobStarted(t=2, job="j1"),
        *loaded("j1.1", due=100, e2e=1000),
        *loaded("j1.2", due=200, e2e=2000, step=2),
        *loaded("j1.3", due=300, e2e=3000, step=2),
        *loaded("j1.4", due=150, e2e=9000, step=2),
        *loaded("j1.5", due=150, e2e=9000, step=3),
        step_finished(step=1, load=C2, window=(50, 400)),
        step_finished(step=2, load=C4, window=(180, 400), token_rate=120.0, notes=("x",)),
    ]
    (row,) = rows(events)
    assert [step.e2e.count for step in row.steps] == [1, 2]
    assert [step.e2e.median for step in row.steps] == [1000 * MS, 2500 * MS]
    assert row.requests == 3, "a step without a window is not measured"
    assert row.token_rate == 120.0
    assert row.notes == ("x",)


def test_notes_capacity_and_doubts_are_in_the_row():
    found = ev.CapacityFound(t=9 * MS, job="j1", load=C2, sentence="2 requests at once is the highest load")
    bound = ev.AlertRaised(t=9 * MS, severity="warning", code=ev.CLIENT_BOUND, text="llmtui used 90 %", job="j1")
    (plain,), (row,) = rows(session_under_load()), rows([*session_under_load(), found, bound])
    assert (plain.capacity, plain.client_bound) == (None, None)
    assert (row.capacity, row.client_bound) == ("2 requests at once is the highest load", "llmtui used 90 %")
    assert "the window was short" in row.notes


def test_a_window_in_which_nothing_was_answered_has_reasons():
    failed = [event for event in session_under_load() if getattr(event, "request", None) not in {"j1.3", "j1.4"}]
    (row,) = rows(failed)
    assert (row.requests, row.failed, row.ttft_ns, row.tokens) == (0, 1, None, None)
    assert row.missing["requests"] == "no request finished"
    assert row.steps[0].e2e.count == 0


def test_a_row_is_made_anew_only_when_something_of_its_job_happened():
    state = SessionState()
    apply_all(state, session_under_load())
    (first,) = job_results(state)
    apply(state, ev.MarkerPlaced(t=9600 * MS, label="x"))
    assert job_results(state)[0] is first
    apply(state, step_finished(step=2, load=C4, token_rate=99.0))
    assert job_results(state)[0].token_rate == 99.0
