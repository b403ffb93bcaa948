"""An engine that is killed at any moment of a real run, and another one that goes on in its log."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest
from support.command_line import LLMTUI, LONG
from support.witness import Witness, assert_little_is_lost

from llmtui import events as ev
from llmtui.engine.run_request import ResumeRequest
from llmtui.log.read import read_log
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState
from llmtui.testing.terminal import Terminal

pytestmark = pytest.mark.embedded

SUITE = """
name: resumed
targets: [embedded]
sample_ms: 100
iterations: 2
embedded: {threads: 1, context: 1024}
workloads:
  - kind: generate
    name: first
    prompts: ["What is the capital of France?", "Tell a story about the sea."]
    max_tokens: 24
  - kind: generate
    name: second
    prompts: ["What is the capital of Italy?"]
    max_tokens: 24
"""
MOMENTS = 50 if os.environ.get("LLMTUI_LONG_TESTS") == "1" else 4
LASTS_S = 4.5
"""A little longer than the run does from its header on: the last moments find it finished, which is a case too."""

ON_ASYNCIO = "import runpy, sys; sys.modules['uvloop'] = None; runpy.run_module('llmtui.engine', run_name='__main__')"


def ended_jobs(events):
    """What ended and how, each with what it measured: the same for any run of the suite."""
    state = SessionState()
    apply_all(state, events)
    rows = {row.job: row for row in job_results(state)}
    plans = {event.job: event for event in events if isinstance(event, ev.JobQueued)}
    return sorted(
        (event.job, plans[event.job].workload, plans[event.job].iteration, event.status, rows[event.job].requests)
        for event in events
        if isinstance(event, ev.JobFinished)
    )


def ids(events, kind, name):
    return Counter(getattr(event, name) for event in events if isinstance(event, kind))


def resume_on_asyncio(path):
    """Without uvloop, which the command line takes where it is there."""
    asked = msgspec.json.encode(ResumeRequest(log=str(path)))
    return subprocess.run(
        [sys.executable, "-c", ON_ASYNCIO],
        input=asked.decode(),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


class Cut(NamedTuple):
    """An engine that was killed: its log, when (monotonic ns), and who watched."""

    path: Path
    killed_ns: int
    witness: Witness


def cut_off(llmtui, gone, moment):
    """Kill an engine at a moment after its start; one that has finished by then has left all that it had."""
    assert llmtui("run", llmtui.suite(SUITE), "--detach").returncode == 0
    path = llmtui.log()
    witness = Witness(path)
    time.sleep(moment)
    header = read_log(path).header
    killed_ns = time.monotonic_ns()
    try:
        os.kill(header.pid, signal.SIGKILL)
    except ProcessLookupError:
        assert isinstance(read_log(path).events[-1], ev.SessionFinished)
    assert gone(header.pid)
    witness.stop()
    return Cut(path, killed_ns, witness)


def assert_whole(events, before):
    """Assert that all of `before` is there, nothing is there twice, and all jobs came to their end."""
    assert events[: len(before)] == before, "what was in the log stays in it"
    for kind, name in [(ev.JobQueued, "job"), (ev.JobFinished, "job"), (ev.RequestStarted, "request")]:
        assert set(ids(events, kind, name).values()) == {1}, f"{kind.__name__} twice"
    assert set(ids(events, ev.RequestFinished, "request").values()) == {1}
    (resumed,) = [place for place, event in enumerate(events) if isinstance(event, ev.SessionResumed)]
    assert resumed == len(before)
    assert min(event.t for event in events[resumed:]) > max(event.t for event in before)
    done = {event.job for event in before if isinstance(event, ev.JobFinished)}
    assert not done & {event.job for event in events[resumed:] if isinstance(event, ev.JobStarted)}, "ran twice"
    assert events[-1].outcome == "completed"


@pytest.mark.timeout(60 + 30 * MOMENTS)
def test_a_run_that_is_killed_at_any_moment_comes_to_the_same_end(llmtui, gone):
    assert llmtui("run", llmtui.suite(SUITE), "--plain").returncode == 0
    undisturbed = ended_jobs(read_log(llmtui.log()).events)
    assert [row[3:] for row in undisturbed] == [("done", 2), ("done", 2), ("done", 1), ("done", 1)]
    chance = random.Random(20261121)
    lost, marks, resumed = [], [], 0
    for round_ in range(MOMENTS):
        path, killed_ns, witness = cut_off(llmtui, gone, chance.uniform(0, LASTS_S))
        before = read_log(path).events
        lost.append(assert_little_is_lost(witness, killed_ns, before))
        went_on = resume_on_asyncio(path) if round_ % 2 else llmtui("resume", path.stem, "--plain")
        if isinstance(before[-1], ev.SessionFinished):
            assert "is finished" in went_on.stderr
        else:
            resumed += 1
            marks.append(len(witness.answered))
            assert went_on.returncode == 0, went_on.stderr
            log = read_log(path)
            assert log.notices == []
            assert_whole(log.events, before)
        assert ended_jobs(read_log(path).events) == undisturbed, f"round {round_}"
    marked = sum(map(bool, marks))
    sys.stdout.write(f"{MOMENTS} rounds, {resumed} killed and resumed, {marked} after {sum(marks)} answered marks; ")
    sys.stdout.write(f"oldest event that a kill took or would have taken: {max(lost)}\n")
    assert resumed > MOMENTS // 3
    assert marked > resumed // 2, "most kills came when the engine had answered a mark"


def test_of_two_engines_that_want_to_go_on_one_does(llmtui, gone):
    path = cut_off(llmtui, gone, 1.0).path
    both = [
        subprocess.Popen([*LLMTUI, "resume", path.stem, "--detach"], stdout=-1, stderr=-1, text=True) for _ in range(2)
    ]
    said = [one.communicate(timeout=60) for one in both]
    assert sorted(one.returncode for one in both) == [0, 1]
    assert any("still runs" in errors for _, errors in said)
    assert llmtui("attach", path.stem, "--plain").returncode == 0
    events = read_log(path).events
    assert len([event for event in events if isinstance(event, ev.SessionResumed)]) == 1
    assert events[-1].outcome == "completed"


def test_a_rerun_of_the_user_survives_and_a_second_kill_too(llmtui, gone):
    llmtui("run", llmtui.suite(SUITE), "--detach")
    llmtui.wait_for_text('"ev":"job_started"')
    assert llmtui("ctl", "rerun", "j3").stdout.strip() == "queued as j5"
    path = llmtui.log()
    os.kill(read_log(path).header.pid, signal.SIGKILL)
    assert gone(read_log(path).header.pid)
    assert llmtui("resume", "last", "--detach").returncode == 0
    second = next(event for event in read_log(path).events if isinstance(event, ev.SessionResumed))
    llmtui.wait_for_text('"request":"j1.')
    os.kill(second.pid, signal.SIGKILL)
    assert gone(second.pid)
    assert llmtui("resume", "last", "--plain").returncode == 0
    events = read_log(path).events
    assert [row[0] for row in ended_jobs(events)] == ["j1", "j2", "j3", "j4", "j5"]
    assert set(ids(events, ev.RequestStarted, "request").values()) == {1}
    prompts = Counter(event.messages[0][1] for event in events if isinstance(event, ev.RequestStarted) and event.warmup)
    assert set(prompts.values()) == {1}, "no cache may know a prompt from before"


REPEATED = """
name: repeated
targets: [embedded]
pause_s: 0
embedded: {threads: 1, context: 1024}
workloads:
  - {kind: generate, name: first, prompts: ["Tell a story about the sea."], max_tokens: 32}
