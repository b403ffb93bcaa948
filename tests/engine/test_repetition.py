import msgspec
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.queue import JobQueue, QueuedJob
from llmtui.engine.recorder import Recorder
from llmtui.engine.repetition import MOST_RUNS, Repetition
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import Generate
from llmtui.workloads.base import Outcome


def plan(name):
    return JobPlan(
        target="t",
        backend="b",
        model="m",
        quantization=None,
        workload=Generate(prompts=("x",)),
        name=name,
        iteration=1,
        requests=1,
    )


def goals(sink):
    """What the log says of goals, in its order."""
    kinds = ev.RepetitionBegun, ev.RepetitionEnded
    return [(type(event), event.job) for event in sink.events if isinstance(event, kinds)]


def repeat(rates, names=("a",), bound=0.02):
    """Run as `log_of` does; return the order of the runs and the alerts."""
    order, sink = log_of(rates, names, bound)
    return order, sink.of(ev.AlertRaised)


def log_of(rates, names=("a",), bound=0.02):
    """Run the queue; `rates` gives the rate of the n-th run of a name, or None for a run that fails."""
    sink = Sink()
    queue = JobQueue(Recorder(sink))
    repetition = Repetition(queue, Recorder(sink))
    jobs = [queue.add(plan(name)) for name in names]
    repetition.begin(jobs, bound)
    order = []
    runs = dict.fromkeys(names, 0)
    while (job := queue.take()) is not None:
        name = job.plan.name
        order.append(name)
        job.rate = rates(name, runs[name])
        runs[name] += 1
        queue.finish(job, Outcome(status="done" if job.rate is not None else "failed"))
        repetition.job_ended(job)
    return order, sink


def test_a_steady_rate_ends_after_the_fewest_runs():
    order, alerts = repeat(lambda _name, run: 100 + run % 2)
    assert len(order) == 6
    assert [(alert.severity, alert.code) for alert in alerts] == [("info", "repetition")]
    assert "after 6 runs" in alerts[0].text


def test_an_unsteady_rate_takes_more_runs_and_ends_all_the_same():
    order, alerts = repeat(lambda _name, run: 100 + 60 * (run % 2))
    assert len(order) == MOST_RUNS
    assert "not within 2 %" in alerts[0].text
    assert alerts[0].severity == "warning"


def test_several_jobs_take_turns():
    order, alerts = repeat(lambda name, run: (100 if name == "a" else 50) + run % 2 / 10, names=("a", "b"))
    assert order == ["a", "b"] * 6
    assert len(alerts) == 2


def test_a_run_that_fails_ends_it():
    order, alerts = repeat(lambda _name, run: 100 if run < 2 else None)
    assert len(order) == 3
    assert "gave no rate" in alerts[0].text


def cut_off(rates, *, waits=0, within=0.02):
    """A queue as another engine left it: a job with runs of these rates (None: it failed), and some that wait."""
    sink = Sink()
    queue = JobQueue(Recorder(sink))
    jobs = []
    for n, rate in enumerate([*rates, *(["waits"] * waits)], start=1):
        status = "queued" if rate == "waits" else "failed" if rate is None else "done"
        run = msgspec.structs.replace(plan("a"), iteration=n)
        jobs.append(QueuedJob(f"j{n}", run, status=status, rate=rate if status == "done" else None))
    queue.restore(jobs, len(jobs))
    repetition = Repetition(queue, Recorder(sink))
    repetition.restore([("j1", within)])
    return queue, repetition, sink


def finish(queue, repetition, rate):
    job = queue.take()
    job.rate = rate
    queue.finish(job, Outcome())
    repetition.job_ended(job)
    return job


def test_a_goal_is_in_the_log_from_its_begin_to_its_end():
    _, sink = log_of(lambda _name, run: 100 + run % 2)
    assert goals(sink) == [(ev.RepetitionBegun, "j1"), (ev.RepetitionEnded, "j1")]
    assert (sink.of(ev.RepetitionBegun)[0].within, sink.of(ev.RepetitionEnded)[0].reached) == (0.02, True)
    for rates in (lambda _name, run: 100 + 60 * (run % 2), lambda _name, run: 100 if run < 2 else None):
        _, sink = log_of(rates)
        assert [event.reached for event in sink.of(ev.RepetitionEnded)] == [False]


def test_a_goal_that_was_cut_off_goes_on_where_it_was():
    queue, repetition, sink = cut_off([100, 101, 100], waits=1)
    assert [job.status for job in queue] == ["done"] * 3 + ["queued"], "what waits runs first"
    for rate in (101, 100, 101):
        finish(queue, repetition, rate)
    assert queue.take() is None
    assert goals(sink) == [(ev.RepetitionEnded, "j1")]
    assert "after 6 runs" in sink.of(ev.AlertRaised)[0].text, "the runs from before the cut count"


def test_a_goal_whose_next_run_was_not_queued_yet_gets_it():
    queue, _, sink = cut_off([100, 101, 100])
    assert [(event.rerun_of, event.iteration) for event in sink.of(ev.JobQueued)] == [("j1", 4)]
    assert queue.take() is not None


def test_a_goal_that_needs_no_further_run_ends_when_it_is_restored():
    for rates, reached in (([100, 101] * 3, True), ([100, 101, None], False)):
        queue, _, sink = cut_off(rates)
        assert queue.take() is None
        assert [event.reached for event in sink.of(ev.RepetitionEnded)] == [reached]


def test_a_new_goal_for_what_is_repeated_already_takes_the_place_of_the_old_one():
    queue, repetition, sink = cut_off([100, 101, 100], waits=1, within=0.5)
    assert repetition.begin([queue.find("j4")], 0.02) == 1
    assert [(event.job, event.within) for event in sink.of(ev.RepetitionBegun)] == [("j1", 0.02)]
    finish(queue, repetition, 150)
    assert queue.take() is not None, "within the half of it would be enough, within 2 % is not"


def test_a_goal_of_a_job_that_is_lost_is_passed_over():
    sink = Sink()
    queue = JobQueue(Recorder(sink))
    Repetition(queue, Recorder(sink)).restore([("j9", 0.02)])
    assert sink.events == []
