"""Trying again, and the real thing in small."""

import pytest

from llmtui.selftest.bounds import Bounds
from llmtui.selftest.cases import Case, StreamsCase, make_case
from llmtui.selftest.rows import Row
from llmtui.selftest.run import Attempt, best_of, run_selftest

SECOND = 1_000_000_000
GENEROUS = Bounds(
    stamp_p99_ns=SECOND,
    early_ns=SECOND,
    gap_p99_ns=SECOND,
    ttft_p99_ns=SECOND,
    rate_percent=1e6,
    at_once_ttft_ns=10 * SECOND,
)
PLAIN, OTHER = Case("openai", "plain"), Case("ollama", "plain")


def attempt(error, *, bound=10.0, count_wrong=False, tail=0.0):
    rows = [
        Row(
            scenario="x",
            figure="TTFT",
            error=error,
            bound=bound,
            verdict="ok" if error <= bound else "FAILED",
            timing=True,
        ),
        Row(scenario="x", figure="tokens", verdict="FAILED" if count_wrong else "ok"),
    ]
    return Attempt(rows, (), tail)


def play(script):
    """Return the best of what `script` tells for each case and turn, and which cases ran in each turn."""
    turns = []

    def run(cases):
        turns.append([case.name for case in cases])
        return [script[case][len(turns) - 1] for case in cases]

    return best_of(list(script), run, lambda _line: None), turns


def test_what_is_good_runs_once():
    (best,), turns = play({PLAIN: [attempt(5)]})
    assert turns == [["openai plain"]]
    assert best.rows[0].tries == 1


def test_only_what_was_late_runs_again_and_the_best_counts():
    best, turns = play({PLAIN: [attempt(50), attempt(30), attempt(70)], OTHER: [attempt(5)]})
    assert turns == [["openai plain", "ollama plain"], ["openai plain"], ["openai plain"]]
    assert [(kept.rows[0].error, kept.rows[0].tries) for kept in best] == [(30, 3), (5, 1)]


def test_a_good_run_ends_the_tries():
    (best,), turns = play({PLAIN: [attempt(50), attempt(3)]})
    assert len(turns) == 2
    assert (best.rows[0].verdict, best.rows[0].tries) == ("ok", 2)


def test_a_wrong_count_is_not_tried_again():
    (best,), turns = play({PLAIN: [attempt(50, count_wrong=True)]})
    assert len(turns) == 1
    assert best.spoilt


def test_a_wrong_count_in_a_later_run_is_not_hidden_by_a_better_time():
    (best,), turns = play({PLAIN: [attempt(11), attempt(90, count_wrong=True), attempt(1)]})
    assert len(turns) == 2
    assert best.spoilt


def test_late_chunks_that_no_row_of_the_case_shows_are_reason_enough():
    (best,), turns = play({PLAIN: [attempt(5, tail=3.0), attempt(6, tail=0.5)]})
    assert len(turns) == 2
    assert best.tail == 0.5


def small_run(folder, bounds, **more):
    lines = []
    models = ["plain+ttft_ms=20+gap_ms=5+tokens=8", "reasoning+ttft_ms=20+gap_ms=5+tokens=8"]
    cases = [
        *(make_case("openai", model) for model in models),
        make_case("openai", "early_close+ttft_ms=20+gap_ms=5+tokens=8"),
        make_case("ollama", "error+ttft_ms=20+gap_ms=5+tokens=8"),
        make_case("ollama", "zero_durations+ttft_ms=20+gap_ms=5+tokens=8"),
    ]
    report = run_selftest(folder, cases=cases, bounds=bounds, requests=1, say=lines.append, **more)
    return report, lines


def test_a_real_run_in_small(tmp_path):
    streams = [StreamsCase("5 streams", "plain+ttft_ms=60+gap_ms=5+tokens=6+slots=1", 5)]
    report, lines = small_run(tmp_path, GENEROUS, streams=streams)
    assert report.failures == []
    assert report.passed
    scenarios = list(dict.fromkeys(row.scenario for row in report.rows))
    assert scenarios == [
        "all single streams", "openai plain", "openai reasoning", "openai early_close", "ollama error",
        "ollama zero_durations", "5 streams",
    ]  # fmt: skip
    assert "openai reasoning (2 of 3)" in lines
    assert report.clock


def test_a_real_run_fails_bounds_that_nothing_can_keep(tmp_path):
    report, lines = small_run(tmp_path, Bounds(stamp_p99_ns=1), streams=())
    assert not report.passed
    assert {"stamp p99", "stamp p95"} <= {row.figure for row in report.failures}
    assert any(line.startswith("again, since a bound was broken") for line in lines)


def test_a_folder_that_is_none_says_so(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        run_selftest(tmp_path / "nowhere", cases=[PLAIN], streams=())
