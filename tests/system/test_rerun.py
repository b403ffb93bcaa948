"""Jobs run again, cloned, moved and cancelled by commands and by keys, on the real server with the real small model."""

import asyncio
import os
import re
import signal
import time

import pytest
from support.command_line import LONG, SHORT
from support.screen import Screen

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.servers.embedded import EmbeddedFactory
from llmtui.suites.schema import Embedded, Suite

pytestmark = pytest.mark.embedded

THREE = f"{LONG}  - kind: generate\n    name: last\n    prompts: [What is the capital of Italy?]\n    max_tokens: 12\n"


@pytest.fixture
def finished(llmtui):
    """A session that was recorded just now."""
    result = llmtui("run", llmtui.suite(SHORT), "--plain")
    assert result.returncode == 0, result.stderr
    return llmtui.log()


@pytest.fixture
def running(llmtui):
    """A session whose first job goes on for a while and whose two others wait; stopped at the end."""
    assert llmtui("run", llmtui.suite(THREE), "--detach").returncode == 0
    llmtui.wait_for_text('"ev":"tokens_received"')
    yield llmtui.log()
    llmtui("ctl", "stop")


def queue_on(screen):
    """The jobs of the queue in the order in which the screen shows them, over the whole of it."""
    screen.press(b"1")
    screen.press(b"z" if "[1 queue]" not in screen.text() else b"")
    seen = screen.wait_for("[1 queue]")
    return re.findall(r"^│[ *](j\d) ", seen, re.MULTILINE)


def go_to(screen, place):
    screen.ask(b"g", place)


def of(log, kind):
    return [event for event in read_log(log).events if isinstance(event, kind)]


