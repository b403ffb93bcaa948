"""Jobs of an earlier session in a new one; the engine runs as a process, its server is gone or a scripted one."""

import subprocess
import sys

import msgspec
import pytest
from support.conversation import MS, header, queued, request
from support.scripted import ScriptedBackend, Sink

from llmtui import events as ev
from llmtui.documents import DocumentError
from llmtui.engine.again import placed, placing, plans_again, widened
from llmtui.engine.queue import JobQueue
from llmtui.engine.recorder import Recorder
from llmtui.engine.run_request import ResumeRequest, RunRequest
from llmtui.engine.session import Session
from llmtui.events import Model, OfferedLoad, Server
from llmtui.log.encode import encode_line
from llmtui.log.read import LogError, read_log
from llmtui.suites.levels import parallel_of
from llmtui.suites.plan import PlannedTarget
from llmtui.suites.reading import read_suite

from .test_session import Targets, Watcher

GONE = "http://127.0.0.1:9"
TEXT = "name: q\nmodels: [m]\nworkloads:\n  - {kind: generate, name: a, prompts: [x]}\n  - {kind: generate, name: b, prompts: [y]}\n"
SUITE = read_suite(TEXT, "f")
A = {"workload": "a", "parameters": {"kind": "generate", "name": "a", "prompts": ["x"]}}
B = {"workload": "b", "parameters": {"kind": "generate", "name": "b", "prompts": ["y"]}}
PLACE = {"target": GONE, "backend": "ollama", "model": "m", "requests": 1, "quantization": "Q4_1"}


def parent_log(folder, *jobs, **changes):
    """The log of a session in which these jobs ran."""
    path = folder / "20261121-100000-q-0001.jsonl"
    events = [header(session=path.stem, suite=TEXT, urls=(GONE,), **changes)]
    for number, job in enumerate(jobs or (A, B, {**A, "iteration": 2}), 1):
        name = f"j{number}"
        events += [queued(name, **{**PLACE, **job}), ev.JobStarted(t=2, job=name), *request(f"{name}.1", job=name)]
        events.append(ev.JobFinished(t=80 * MS, job=name, status="done"))
    path.write_bytes(b"".join(map(encode_line, [*events, ev.SessionFinished(t=90 * MS, outcome="completed")])))
    return path


def target(*models, name=GONE, problem=None, kind="ollama"):
    server = Server(url=name, kind=kind, models=tuple(Model(id=model) for model in models)) if problem is None else None
    return PlannedTarget(name, server, problem)


def test_the_jobs_come_back_as_new_iterations_in_the_order_in_which_they_are_named(tmp_path):
    plans = plans_again(parent_log(tmp_path), ["j2", "j1", "j3"], {})
    assert [(plan.name, plan.iteration, plan.parent_job) for plan in plans] == [
        ("b", 2, "j2"),
        ("a", 3, "j1"),
        ("a", 4, "j3"),
    ]
    assert [plan.workload.prompts for plan in plans] == [("y",), ("x",), ("x",)]


def test_changes_make_variants_that_begin_with_a_first_iteration(tmp_path):
    plans = plans_again(parent_log(tmp_path), ["j1", "j3"], {"max_tokens": "7"})
    assert [(plan.variant, plan.iteration, plan.workload.max_tokens) for plan in plans] == [
        ("max_tokens=7", 1, 7),
        ("max_tokens=7", 2, 7),
    ]
    swept = plans_again(parent_log(tmp_path), ["j1"], {"concurrency": "[2, 6]"})
    assert [plan.load for plan in swept] == [OfferedLoad(concurrency=2), OfferedLoad(concurrency=6)]
    assert {plan.parent_job for plan in swept} == {"j1"}
    assert parallel_of(widened(SUITE, swept)) == 6, "a server of ours must take as many as the changed jobs send"


