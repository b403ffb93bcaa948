"""A grid, and baseline against tuned, on the real server with the real small model."""

import json
import re

import pytest

from llmtui import events as ev
from llmtui.log.read import read_log

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(240)]

QUICK = ("--set", "quick=true", "--set", "iterations=2", "--plain")


def events_of(llmtui, kind):
    return [event for event in read_log(llmtui.log()).events if isinstance(event, kind)]


def test_a_grid_runs_each_point_and_says_whether_one_is_best(llmtui):
    result = llmtui("run", "sweep", *QUICK, "--set", "grid.options.top_k=[1, 40]", timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    queued = events_of(llmtui, ev.JobQueued)
    assert len(queued) == 8
    assert len({tuple(event.point.items()) for event in queued}) == 4
    asked = {event.job: event.body for event in sent_with_jobs(llmtui)}
    assert all(asked[event.job]["temperature"] == event.point["temperature"] for event in queued)
    assert all(asked[event.job]["top_k"] == event.point["options.top_k"] for event in queued)
    assert "grid of short answer: 4 points, decode (higher is better)" in result.stdout
    assert re.search(r"can't tell which point is best|the best point: ", result.stdout)
    assert "decode in tok/s: temperature down, top_k across" in result.stdout
    assert result.stdout.count("best mean") >= 2


class Asked:
    """What was posted for a job."""

    def __init__(self, job, body):
        self.job, self.body = job, body


def sent_with_jobs(llmtui):
    jobs = {event.request: event.job for event in events_of(llmtui, ev.RequestStarted) if not event.warmup}
    return [
        Asked(jobs[event.request], event.body) for event in events_of(llmtui, ev.RequestSent) if event.request in jobs
    ]


def test_the_embedded_server_is_started_as_each_point_says(llmtui):
    grid = "grid={embedded.context: [256, 512]}"
    result = llmtui("run", "sweep", *QUICK, "--set", grid, "--set", "iterations=1", "--set", "best=load", timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
    targets = {event.target for event in events_of(llmtui, ev.ServerStarted)}
    assert targets == {"embedded[context=256]", "embedded[context=512]"}
    loads = events_of(llmtui, ev.ModelLoaded)
    assert len(loads) == 2
    assert all(load.load_ns > 100_000_000 for load in loads), "a server's start takes more than the look at it"
    assert "can't tell which point is best" in result.stdout, "one run each never tells"


def test_baseline_and_tuned_take_turns_and_leave_three_pages(llmtui, tmp_path):
    result = llmtui("run", "report", *QUICK, "--set", "warmup=0", "--out", str(tmp_path / "out"), timeout=180)
    assert result.returncode == 0, result.stdout + result.stderr
    assert [event.variant for event in events_of(llmtui, ev.JobQueued)] in (
        ["baseline", "tuned", "tuned", "baseline"],
        ["tuned", "baseline", "baseline", "tuned"],
    )
    assert len(events_of(llmtui, ev.ModelLoaded)) == 4, "loaded anew for each run"
    assert "technical report, baseline: 2 of 2 runs done" in result.stdout
    row = re.search(r"^load time +[\d.]+ m?s +[\d.]+ m?s +.*$", result.stdout, re.MULTILINE)
    assert row
    assert "can't tell: fewer than 4 runs of a side have it" in result.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "README.md", "comparison.md", "baseline.md", "tuned.md", "metrics.json"
    }  # fmt: skip
    data = json.loads((tmp_path / "out" / "metrics.json").read_text())
    sides = data["comparisons"][0]["sides"]
    assert [len(side["runs"]) for side in sides] == [2, 2]
    assert all(run["words"] > 0 and run["decode"] > 0 for side in sides for run in side["runs"])


def test_words_are_judged_and_options_without_effect_told(llmtui):
    asked = ("--set", "max_tokens=24", "--set", "iterations=1", "--set", "variants.1.options.num_ctx=64")
    result = llmtui("run", "report", "--plain", *asked, "--set", "least_words=1", timeout=120)
    assert result.returncode == 1, "an answer of 24 tokens was cut off"
    assert re.search(r"FAIL +end: it was cut off at 24 tokens", result.stdout)
    assert re.search(r"pass +words: \d+ words, asked for were 1 to 1000", result.stdout)
    (alert,) = [event for event in events_of(llmtui, ev.AlertRaised) if event.code == "option-without-effect"]
    assert "set `embedded.context`" in alert.text
    assert f"note: {alert.text}" in result.stdout


def test_a_grid_that_is_too_large_is_refused_before_anything_starts(llmtui):
    seeds = ", ".join(map(str, range(400)))
    result = llmtui("run", "sweep", "--plain", "--set", f"grid={{seed: [{seeds}]}}", "--set", "iterations=1")
    assert result.returncode == 1
    assert "`grid` has 400 jobs" in result.stderr
    assert "allow so many by `most_jobs: 400`" in result.stderr
    assert not list(llmtui.sessions.glob("*.jsonl"))
