"""A grid in the queue, in the log, and in a session that goes on."""

import pytest
from support.conversation import MS, header
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.queue import JobQueue, kin
from llmtui.engine.recorder import Recorder
from llmtui.engine.rest import SessionRest
from llmtui.engine.targets import TargetSet
from llmtui.events import Model, Server
from llmtui.log.encode import encode_line
from llmtui.log.read import read_log
from llmtui.servers.base import ServerError
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite

TEXT = """
name: s
targets: [embedded]
iterations: 2
grid: {temperature: [0, 0.5], embedded.threads: [1, 2]}
workloads:
  - {kind: sweep, name: ask}
"""
SWEPT = read_suite(TEXT, "f")


class Factory:
    """Prepares servers that are never started, and remembers how they were to be."""

    def __init__(self, problem=None):
        self.wanted = []
        self.problem = problem

    def prepare(self, model, suite):
        self.wanted.append((model, suite.embedded))
        if self.problem:
            raise ServerError(self.problem)
        return Local(Model(id=model or "default"))


class Local:
    pid = None

    def __init__(self, model):
        self.model = model


async def resolved(suite, problem=None):
    factory = Factory(problem)
    return await TargetSet(Recorder(Sink()), factory).resolve(suite), factory


async def test_each_setting_is_a_target_of_its_own():
    planned, factory = await resolved(SWEPT)
    assert [(target.name, target.setting) for target in planned] == [
        ("embedded[threads=1]", "threads=1"),
        ("embedded[threads=2]", "threads=2"),
    ]
    assert [settings.threads for _, settings in factory.wanted] == [1, 2]
    plans = plan_jobs(SWEPT, planned)
    assert len(plans) == 8
    assert all(plan.target == f"embedded[threads={plan.point['embedded.threads']}]" for plan in plans)


async def test_several_models_and_settings_have_names_that_tell_them_apart():
    planned, _ = await resolved(read_suite(TEXT.replace("temperature: [0, 0.5]", "model: [a, b]"), "f"))
    assert [target.name for target in planned] == [
        "embedded:a[threads=1]",
        "embedded:a[threads=2]",
        "embedded:b[threads=1]",
        "embedded:b[threads=2]",
    ]


async def test_a_server_that_can_not_be_prepared_fails_the_jobs_at_its_points():
    planned, _ = await resolved(SWEPT, problem="no model file")
    plans = plan_jobs(SWEPT, planned)
    assert len(plans) == 8
    assert {plan.problem for plan in plans} == {"no model file"}


async def test_a_suite_without_settings_has_one_embedded_target():
    planned, factory = await resolved(read_suite("name: s\ntargets: [embedded]\nworkloads: [{kind: watch}]", "f"))
    assert [(target.name, target.setting) for target in planned] == [("embedded", "")]
    assert len(factory.wanted) == 1


# The queue and its log

TARGETS = [
    PlannedTarget(
        f"embedded[threads={count}]",
        Server(url="embedded", kind="embedded", models=(Model(id="m"),)),
        None,
        ("m",),
        f"threads={count}",
    )
    for count in (1, 2)
]
PLANS = plan_jobs(SWEPT, TARGETS)


@pytest.fixture
def queued():
    sink = Sink()
    queue = JobQueue(Recorder(sink, clock=lambda: MS, origin_ns=0))
    for plan in PLANS:
        queue.add(plan)
    return queue, sink.events


def test_the_log_has_the_point_of_each_job(queued, tmp_path):
    _, events = queued
    path = tmp_path / "s.jsonl"
    path.write_bytes(b"".join(map(encode_line, [header(), *events])))
    logged = [event for event in read_log(path).events if isinstance(event, ev.JobQueued)]
    assert [event.point for event in logged] == [plan.point for plan in PLANS]
    assert {tuple(event.point) for event in logged} == {("temperature", "embedded.threads")}


def test_iterations_of_a_point_are_kin_and_other_points_are_not():
    assert len({kin(plan) for plan in PLANS}) == 4
    assert all(sum(kin(other) == kin(plan) for other in PLANS) == 2 for plan in PLANS)


def test_a_rerun_is_the_next_iteration_of_its_point(queued):
    queue, _ = queued
    job = queue.add(PLANS[0], rerun_of="j1")
    assert (job.plan.iteration, job.plan.point) == (3, PLANS[0].point)


@pytest.mark.parametrize("cut", [0, 3, 8])
def test_a_session_that_was_cut_off_goes_on_with_the_points_that_are_missing(queued, cut):
    _, events = queued
    rest = SessionRest()
    rest.take([header(), *events[:cut]])
    left = rest.left(SWEPT, TARGETS)
    assert [job.plan.point for job in left.jobs] == [plan.point for plan in PLANS[:cut]]
    both = [*(job.plan for job in left.jobs), *left.plans]
    assert sorted((str(plan.point), plan.iteration) for plan in both) == sorted(
        (str(plan.point), plan.iteration) for plan in PLANS
    )
