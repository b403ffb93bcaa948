import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.any_events import sessions
from support.conversation import MS, header, queued, request
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.queue import JobQueue
from llmtui.engine.recorder import Recorder
from llmtui.engine.rest import SessionRest, read_rest
from llmtui.events import Model, OfferedLoad, Server
from llmtui.log.encode import encode_line
from llmtui.log.read import LogError
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite

SUITE = read_suite(
    """
name: q
iterations: 2
workloads:
  - {kind: generate, name: first, prompts: [one, two]}
  - {kind: load, name: second, prompts: [three], concurrency: [1, 2]}
""",
    "f",
)
TARGETS = [PlannedTarget("t", Server(url="http://127.0.0.1:9", kind="llama.cpp", models=(Model(id="m"),)))]


def queue_of(plans):
    """What the log has of the queue: each plan as the engine writes it."""
    sink = Sink()
    queue = JobQueue(Recorder(sink, clock=lambda: MS, origin_ns=0))
    for plan in plans:
        queue.add(plan)
    return sink.events


PLANS = plan_jobs(SUITE, TARGETS)
QUEUE = queue_of(PLANS)


def rest_of(*events):
    rest = SessionRest()
    rest.take([header(), *events])
    return rest


def states(left):
    return [(job.id, job.status) for job in left.jobs]


def test_what_ended_stays_and_what_ran_or_waited_waits_in_the_old_order():
    rest = rest_of(
        *QUEUE,
        ev.JobStarted(t=2 * MS, job="j1"),
        ev.JobFinished(t=3 * MS, job="j1", status="done"),
        ev.JobStarted(t=4 * MS, job="j2"),
        ev.JobFinished(t=5 * MS, job="j2", status="failed", reason="it broke"),
        ev.JobFinished(t=5 * MS, job="j4", status="skipped"),
        ev.JobStarted(t=6 * MS, job="j3"),
    )
    assert rest.running == ("j3",)
    assert rest.last_ns == 6 * MS
    left = rest.left(SUITE, TARGETS)
    ended = [("j1", "done"), ("j2", "failed"), ("j3", "queued"), ("j4", "skipped")]
    assert states(left) == [*ended, *((f"j{n}", "queued") for n in range(5, len(PLANS) + 1))]
    assert left.plans == []
    assert [job.plan for job in left.jobs] == PLANS, "each plan comes back from the log as it was"


def test_a_queue_that_was_not_written_to_its_end_gets_what_it_lacks():
    for known in range(len(QUEUE) + 1):
        left = rest_of(*QUEUE[:known]).left(SUITE, TARGETS)
        assert [job.plan for job in left.jobs] + left.plans == PLANS
    begun = rest_of(*QUEUE[:2], ev.JobStarted(t=2 * MS, job="j1"))
    assert begun.left(SUITE, TARGETS).plans == [], "once a job began, the queue was whole"


def test_reruns_keep_their_ids_and_new_ones_come_after_all_that_the_log_knows():
    again = queued("j7", rerun_of="j1", iteration=3, parameters={"kind": "generate", "prompts": ["x"]})
    left = rest_of(*QUEUE, again, ev.JobStarted(t=1, job="j9")).left(SUITE, TARGETS)
    assert (left.jobs[-1].id, left.jobs[-1].rerun_of, left.jobs[-1].plan.iteration) == ("j7", "j1", 3)
    assert left.last == 9, "the line that queued j9 is lost, its id is taken all the same"


def test_requests_of_a_job_that_runs_anew_are_numbered_after_the_old_ones():
    events = [*QUEUE, ev.JobStarted(t=2, job="j1"), *request("j1.1", warmup=True), *request("j1.12")[:2]]
    left = rest_of(*events).left(SUITE, TARGETS)
    assert [job.requests_before for job in left.jobs[:2]] == [12, 0]


def test_the_rate_of_what_is_done_is_known_and_that_of_half_a_job_is_not():
    done = [ev.JobStarted(t=2, job="j1"), *request("j1.1"), ev.JobFinished(t=9, job="j1", status="done")]
    half = [ev.JobStarted(t=10, job="j2"), *request("j2.1", job="j2")]
    resumed = ev.SessionResumed(t=11, pid=2, opened_at="x", origin_ns=0, llmtui="0")
    for events in ([*QUEUE, *done, *half], [*QUEUE, *done, *half, resumed]):
        jobs = rest_of(*events).left(SUITE, TARGETS).jobs
        assert [job.rate for job in jobs[:3]] == [100.0, None, None]
    again = [resumed, ev.JobStarted(t=12, job="j2"), ev.JobFinished(t=13, job="j2", status="done")]
    jobs = rest_of(*QUEUE, *half, *again).left(SUITE, TARGETS).jobs
    assert (jobs[1].status, jobs[1].rate) == ("done", None), "what was measured before the cut does not count"
    load = OfferedLoad(concurrency=1)
    step = ev.StepFinished(t=3, job="j1", step=1, load=load, window_start=0, window_end=1, requests=1, token_rate=7.0)
    jobs = rest_of(*QUEUE, *done[:-1], step, done[-1]).left(SUITE, TARGETS).jobs
    assert jobs[0].rate == 7.0


