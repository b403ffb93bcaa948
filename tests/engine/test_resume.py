"""The engine as a process that goes on in a log; its server is gone, so that every job ends at once."""

import hashlib
import json
import subprocess
import sys

import msgspec
import pytest
from support.conversation import MS, header, queued, request
from support.scripted import Sink

from llmtui import events as ev
from llmtui.engine.resume import HeldEvents
from llmtui.engine.run_request import AnyRequest, ResumeRequest, RunRequest
from llmtui.events import HardwareSnapshot, Model, Server
from llmtui.log.encode import encode_line
from llmtui.log.read import read_log
from llmtui.log.write import LogWriter

TEXT = "name: q\nmodels: [m]\nworkloads:\n  - {kind: generate, prompts: [x]}\n  - {kind: generate, prompts: [y]}\n"
GONE = "http://127.0.0.1:9"
ON_UVLOOP = "import runpy; runpy.run_module('llmtui.engine', run_name='__main__')"
ON_ASYNCIO = f"import sys; sys.modules['uvloop'] = None; {ON_UVLOOP}"


def resume(path, *, anyway=False, code=ON_UVLOOP):
    asked = msgspec.json.encode(ResumeRequest(log=str(path), anyway=anyway))
    return subprocess.run([sys.executable, "-c", code], input=asked, capture_output=True, timeout=60, check=False)


def cut_session(folder, *more, missing=True, **changes):
    """A session whose first job is done and whose second one ran when the engine was killed."""
    path = folder / "s1.jsonl"
    server = None if missing else Server(url=GONE, kind="ollama", version="1", models=(Model(id="m"),))
    jobs = {"target": GONE, "model": "m", "requests": 1}
    events = [
        header(
            **{"suite": TEXT, "urls": (GONE,), "suite_sha256": hashlib.sha256(TEXT.encode()).hexdigest(), **changes}
        ),
        ev.TargetResolved(t=1, target=GONE, url=GONE, server=server, problem="nobody listens" if missing else None),
        queued("j1", workload="generate 1", parameters={"kind": "generate", "prompts": ["x"]}, **jobs),
        queued("j2", workload="generate 2", parameters={"kind": "generate", "prompts": ["y"]}, **jobs),
        ev.JobStarted(t=2, job="j1"),
        *request("j1.1"),
        ev.JobFinished(t=80 * MS, job="j1", status="done"),
        ev.JobStarted(t=81 * MS, job="j2"),
        *request("j2.1", job="j2", start=90 * MS),
        *request("j2.2", job="j2", start=200 * MS)[:3],
        *more,
    ]
    path.write_bytes(b"".join(map(encode_line, events)))
    return path


@pytest.mark.parametrize("code", [ON_UVLOOP, ON_ASYNCIO])
def test_it_goes_on_in_the_same_log_on_both_loops(tmp_path, code):
    path = cut_session(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"ev":"request_fin')
    done = resume(path, code=code)
    assert done.returncode == 0, done.stderr
    assert path.read_bytes().startswith(whole)
    log = read_log(path)
    assert log.notices == []
    before = [event for event in log.events if log.events.index(event) < whole.count(b"\n")]
    told = log.events[whole.count(b"\n") :]
    resumed = told[0]
    assert isinstance(resumed, ev.SessionResumed)
    assert (resumed.put_back, resumed.cut_bytes, resumed.differences) == (("j2",), 18, ())
    assert resumed.t == max(event.t for event in before) + 1
    assert all(event.t >= resumed.t for event in told)
    assert [(event.job, event.status) for event in told if isinstance(event, ev.JobFinished)] == [("j2", "failed")]
    assert not [event for event in told if isinstance(event, ev.JobQueued)]
    assert isinstance(told[-1], ev.SessionFinished)


@pytest.mark.parametrize("ended", [False, True])
def test_what_was_repeated_is_repeated_on_unless_that_had_ended(tmp_path, ended):
    begun = ev.RepetitionBegun(t=300 * MS, job="j1", within=0.02)
    end = ev.RepetitionEnded(t=301 * MS, job="j1", reached=True)
    path = cut_session(tmp_path, begun, *([end] if ended else []))
    done = resume(path)
    assert done.returncode == 0, done.stderr
    events = read_log(path).events
    again = [event for event in events if isinstance(event, ev.JobQueued) and event.rerun_of is not None]
    assert [(event.rerun_of, event.iteration) for event in again] == ([] if ended else [("j1", 2)])
    assert [event.reached for event in events if isinstance(event, ev.RepetitionEnded)] == [ended], "the server is gone"


def test_the_asyncio_child_has_no_uvloop():
    code = ON_ASYNCIO.partition(ON_UVLOOP)[0] + "import uvloop"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 1


def suite_file(folder, text):
    path = folder / "suite.yaml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (lambda folder: {"suite_path": suite_file(folder, TEXT + "# more\n")}, "the suite's file"),
        (lambda _: {"hardware": HardwareSnapshot(hostname="another-box")}, "and was another-box"),
        (lambda _: {"missing": False}, f"the target {GONE} is not there"),
    ],
)
def test_it_refuses_what_has_changed_unless_told_otherwise(tmp_path, changes, sentence):
    path = cut_session(tmp_path, **changes(tmp_path))
    before = path.read_bytes()
    refused = resume(path)
    assert refused.returncode == 2
    said = refused.stderr.decode()
    assert sentence in said
    assert "llmtui resume s1 --anyway" in said
    assert said.count("\n") == 1
    assert path.read_bytes() == before, "a refusal writes nothing"
    assert resume(path, anyway=True).returncode == 0
    events = read_log(path).events
    (resumed,) = [event for event in events if isinstance(event, ev.SessionResumed)]
    assert any(sentence in difference for difference in resumed.differences)
    assert isinstance(events[-1], ev.SessionFinished)


