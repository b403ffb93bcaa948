from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.queue import JobQueue
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


def repeat(rates, names=("a",), bound=0.02):
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
    return order, sink.of(ev.AlertRaised)


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