@pytest.mark.parametrize(
    ("jobs", "changes", "kind", "sentence"),
    [
        (["j1", "j8"], {}, LogError, "has no job j8; it has: j1, j2, j3"),
        ([], {}, LogError, "has no job to run again; it has: j1"),
        (
            ["j1"],
            {"max_tokns": "7"},
            DocumentError,
            r"j1 of 2026.*: max_tokns=7: no such key; did you mean `max_tokens`",
        ),
    ],
)
def test_what_can_not_be_run_again_gets_one_sentence(tmp_path, jobs, changes, kind, sentence):
    with pytest.raises(kind, match=sentence):
        plans_again(parent_log(tmp_path), jobs, changes)


def test_jobs_of_another_tool_say_that_their_log_lacks_how_they_were_run(tmp_path):
    with pytest.raises(DocumentError, match="does not say how j1 was run"):
        plans_again(parent_log(tmp_path, {"workload": "a"}), ["j1"], {})


def test_a_job_runs_where_it_ran_and_says_so_when_that_is_gone(tmp_path):
    (plan,) = plans_again(parent_log(tmp_path), ["j1"], {})

    def problem(*targets):
        return placed("s1", plan, SUITE, targets).problem

    assert problem(target("m", "other")) is None
    assert placed("s1", plan, SUITE, [target("m", kind="vllm")]).backend == "vllm"
    assert "has no model `m`" in problem(target("other"))
    assert (
        problem(target(problem="nobody listens there"))
        == f"{GONE}, where s1 ran, is not there any more: nobody listens there"
    )
    assert "is not there any more; start its server again" in problem(target("m", name="http://127.0.0.1:8"))
    assert "is not there any more" in problem()


def test_a_job_that_had_no_server_runs_where_the_suite_puts_it_now(tmp_path):
    lost = {**A, "backend": "", "model": "-", "quantization": None}
    (plan,) = plans_again(parent_log(tmp_path, lost), ["j1"], {"max_tokens": "7"})
    found = placed("s1", plan, SUITE, [target("m")])
    assert (found.backend, found.model, found.problem) == ("ollama", "m", None)
    assert (found.variant, found.workload.max_tokens) == ("max_tokens=7", 7)
    still = placed("s1", plan, SUITE, [target(problem="nobody listens there")])
    assert still.problem == "nobody listens there"
    (unknown,) = plans_again(parent_log(tmp_path, {**lost, "workload": "elsewhere"}), ["j1"], {})
    assert "has no server" in placed("s1", unknown, SUITE, [target("m")]).problem


def test_of_several_models_that_a_job_compares_each_is_looked_for(tmp_path):
    places = tuple({"target": GONE, "model": name} for name in ("m", "lost"))
    both = {"model": "m + lost", "models": places, "parameters": {"kind": "compare-models", "mode": "parallel"}}
    (plan,) = plans_again(parent_log(tmp_path, both), ["j1"], {})
    found = placed("s1", plan, SUITE, [target("m")])
    assert [planned.place.model for planned in found.models] == ["m", "lost"]
    assert found.models[0].problem is None
    assert "has no model `lost`" in found.models[1].problem
    assert found.problem is None, "the other one can be measured"
    alone = msgspec.structs.replace(plan, models=plan.models[1:])
    assert "has no model `lost`" in placed("s1", alone, SUITE, [target("m")]).problem


async def test_a_session_runs_only_these_jobs_and_the_log_says_from_where_they_are(tmp_path):
    log = parent_log(tmp_path, {**A, "target": "t"}, {**B, "target": "t"})
    plans = placing("s1", plans_again(log, ["j2"], {}), SUITE)
    sink = Sink()
    session = Session("s2", SUITE, Recorder(sink), targets=Targets(ScriptedBackend()), watcher=Watcher(), plans=plans)
    assert await session.run() == ("completed", None)
    (told,) = sink.of(ev.JobQueued)
    assert (told.workload, told.parent_job, told.iteration, told.rerun_of) == ("b", "j2", 2, None)
    assert [event.status for event in sink.of(ev.JobFinished)] == ["done"]


