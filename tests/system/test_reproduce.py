"""The commands that a session prints for its jobs, given to a shell: what a server receives is what it received."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from support.command_line import LLMTUI
from support.relay import Relay

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.selftest.children import truth_server

MODEL = "plain+ttft_ms=5+gap_ms=1+tokens=4"
CHAT = {"openai": "/v1/chat/completions", "ollama": "/api/chat"}
SUITE = """
name: again
sample_ms: 200
warmup: 1
iterations: 2
workloads:
  - {kind: generate, name: other, prompts: [nothing], max_tokens: 3}
  - kind: generate
    name: the one
    prompt_cache: allow
    system: "It's a \\"test\\", $HOME `x` \\\\ !"
    prompts: ["first\\nline 🙂 \\u001b[31m", second]
    max_tokens: 4
    stop: ["THE END", "it's"]
    options: {top_p: 0.5}
"""


@pytest.fixture(params=sorted(CHAT))
def served(request, llmtui):
    """A session on the known-truth server, behind a relay: the command line, the relay, its path for chats, the log."""
    with truth_server(llmtui.folder, [MODEL]) as served, Relay(served.urls[request.param]) as relay:
        suite = llmtui.suite(SUITE)
        environ = {"LLMTUI_API_KEY": "sk-secret"}
        done = llmtui(
            "run", suite, "--url", relay.url, "-m", MODEL, "--set", "max_tokens=3", "--plain", environ=environ
        )
        assert done.returncode == 0, done.stderr
        yield llmtui, relay, CHAT[request.param], llmtui.log()


def script_of(llmtui, log):
    """The commands of each job by its id: `llmtui run ...` and `curl ...`."""
    exported = llmtui("export", log.stem, "--format", "commands")
    assert exported.returncode == 0, exported.stderr
    assert "sk-secret" not in exported.stdout + log.read_text()
    assert "\x1b" not in exported.stdout
    blocks = exported.stdout.split("\n\n")[1:]
    return {
        block.split()[1]: [line for line in block.splitlines() if line and not line.startswith("#")] for block in blocks
    }


def shell(line, environ):
    prelude = 'llmtui() { "$PYTHON" -m llmtui "$@" --plain; }\n'
    return subprocess.run(
        ["bash", "-c", prelude + line],
        capture_output=True,
        timeout=60,
        check=False,
        env=environ,
        stdin=subprocess.DEVNULL,
    )


def measured(log, job):
    """The ids of a job's measured requests, and where the first of them stands among all that were sent."""
    started = [event for event in read_log(log).events if isinstance(event, ev.RequestStarted)]
    own = [event for event in started if event.job == job and not event.warmup]
    return own, started.index(own[0])


def test_the_curl_sends_byte_for_byte_what_the_backend_sent(served, monkeypatch):
    if shutil.which("curl") is None:
        pytest.skip("no curl here")
    llmtui, relay, path, log = served
    commands = script_of(llmtui, log)
    assert list(commands) == ["j1", "j2", "j3", "j4"]
    before = relay.posted(path)
    for job in ("j1", "j3"):
        _, place = measured(log, job)
        monkeypatch.setenv("LLMTUI_API_KEY", "sk-secret")
        answered = shell(commands[job][1], None)
        assert answered.returncode == 0, answered.stderr
        assert b"THE END" not in answered.stdout
        assert len(answered.stdout.splitlines()) > 3, "it streams"
        again = relay.posted(path)[-1]
        assert again.body == before[place].body
        assert again.headers["authorization"] == before[place].headers["authorization"] == "Bearer sk-secret"
        assert again.headers["content-type"] == before[place].headers["content-type"]
    assert len(relay.posted(path)) == len(before) + 2
    assert before[measured(log, "j1")[1]].body != before[measured(log, "j3")[1]].body, "the control: jobs differ"


@pytest.mark.parametrize("changed", [False, True])
def test_the_run_measures_the_one_job_again(served, monkeypatch, changed):
    llmtui, relay, path, log = served
    suite = Path(llmtui.suite(SUITE))
    if changed:
        suite.write_text("name: something else\n")
    run = script_of(llmtui, log)["j4"][0]
    assert (str(suite) in run) is not changed
    before = relay.posted(path)
    own, place = measured(log, "j4")
    monkeypatch.setenv("PYTHON", LLMTUI[0])
    done = shell(run, None)
    assert done.returncode == 0, done.stderr
    new = llmtui.log()
    assert new != log
    queued = [event for event in read_log(new).events if isinstance(event, ev.JobQueued)]
    assert [(event.workload, event.iteration) for event in queued] == [("the one", 1)]
    sent = [json.loads(one.body) for one in relay.posted(path)[len(before) :]]
    assert sent[-len(own) :] == [json.loads(one.body) for one in before[place : place + len(own)]]
    assert len(sent) == len(own) + 1, "and one to warm up"