def test_a_target_that_is_gone_gives_its_jobs_the_reason():
    gone = [PlannedTarget("t", None, "nobody listens there")]
    named = read_suite("name: q\nmodels: [m]\nworkloads: [{kind: generate, prompts: [x]}]", "f")
    for suite in (SUITE, named):
        rest = rest_of(*queue_of(plan_jobs(suite, TARGETS)))
        assert {job.plan.problem for job in rest.left(suite, gone).jobs} == {"nobody listens there"}
        assert {job.plan.problem for job in rest.left(suite, TARGETS).jobs} == {None}


def test_an_end_is_an_end_until_work_goes_on_after_it():
    end = ev.SessionFinished(t=9, outcome="completed")
    assert rest_of(*QUEUE, end).finished
    assert not rest_of(*QUEUE, end, QUEUE[0]).finished
    assert not rest_of(*QUEUE).finished


def test_a_job_that_can_not_be_read_any_more_is_said(tmp_path):
    rest = rest_of(queued("j1", parameters={"kind": "juggle"}))
    with pytest.raises(LogError, match="job j1: this version of llmtui can't run it"):
        rest.left(SUITE, TARGETS)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "the file is empty"),
        (b"nonsense\n", "not a log of llmtui"),
        (encode_line(header(format=ev.FORMAT_VERSION + 1)), "can only be gone on with in that one"),
        (b"junk\n" + encode_line(queued()), "not a log|no session header"),
    ],
)
def test_what_is_no_log_to_go_on_with_gets_one_sentence(tmp_path, text, sentence):
    path = tmp_path / "s.jsonl"
    path.write_bytes(text)
    with pytest.raises(LogError, match=sentence):
        read_rest(path)


def test_a_torn_line_is_left_out_and_one_without_its_line_feed_counts(tmp_path):
    path = tmp_path / "s.jsonl"
    lines = b"".join(map(encode_line, [header(), *QUEUE, ev.JobStarted(t=5 * MS, job="j1")]))
    path.write_bytes(lines[:-1])
    assert read_rest(path).running == ("j1",)
    path.write_bytes(lines[:-2])
    assert read_rest(path).running == ()


@given(sessions(), st.data())
def test_no_log_makes_it_fail_and_it_does_not_depend_on_the_pieces(events, data):
    whole, pieces = SessionRest(), SessionRest()
    whole.take(events)
    rest = list(events)
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.take(rest[:size])
        del rest[:size]
    assert (pieces.running, pieces.last_ns, pieces.finished) == (whole.running, whole.last_ns, whole.finished)
    assert whole.last_ns == max(event.t for event in events)


@pytest.mark.parametrize("mode", ["serial", "parallel"])
def test_jobs_that_compare_models_come_back_with_them(mode):
    text = f"name: c\nmodels: [m, n]\nworkloads:\n  - {{kind: compare-models, mode: {mode}}}\n"
    suite = read_suite(text, "f")
    models = (Model(id="m", quantization="Q4_1"), Model(id="n", quantization="F16"))
    targets = [PlannedTarget("t", Server(url="http://127.0.0.1:9", kind="ollama", models=models))]
    plans = plan_jobs(suite, targets)
    rest = rest_of(*queue_of(plans))
    assert [job.plan for job in rest.left(suite, targets).jobs] == plans
    assert rest.models == {("t", "m"), ("t", "n")}
    gone = [PlannedTarget("t", None, "nobody listens")]
    problems = [model.problem for job in rest.left(suite, gone).jobs for model in job.plan.models]
    assert problems == ["nobody listens"] * 2


def test_the_goals_of_repetitions_go_on_until_they_ended():
    first, second = (ev.RepetitionBegun(t=2, job=f"j{n}", within=0.02) for n in (1, 3))
    tighter = ev.RepetitionBegun(t=3, job="j1", within=0.01)
    ended = ev.RepetitionEnded(t=4, job="j3", reached=True)
    assert rest_of(*QUEUE).left(SUITE, TARGETS).goals == ()
    assert rest_of(*QUEUE, first, second).left(SUITE, TARGETS).goals == (("j1", 0.02), ("j3", 0.02))
    assert rest_of(*QUEUE, first, second, tighter, ended).left(SUITE, TARGETS).goals == (("j1", 0.01),)
    assert rest_of(*QUEUE, ended).left(SUITE, TARGETS).goals == ()


def test_a_session_that_is_repeated_as_a_whole_knows_so_until_its_first_job_begins():
    for told, within in (([], 0.02), (QUEUE[:2], 0.02), ([*QUEUE, ev.JobStarted(t=2, job="j1")], None)):
        rest = SessionRest()
        rest.take([header(within=0.02), *told])
        assert rest.within == within
    assert rest_of(*QUEUE).within is None