def child_of(llmtui, parent, seconds=60):
    """Wait until the session that repeats `parent` is over, and return its log."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for log in llmtui.sessions.glob("*.jsonl"):
            if log != parent and '"ev":"session_finished"' in log.read_text():
                return log
        time.sleep(0.05)
    raise AssertionError("no further session came to its end")


def test_a_finished_session_is_run_again_by_a_command_and_the_new_one_names_it(finished, llmtui):
    again = llmtui("rerun", finished.stem, "j1", "--plain")
    assert again.returncode == 0, again.stderr
    assert f"repeats j1 of {finished.stem}" in again.stdout
    child = read_log(llmtui.log())
    assert (child.header.parent, child.header.parent_jobs) == (finished.stem, ("j1",))
    (job,) = [event for event in child.events if isinstance(event, ev.JobQueued)]
    (before,) = of(finished, ev.JobQueued)
    assert (job.iteration, job.parent_job) == (before.iteration + 1, "j1")
    assert (job.target, job.model, job.parameters) == (before.target, before.model, before.parameters)
    assert child.events[-1].outcome == "completed"
    listed = llmtui("sessions")
    assert f"j1 of {finished.stem}" in listed.stdout
    changed = llmtui("rerun", finished.stem, "--set", "max_tokens=6", "--plain")
    assert changed.returncode == 0, changed.stderr
    (job,) = of(llmtui.log(), ev.JobQueued)
    assert (job.variant, job.iteration, job.parameters["max_tokens"]) == ("max_tokens=6", 1, 6)


def test_a_wrong_wish_gets_one_sentence_and_no_session(finished, llmtui):
    for arguments, sentence in [
        (["j7"], f"the session {finished.stem} has no job j7; it has: j1"),
        (["j1", "--set", "max_tokns=4"], "did you mean `max_tokens`?"),
        (["j1", "--set", "max_tokens"], "write key=value"),
        (["j1", "--bad"], "name the jobs to run again, or give --bad"),
        (["--within", "200"], "it takes a percentage between 0 and 100"),
    ]:
        result = llmtui("rerun", finished.stem, *arguments, "--plain")
        assert result.returncode != 0
        assert sentence in result.stderr
        assert "Traceback" not in result.stderr
    fine = llmtui("rerun", finished.stem, "--bad", "--plain")
    assert fine.returncode == 0
    assert fine.stdout.startswith("nothing failed")
    assert list(llmtui.sessions.glob("*.jsonl")) == [finished]


def test_what_failed_for_want_of_a_server_says_so_again_and_counts_as_bad(llmtui):
    suite = llmtui.suite(SHORT.replace("[embedded]", "['http://127.0.0.1:9']"))
    assert llmtui("run", suite, "--plain").returncode != 0
    parent = llmtui.log()
    again = llmtui("rerun", parent.stem, "--bad", "--plain")
    assert again.returncode != 0
    assert "again: j1 failed" in again.stdout
    (ended,) = of(llmtui.log(), ev.JobFinished)
    assert "http://127.0.0.1:9" in ended.reason


def test_commands_clone_and_move_what_waits_and_it_runs_in_that_order(running, llmtui):
    assert llmtui("ctl", "clone", "j2", "max_tokens=8").stdout.strip() == "j2 with max_tokens=8 queued as j4"
    assert llmtui("ctl", "move", "j4", "2").stdout.strip() == "j4 is number 1 of 3 that wait"
    assert llmtui("ctl", "move", "j2", "--down").stdout.strip() == "j2 is number 3 of 3 that wait"
    wrong = llmtui("ctl", "move", "j1")
    assert (wrong.returncode, wrong.stderr.strip()) == (1, "Error: j1 is running; only a job that waits can be moved")
    assert "did you mean `max_tokens`" in llmtui("ctl", "clone", "j2", "max_tokns=8").stderr
    refused = llmtui("rerun", running.stem, "j1", "--plain")
    assert f"llmtui ctl --session {running.stem} rerun j1" in refused.stderr
    assert llmtui("ctl", "rerun", "--bad").stdout.startswith("nothing failed")
    assert llmtui("ctl", "skip", "j1").returncode == 0
    llmtui.wait_for_text('"ev":"session_finished"')
    assert [event.job for event in of(running, ev.JobStarted)] == ["j1", "j4", "j3", "j2"]
    assert {event.job: event.variant for event in of(running, ev.JobQueued)}["j4"] == "max_tokens=8"


def test_the_order_and_the_clones_survive_a_kill(running, llmtui, gone):
    assert llmtui("ctl", "clone", "j3", "max_tokens=8").returncode == 0
    assert llmtui("ctl", "move", "j4", "2").returncode == 0
    pid = read_log(running).header.pid
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert llmtui("resume", running.stem, "--detach").returncode == 0
    assert llmtui("ctl", "skip", "j1").returncode == 0
    llmtui.wait_for_text('"ev":"session_finished"')
    assert [event.job for event in of(running, ev.JobStarted)] == ["j1", "j1", "j4", "j2", "j3"]
    assert [event.status for event in of(running, ev.JobFinished)] == ["skipped", "done", "done", "done"]


def test_keys_move_cancel_and_clone_on_the_screen_and_a_replay_shows_it_exactly(running, llmtui):
    with Screen("attach") as screen:
        screen.wait_for("tok/s", "1 queue")
        screen.press(b"1jjK")
        screen.wait_for("j3 is number 1 of 2 that wait")
        screen.press(b"\x1b[1;2B")
        screen.wait_for("j3 is number 2 of 2 that wait")
        screen.press(b"\x1b[1;2A")
        screen.wait_for("j3 is number 1 of 2 that wait")
        screen.press(b"c")
        screen.wait_for("clone j3", "max_tokens")
        screen.press(b"max_tokns=8\r")
        screen.wait_for("did you mean `max_tokens`?")
        screen.press(b"\x7f" * 11)
        screen.wait_for("key=value, such as")
        screen.press(b"max_tokens=8\r")
        screen.wait_for("j3 with max_tokens=8 queued as j4", "j4   last #1")
        screen.press(b"Gx")
        screen.wait_for("j4 skipped")
        screen.press(b"gx")
        screen.wait_for("completed", seconds=40)
        order = queue_on(screen)
    assert [event.job for event in of(running, ev.JobStarted)] == ["j1", "j3", "j2"]
    with Screen("replay", running.stem, "--speed", "max") as screen:
        screen.wait_for("completed")
        assert queue_on(screen) == order == ["j1", "j3", "j2", "j4"]
        go_to(screen, "j3")
        screen.wait_for("j1 ", absent=["completed"])
        assert queue_on(screen) == ["j1", "j3", "j2", "j4"], "before j3 began it had been moved"
        go_to(screen, "j1")
        screen.wait_for("j1 ", absent=["j4 "])
        assert queue_on(screen) == ["j1", "j2", "j3"], "and before that it had not"


def test_r_on_a_finished_session_runs_it_again_and_shows_the_new_one(finished, llmtui):
    with Screen("attach", finished.stem) as screen:
        screen.wait_for("completed", "short")
        screen.press(b"P")
        screen.wait_for("pause queue: no engine runs for this session")
        screen.press(b"1K")
        screen.wait_for("earlier: no engine runs for this session")
        screen.press(b"R")
        screen.wait_for("nothing failed, was throttled")
        screen.press(b"r")
        screen.wait_for("short #2", seconds=40)
        child = child_of(llmtui, finished)
        screen.wait_for("completed", "short #2")
        screen.press(b"q")
        screen.wait_for("short #1", absent=["short #2"])
        screen.press(b"q")
        assert screen.terminal.process.wait(10) == 0
    header = read_log(child).header
    assert (header.parent, header.parent_jobs) == (finished.stem, ("j1",))


def test_from_a_replay_a_job_is_cloned_into_a_new_session(finished, llmtui):
    with Screen("replay", finished.stem, "--speed", "max") as screen:
        screen.wait_for("completed", "short")
        screen.press(b"4cmax_tokens=7\x7f6\r")
        screen.wait_for("live", "short", absent=["clone j1"], seconds=40)
        child = child_of(llmtui, finished)
        screen.wait_for("completed")
    (job,) = of(child, ev.JobQueued)
    assert (job.parent_job, job.variant, job.parameters["max_tokens"]) == ("j1", "max_tokens=6", 6)


def test_from_the_list_of_sessions_one_is_opened_and_run_again(finished, llmtui):
    with Screen() as screen:
        screen.wait_for("3 sessions", finished.stem)
        screen.press(b"3")
        screen.wait_for(f"enter opens {finished.stem}")
        screen.press(b"\r")
        screen.wait_for("completed", "short #1")
        screen.press(b"u")
        screen.wait_for("live", "short #2", "short #3", seconds=60)
        screen.press(b"q")
        screen.wait_for("stop: end the session now")
        screen.press(b"s")
        screen.wait_for("short #1", absent=["short #2"])
        screen.press(b"q")
        screen.wait_for("3 sessions", absent=["short #1"])
    child = child_of(llmtui, finished)
    assert read_log(child).header.parent == finished.stem
    first, second = of(child, ev.JobQueued)[:2]
    assert (first.parent_job, first.rerun_of) == ("j1", None)
    assert (second.parent_job, second.rerun_of) == (None, "j1"), "it repeats until the rate is known"


def test_a_server_that_is_gone_is_named_in_a_sentence(llmtui, tmp_path):
    suite = Suite(name="tests", workloads=(), embedded=Embedded(context=1024, parallel=1, threads=1))
    server = EmbeddedFactory(state=tmp_path / "state").prepare(None, suite)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        url = runner.run(server.start())
        try:
            assert llmtui("run", llmtui.suite(SHORT), "--url", url, "--plain").returncode == 0
            parent = llmtui.log()
            again = llmtui("rerun", parent.stem, "--plain")
            assert again.returncode == 0, again.stdout
        finally:
            runner.run(server.stop())
    gone = llmtui("rerun", parent.stem, "--plain")
    assert gone.returncode != 0
    assert f"{url}, where {parent.stem} ran, is not there any more: " in gone.stdout
