"""Pupils, readers and piles of documents against a server whose answers are known, by two protocols."""

import csv
import subprocess
import sys

import pytest

MODEL = "plain+ttft_ms=50+gap_ms=10+tokens=20"


@pytest.fixture(scope="module")
def urls():
    process = subprocess.Popen(
        [sys.executable, "-m", "llmtui.testing.truth_server", "--model", MODEL],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield dict(process.stdout.readline().decode().split() for _ in range(2))
        process.stdin.close()
        process.wait(20)
    finally:
        process.kill()
        process.stdout.close()


def run(llmtui, kind, url, *settings):
    options = [option for setting in ("quick=true", *settings) for option in ("--set", setting)]
    return llmtui("run", kind, "--url", url, "-m", MODEL, "--plain", *options)


@pytest.mark.parametrize(("protocol", "timing"), [("openai", "client"), ("ollama", "native")])
def test_the_table_of_pupils_has_the_figures_of_the_server_and_says_by_whose_clock(llmtui, urls, protocol, timing):
    result = run(llmtui, "student", urls[protocol], "pause_s=0", "prompt_cache=allow")
    assert result.returncode == 0, result.stdout + result.stderr
    with (llmtui.log().with_suffix(".files") / "student.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["category"] for row in rows] == ["short", "medium", "long", "follow-up"]
    for row in rows:
        assert (row["timing_source"], row["tokens"], row["backend"]) == (timing, "20", protocol)
        # What came earlier than it was sent would be a lie; how much later it is seen is the machine's affair.
        assert float(row["first_token_ms"]) >= 50
        assert float(row["total_ms"]) >= 50 + 19 * 10
        assert float(row["per_token_ms"]) == pytest.approx(1000 / float(row["tokens_per_s"]), abs=0.01)
    if timing == "native":
        assert all(float(row["tokens_per_s"]) == pytest.approx(100, rel=0.1) for row in rows), "the server's own clock"


def test_a_limit_that_the_server_can_not_keep_fails_the_run(llmtui, urls):
    kept = run(llmtui, "interactive", urls["openai"], "max_variation=100")
    assert kept.returncode == 0, kept.stdout + kept.stderr
    assert "verdict: fit to read along" in kept.stdout
    slow = run(llmtui, "interactive", urls["openai"], "max_variation=100", "min_rate=200")
    assert slow.returncode == 1
    assert "FAIL       rate:" in slow.stdout
    late = run(llmtui, "interactive", urls["openai"], "max_variation=100", "max_ttft=40ms")
    assert late.returncode == 1
    assert "FAIL       first token:" in late.stdout


def test_a_server_without_a_tokenizer_gets_documents_of_estimated_length(llmtui, urls):
    result = run(llmtui, "batch", urls["openai"], "max_variation=100")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "the lengths of the documents are estimates" in result.stdout
    assert "documents: 6 of 6 were summarised" in result.stdout


def test_a_server_that_says_the_same_at_any_temperature_is_found_out(llmtui, urls):
    result = run(llmtui, "consistency", urls["ollama"], "min_identical=1")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "verdict: same answers: at temperature 0 3 of 3 answers are the same (100 %)" in result.stdout
    assert "temperature 0.7        3  3 (100 %)          0.0 %" in result.stdout