def test_a_suite_whose_file_is_as_it_was_is_no_difference(tmp_path):
    path = cut_session(tmp_path, suite_path=suite_file(tmp_path, TEXT))
    assert resume(path).returncode == 0


@pytest.mark.parametrize("anyway", [False, True])
def test_what_is_finished_is_never_gone_on_with(tmp_path, anyway):
    path = cut_session(tmp_path, ev.SessionFinished(t=999 * MS, outcome="stopped"))
    before = path.read_bytes()
    refused = resume(path, anyway=anyway)
    assert refused.returncode == 2
    assert refused.stderr == b"the session s1 is finished; measure anew by: llmtui run\n"
    assert path.read_bytes() == before


@pytest.mark.parametrize("anyway", [False, True])
def test_what_still_runs_is_never_gone_on_with(tmp_path, anyway):
    path = cut_session(tmp_path)
    before = path.read_bytes()
    writer = LogWriter(path, resume=True)
    refused = resume(path, anyway=anyway)
    writer.close()
    assert refused.returncode == 2
    assert refused.stderr == b"the session s1 still runs; watch it by: llmtui attach s1\n"
    assert path.read_bytes() == before


def test_a_log_that_is_none_gets_one_sentence(tmp_path):
    path = tmp_path / "s1.jsonl"
    path.write_text("nonsense\n")
    refused = resume(path)
    assert (refused.returncode, refused.stderr.count(b"\n")) == (2, 1)
    assert b"not a log of llmtui" in refused.stderr


def test_events_are_held_until_they_are_released():
    held, sink = HeldEvents(), Sink()
    held.append(ev.MarkerPlaced(t=1, label="a"), durable=True)
    held.append(ev.MarkerPlaced(t=2, label="b"))
    assert sink.events == []
    held.release(sink)
    held.append(ev.MarkerPlaced(t=3, label="c"))
    assert [event.label for event in sink.events] == ["a", "b", "c"]
    assert [event.label for event in sink.durable] == ["a"]


@pytest.mark.parametrize("asked", [RunRequest(log="l", suite="s"), ResumeRequest(log="l", anyway=True)])
def test_a_request_says_what_to_do(asked):
    assert msgspec.json.decode(msgspec.json.encode(asked), type=AnyRequest) == asked
    assert json.loads(msgspec.json.encode(asked))["do"] in {"run", "resume"}


def test_the_log_of_a_refused_session_can_be_resumed_by_another(tmp_path):
    """A refusal gives the lock back."""
    path = cut_session(tmp_path, hardware=HardwareSnapshot(hostname="another-box"))
    assert resume(path).returncode == 2
    writer = LogWriter(path, resume=True)
    assert writer.close() == 0
