"""A server that is killed in the middle of a run, and one that is started again in time, by the shipped command."""

import subprocess

import pytest
from support.command_line import LLMTUI
from support.relay import Relay

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.selftest.children import truth_server

MODEL = "plain"
SUITE = """
name: gone
warmup: 1
iterations: 4
workloads:
  - {kind: generate, name: words, prompts: [one, two], max_tokens: 80}
"""


@pytest.fixture
def cut(llmtui):
    """A run whose server, on a port of its own, was ended while it answered: the command, the relay, what is behind."""
    with truth_server(llmtui.folder, [MODEL]) as served, Relay(served.urls["openai"]) as relay:
        command = [*LLMTUI, "run", llmtui.suite(SUITE), "--url", relay.url, "-m", MODEL, "--plain"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as running:
            llmtui.wait_for_text('"ev":"tokens_received"')
            relay.end()
            yield llmtui, running, relay, served.urls["openai"]


def ends(log):
    return [event.status for event in read_log(log).events if isinstance(event, ev.JobFinished)]


def test_the_rest_is_skipped_and_run_again_by_the_command_that_is_named(cut):
    llmtui, running, relay, server = cut
    said, _ = running.communicate(timeout=60)
    log = llmtui.log()
    assert running.returncode == 1
    assert ends(log) == ["failed", "skipped", "skipped", "skipped"]
    again = f"llmtui rerun {log.stem} --bad"
    sentence = f"{relay.url} can't be reached; 3 jobs skipped; start it, then run them by: {again}"
    assert said.count(sentence) == 2, "once when it happened, once below the results"
    with Relay(server, port=relay.port):
        repeated = llmtui(*again.split()[1:], "--plain")
    assert repeated.returncode == 0, repeated.stdout + repeated.stderr
    assert "again: j1 failed, j2 had no server, j3 had no server, j4 had no server" in repeated.stdout
    assert ends(llmtui.log()) == ["done"] * 4


def test_a_server_that_is_started_again_in_time_keeps_the_rest_of_the_run(cut):
    llmtui, running, relay, server = cut
    llmtui.wait_for_text("waiting up to")
    with Relay(server, port=relay.port):
        said, _ = running.communicate(timeout=60)
    assert running.returncode == 1, "one job failed"
    assert ends(llmtui.log()) == ["failed", "done", "done", "done"]
    assert "skipped" not in said
    assert "can't be reached; waiting up to" in said
