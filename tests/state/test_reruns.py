import pytest
from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui import wording
from llmtui.state.reducer import apply_all
from llmtui.state.reruns import bad_jobs, sentence
from llmtui.state.session import SessionState

STEADY = [100.0, 101.0, 99.0, 100.5, 99.5, 100.2, 99.8, 100.1]


def run(job, *, rate=100.0, status="done", start=0, more=(), **plan):
    """A job from its queueing to its end, with one request of that rate."""
    figures = ev.Figures(ttft_ns=10 * MS, decode_rate=rate, tokens=4, tokens_basis="server")
    return [
        queued(job, start + 1, **plan),
        ev.JobStarted(t=start + 2, job=job),
        *request(f"{job}.1", job=job, start=start + MS, figures=figures),
        *more,
        ev.JobFinished(t=start + 90 * MS, job=job, status=status, reason=None if status == "done" else "it broke"),
    ]


def found_in(*events):
    state = SessionState()
    apply_all(state, [header(), *events])
    assert state.misfits == 0
    return bad_jobs(state)


def runs(rates, **plan):
    return [
        event
        for n, rate in enumerate(rates)
        for event in run(f"j{n + 1}", rate=rate, start=n * 100 * MS, iteration=n + 1, **plan)
    ]


def test_a_session_without_a_fault_has_nothing_to_run_again():
    assert found_in(*runs(STEADY)) == []


def test_what_failed_is_run_again_and_what_was_skipped_or_waits_is_not():
    skipped = [queued("j2"), ev.JobFinished(t=9, job="j2", status="skipped", reason="skipped by the user")]
    found = found_in(*run("j1", status="failed"), *skipped, queued("j3"), *run("j4", start=MS))
    assert found == [("j1", "failed")]


@pytest.mark.parametrize(("cause", "found"), [("server gone", [("j1", "had no server")]), ("user", []), (None, [])])
def test_a_job_that_lacked_its_server_is_run_again_and_one_skipped_for_another_reason_is_not(cause, found):
    ended = ev.JobFinished(t=9, job="j1", status="skipped", reason="it was skipped", cause=cause)
    assert found_in(queued("j1"), ended) == found


def test_a_job_in_which_llmtui_was_in_the_way_is_run_again():
    alert = ev.AlertRaised(t=50 * MS, severity="warning", code=ev.CLIENT_BOUND, text="too busy", job="j1")
    assert found_in(*run("j1", more=[alert])) == [("j1", "client-bound")]
    other = ev.AlertRaised(t=50 * MS, severity="warning", code="gpu-use", text="idle", job="j1")
    assert found_in(*run("j1", more=[other])) == []


QUIET = {"gpu.0.percent": 95.0, "gpu.0.temperature": 60.0, "gpu.0.throttle.reasons": 0.0, "server.memory.gpu": 5e9}
HOT = {**QUIET, "gpu.0.temperature": 84.0, "gpu.0.throttle.reasons": float(0x20)}


@pytest.mark.parametrize("values", [HOT, QUIET])
def test_a_throttled_job_is_run_again(values):
    second = 1000 * MS
    samples = [ev.SampleTaken(t=n * second + 1, values=values if 6 <= n <= 14 else QUIET) for n in range(24)]
    started = [
        queued("j1"),
        ev.JobStarted(t=2, job="j1"),
        ev.RequestStarted(t=5 * second, request="j1.1", job="j1", model="m", messages=()),
        ev.RequestSent(t=5 * second, request="j1.1"),
    ]
    figures = ev.Figures(decode_rate=50.0, tokens=100, tokens_basis="server")
    ended = [
        ev.RequestFinished(t=15 * second, request="j1.1", job="j1", status="done", figures=figures),
        ev.JobFinished(t=16 * second, job="j1", status="done"),
        ev.SessionFinished(t=30 * second, outcome="completed"),
    ]
    found = found_in(*sorted([*started, *samples, *ended], key=lambda event: event.t))
    assert found == ([("j1", "throttled in 1 of 1 requests")] if values is HOT else [])


@pytest.mark.parametrize("odd", [50.0, 200.0])
def test_an_outlier_among_the_iterations_is_run_again(odd):
    found = found_in(*runs([*STEADY, odd]))
    assert [bad.job for bad in found] == ["j9"]
    assert found[0].reason == f"an outlier: {wording.rate(odd)} tok/s, its 9 runs {wording.rate(100.0)}"


def test_too_few_iterations_have_no_outlier_and_those_of_other_parameters_are_not_among_them():
    assert found_in(*runs([*STEADY[:6], 50.0])) == []
    odd = run("j9", rate=50.0, start=900 * MS, variant="max_tokens=64")
    assert found_in(*runs(STEADY), *odd) == []
    odd = run("j9", rate=50.0, start=900 * MS, point={"max_tokens": 64})
    assert found_in(*runs(STEADY), *odd) == []


def test_a_job_that_was_run_again_is_judged_by_its_rerun():
    failed = run("j1", status="failed")
    assert found_in(*failed, queued("j2", rerun_of="j1")) == [], "its rerun waits"
    assert found_in(*failed, *run("j2", start=MS, rerun_of="j1")) == []
    assert found_in(*failed, *run("j2", status="failed", start=MS, rerun_of="j1")) == [("j2", "failed")]
    skipped = ev.JobFinished(t=9, job="j2", status="skipped", reason="skipped by the user")
    assert found_in(*failed, queued("j2", rerun_of="j1"), skipped) == [("j1", "failed")]


def test_the_sentence_names_each_job_with_its_reason():
    found = found_in(*run("j1", status="failed"), *run("j2", status="failed", start=MS))
    assert sentence(found) == "j1 failed, j2 failed"
    assert sentence([]) == ""
