"""Pupils, readers, piles of documents and repeated questions, on the real server with the real small model."""

import csv
import re

import pytest

from llmtui import events as ev
from llmtui.log.read import read_log

pytestmark = pytest.mark.embedded

QUICK = ("--set", "quick=true", "--set", "max_tokens=12", "--plain")


def finished(llmtui):
    return [
        event for event in read_log(llmtui.log()).events if isinstance(event, ev.RequestFinished) and not event.warmup
    ]


def folder_of(llmtui):
    return llmtui.log().with_suffix(".files")


def test_pupils_get_answers_a_summary_and_a_table(llmtui, tmp_path):
    result = llmtui("run", "student", *QUICK, "--set", "pause_s=0.1", "--out", str(tmp_path / "out"))
    assert result.returncode == 0, result.stdout + result.stderr
    assert "questions of pupils: 4 of 4 were answered" in result.stdout
    for category in ("short", "medium", "long", "follow-up"):
        assert re.search(
            rf"^{category} +1 +[\d.]+ m?s +[\d.]+ m?s +[\d.]+ +[\d.]+ m?s +\d+ +native$", result.stdout, re.MULTILINE
        )
    with (tmp_path / "out" / "student.csv").open() as file:
        rows = list(csv.DictReader(file))
    events = finished(llmtui)
    assert [row["request"] for row in rows] == [event.request for event in events]
    assert [float(row["first_token_ms"]) for row in rows] == [
        pytest.approx(event.figures.ttft_ns / 1e6, abs=0.001) for event in events
    ]
    assert all(row["status"] == "done" and row["timing_source"] == "native" for row in rows)
    assert all(int(row["prompt_tokens"]) > 100 for row in rows), "the system prompt counts"
    assert not folder_of(llmtui).exists()
    assert f"files: {tmp_path / 'out'}" in result.stdout


def test_a_run_that_nobody_watched_gets_its_files_afterwards(llmtui):
    result = llmtui("run", "student", *QUICK[:-1], "--set", "pause_s=0", "--detach")
    assert result.returncode == 0, result.stderr
    llmtui.wait_for_text('"ev":"session_finished"')
    assert not folder_of(llmtui).exists()
    assert llmtui("report", "last").returncode == 0
    table = (folder_of(llmtui) / "student.csv").read_text()
    assert len(table.splitlines()) == 5
    assert llmtui("attach", "--plain").returncode == 0
    assert (folder_of(llmtui) / "student.csv").read_text() == table


def test_a_story_is_judged_by_its_limits(llmtui):
    loose = llmtui("run", "interactive", *QUICK, "--set", "max_variation=100", "--set", "min_rate=0.01")
    assert loose.returncode == 0, loose.stdout + loose.stderr
    assert re.search(r"pass +first token: after [\d.]+ m?s at the latest; allowed is 30.00 s", loose.stdout)
    assert "continuations: 3 of 3 were answered" in loose.stdout
    strict = llmtui("run", "interactive", *QUICK, "--set", "max_variation=100", "--set", "min_rate=1000000")
    assert strict.returncode == 1
    assert "verdict: not fit to read along" in strict.stdout
    assert re.search(r"FAIL +rate: [\d.]+ tok/s at the slowest", strict.stdout)


def test_documents_are_summarised_and_counted(llmtui):
    result = llmtui(
        "run", "batch", *QUICK, "--set", "max_variation=100", "--set", "least_tokens=60", "--set", "most_tokens=120"
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "documents: 6 of 6 were summarised" in result.stdout
    assert re.search(r"[\d.]+ documents an hour", result.stdout)
    assert re.search(r"the last 3 took [\d.]+ times as long as the first 3", result.stdout)
    assert re.search(
        r"memory: memory of the server (grew|stayed|fell|is not judged)|memory: not evaluated", result.stdout
    )
    lengths = [event.figures.prompt_tokens for event in finished(llmtui)]
    assert len(set(lengths)) > 1
    assert all(60 < length < 200 for length in lengths), "with instruction and chat template"


def test_the_same_prompt_at_temperature_0_and_above(llmtui):
    result = llmtui("run", "consistency", *QUICK, "--set", "temperatures=[0, 2]", "--set", "max_tokens=24")
    assert result.returncode == 0, result.stdout + result.stderr
    cold = re.search(r"^temperature 0 +3 +(\d) \(\d+ %\) +([\d.]+) %", result.stdout, re.MULTILINE)
    hot = re.search(r"^temperature 2 +3 +(\d) \(\d+ %\) +([\d.]+) %", result.stdout, re.MULTILINE)
    assert float(hot[2]) > float(cold[2])
    options = [event.options for event in read_log(llmtui.log()).events if isinstance(event, ev.RequestStarted)]
    assert [one["temperature"] for one in options if one["max_tokens"] == 24] == [0, 0, 0, 2, 2, 2]