"""


def test_what_is_repeated_is_repeated_on_after_a_kill(llmtui, gone):
    llmtui("run", llmtui.suite(REPEATED), "--detach")
    llmtui.wait_for_text('"ev":"job_started"')
    assert "repeating 1 of them" in llmtui("ctl", "repeat", "j1", "--within", "99").stdout
    llmtui.wait_for_text('"rerun_of":"j1"')
    path = llmtui.log()
    os.kill(read_log(path).header.pid, signal.SIGKILL)
    assert gone(read_log(path).header.pid)
    before = read_log(path).events
    assert not any(isinstance(event, ev.RepetitionEnded) for event in before), "killed before its end"
    went_on = llmtui("resume", "last", "--plain")
    assert went_on.returncode == 0, went_on.stderr
    assert_whole(events := read_log(path).events, before)
    after = events[len(before) :]
    assert [event.rerun_of for event in after if isinstance(event, ev.JobQueued)].count("j1") >= 1
    (begun,) = [event for event in events if isinstance(event, ev.RepetitionBegun)]
    (ended,) = [event for event in after if isinstance(event, ev.RepetitionEnded)]
    assert (begun.job, begun.within, ended.job) == ("j1", 0.99, "j1")
    runs = [event for event in events if isinstance(event, ev.JobFinished)]
    assert len(runs) >= 6, "so many are needed, those from before the kill among them"
    assert ended.reached or len(runs) == 60


def test_a_session_of_another_host_is_followed_through_a_pipe(llmtui):
    llmtui("run", llmtui.suite(SUITE), "--detach")
    with subprocess.Popen([*LLMTUI, "tail", "last"], stdout=subprocess.PIPE) as tail:
        attached = subprocess.run(
            [*LLMTUI, "attach", "-", "--plain"],
            stdin=tail.stdout,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert tail.wait(10) == 0
    assert attached.returncode == 0, attached.stderr
    assert "session completed" in attached.stdout
    assert re.search(r"^j4 +second #2 .* done ", attached.stdout, re.MULTILINE)
    whole = llmtui("tail", "last", "--from-start")
    assert whole.stdout == llmtui.log().read_text()
    assert len(llmtui("tail", "last").stdout) < len(whole.stdout)


def test_the_screen_shows_what_comes_through_a_pipe_and_takes_its_keys_from_the_terminal(llmtui):
    llmtui("run", llmtui.suite(LONG), "--detach")
    llmtui.wait_for_text('"ev":"tokens_received"')
    pipe = f"{' '.join(LLMTUI)} tail last | {' '.join(LLMTUI)} attach -"
    code = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp('sh', ['sh', '-c', sys.argv[1]])"
    terminal = Terminal([sys.executable, "-c", code, pipe], 120, 40, {"TERM": "xterm-256color"})
    try:
        terminal.read_until(b"tok/s", 20)
        terminal.send(b"q")
        terminal.read_for(1.0)
        terminal.send(b"\r")
        terminal.read_until(b"\x1b[?1049l", 10)
    finally:
        terminal.close()
        assert llmtui("ctl", "stop").returncode == 0
    llmtui.wait_for_text('"ev":"session_finished"')


def test_attach_without_a_name_lists_what_runs_when_that_is_more_than_one(llmtui):
    for _ in range(2):
        llmtui("run", llmtui.suite(LONG), "--detach")
    started = [log.stem for log in llmtui.sessions.glob("*.jsonl")]
    listed = llmtui("attach", "--plain")
    assert listed.returncode == 0
    assert listed.stdout.startswith("2 sessions run")
    assert all(f"llmtui attach {name}" in listed.stdout for name in started)
    for name in started:
        assert llmtui("ctl", "--session", name, "stop").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["resume", "nothing"], "there are no sessions"),
        (["tail", "nothing"], "there are no sessions"),
        (["attach", "-"], "no log came through the pipe"),
        (["resume", "x", "--plain", "--detach"], "exclude each other"),
    ],
)
def test_a_wrong_command_gets_one_sentence(llmtui, arguments, sentence):
    result = llmtui(*arguments)
    assert result.returncode != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