async def test_within_a_share_the_jobs_are_repeated_until_their_rates_are_known(tmp_path):
    log = parent_log(tmp_path, {**A, "target": "t"})
    sink = Sink()
    session = Session(
        "s2",
        SUITE,
        Recorder(sink),
        targets=Targets(ScriptedBackend(["x", 0.02, "y", "z"])),
        watcher=Watcher(),
        plans=placing("s1", plans_again(log, ["j1"], {}), SUITE),
        within=0.5,
    )
    await session.run()
    assert len(sink.of(ev.JobFinished)) > 2
    assert [alert.code for alert in sink.of(ev.AlertRaised)] == ["repetition"]


def test_a_rerun_of_a_job_from_a_parent_is_no_job_of_the_parent(tmp_path):
    sink = Sink()
    queue = JobQueue(Recorder(sink))
    (plan,) = plans_again(parent_log(tmp_path), ["j1"], {})
    first = queue.add(plan)
    queue.add(first.plan, rerun_of=first.id)
    assert [(event.parent_job, event.rerun_of) for event in sink.events] == [("j1", None), (None, "j1")]


def run_engine(request):
    asked = msgspec.json.encode(request)
    return subprocess.run(
        [sys.executable, "-m", "llmtui.engine"], input=asked, capture_output=True, timeout=60, check=False
    )


def again_request(folder, log, **changes):
    fields = {"suite": TEXT, "urls": (GONE,), "parent": str(log), "parent_jobs": ("j2",)}
    return RunRequest(log=str(folder / "child.jsonl"), **{**fields, **changes})


def test_the_engine_writes_the_parent_into_the_header_and_the_reason_to_the_job(tmp_path):
    parent = parent_log(tmp_path)
    done = run_engine(again_request(tmp_path, parent, changes={"seed": "7"}))
    assert done.returncode == 0, done.stderr
    log = read_log(tmp_path / "child.jsonl")
    assert (log.header.parent, log.header.parent_jobs, log.header.changes) == (parent.stem, ("j2",), {"seed": "7"})
    (ended,) = [event for event in log.events if isinstance(event, ev.JobFinished)]
    assert ended.reason.startswith(f"{GONE}, where {parent.stem} ran, is not there any more: ")


def test_the_engine_refuses_what_can_not_be_run_before_it_writes_anything(tmp_path):
    parent = parent_log(tmp_path)
    for wrong in ({"parent_jobs": ("j9",)}, {"changes": {"sed": "7"}}, {"parent": str(tmp_path / "none.jsonl")}):
        done = run_engine(again_request(tmp_path, parent, **wrong))
        assert done.returncode == 2
        assert len(done.stderr.decode().strip().splitlines()) == 1
        assert not (tmp_path / "child.jsonl").exists()


def test_a_child_that_was_cut_off_before_its_queue_was_written_has_it_from_its_parent(tmp_path):
    parent = parent_log(tmp_path)
    child = tmp_path / "child.jsonl"
    mine = header(session="child", suite=TEXT, urls=(GONE,), parent=parent.stem, parent_jobs=("j2", "j1"))
    first = queued("j1", **{**PLACE, **B, "iteration": 2, "parent_job": "j2"})
    for known in ([], [first]):
        child.write_bytes(b"".join(map(encode_line, [mine, *known])))
        done = run_engine(ResumeRequest(log=str(child)))
        assert done.returncode == 0, done.stderr
        told = [event for event in read_log(child).events if isinstance(event, ev.JobQueued)]
        assert [(event.job, event.workload, event.parent_job) for event in told] == [
            ("j1", "b", "j2"),
            ("j2", "a", "j1"),
        ]
    parent.unlink()
    child.write_bytes(encode_line(mine))
    refused = run_engine(ResumeRequest(log=str(child)))
    assert refused.returncode == 2
    assert b"the session that it repeats can't be read" in refused.stderr
