"""The shipped command on a disk that is full in the middle of a run, with the known-truth server."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from support.command_line import LLMTUI
from support.small_disk import on_small_disk

from llmtui.selftest.children import truth_server

pytestmark = pytest.mark.privileged

MODEL = "plain+ttft_ms=5+gap_ms=2+tokens=1000"
REQUESTS = 40
SUITE = f"""
name: full
sample_ms: 100
warmup: 0
workloads:
  - {{kind: load, name: busy, prompts: [a, b, c], concurrency: 8, requests: {REQUESTS}, max_tokens: 1000}}
"""
# Runs where the folder of sessions is small: fills the disk once answers come, and says what happened until the end.
DRIVER = """
import json, os, subprocess, sys, time
from pathlib import Path
sessions, returns, command = Path(os.environ["LLMTUI_SESSIONS"]), sys.argv[1] == "returns", sys.argv[2:]
run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
said, full_when = [], None
ballast = sessions / "ballast"
for line in run.stdout:
    said.append(line)
    if full_when is None and ", decode " in line and sys.argv[1] != "never full":
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        full_when = len(said)
    if returns and "the log can't be written" in line:
        time.sleep(3)
        ballast.unlink()
(log,) = sessions.glob("*.jsonl")
told = {"code": run.wait(), "said": said, "full_when": full_when, "log": log.read_text(), "free": not ballast.exists()}
print(json.dumps(told))
"""


def told(llmtui, disk):
    suite = llmtui.suite(SUITE)
    llmtui.sessions.mkdir(parents=True)
    with truth_server(llmtui.folder, [MODEL]) as served:
        run = [*LLMTUI, "run", suite, "--url", served.urls["openai"], "-m", MODEL, "--plain"]
        child = on_small_disk(llmtui.sessions, "2m", [sys.executable, "-c", DRIVER, disk, *run])
        done = subprocess.run(child, capture_output=True, text=True, timeout=100, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def events_of(told):
    lines = told["log"].splitlines()
    return [json.loads(line) for line in lines[:-1]], lines[-1]


def test_a_run_survives_a_disk_that_is_full_for_a_while(llmtui):
    found = told(llmtui, "returns")
    text = "".join(found["said"])
    assert found["free"], text
    assert found["code"] == 0, text
    assert "the log can't be written: No space left on device; measuring goes on in memory" in text
    assert "the log is written again; nothing was lost" in text
    events, last = events_of(found)
    kinds = [event["ev"] for event in events]
    assert kinds.count("request_started") == kinds.count("request_finished") >= REQUESTS
    assert json.loads(last)["outcome"] == "completed"
    assert [event["severity"] for event in events if event.get("code") == "log-trouble"] == ["error", "warning"]
    came = Counter()
    for event in events:
        if event["ev"] == "tokens_received":
            came[event["request"]] += len(event["texts"])
    whole = {event["request"]: event["figures"]["tokens"] for event in events if event["ev"] == "request_finished"}
    done = {event["request"] for event in events if event["ev"] == "request_finished" and event["status"] == "done"}
    assert len(done) >= REQUESTS
    assert {name: came[name] for name in done} == {name: whole[name] for name in done}, "no text is missing"


def test_a_disk_that_stays_full_is_said_and_what_it_took_can_be_read(llmtui):
    found = told(llmtui, "stays full")
    text = "".join(found["said"])
    assert "the log can't be written: No space left on device" in text
    assert "the log is written again" not in text
    notes = "".join(path.read_text() for path in (llmtui.folder / "llmtui" / "state" / "engine").glob("*.txt"))
    assert "events could not be written to" in notes
    events, _torn = events_of(found)
    assert events[0]["ev"] == "session_opened"
    assert any(event.get("code") == "log-trouble" for event in events)
    assert "Traceback" not in text + notes


def test_the_control_a_disk_with_room_says_nothing(llmtui):
    found = told(llmtui, "never full")
    assert found["code"] == 0
    assert "the log can't be written" not in "".join(found["said"])
    assert "log-trouble" not in found["log"]
