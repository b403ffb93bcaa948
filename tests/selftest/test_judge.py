"""Every row has its negative control: figures that are right pass, and each that is wrong is caught by its own row."""

import pytest

from llmtui.selftest.bounds import Bounds
from llmtui.selftest.cases import Case, StreamsCase, make_case
from llmtui.selftest.judge import judge_case, judge_streams, judge_together, tail_strain

MS = 1_000_000
PLAIN = Case("openai", "plain+tokens=10")
BOUNDS = Bounds()


def failed(rows):
    return {row.figure for row in rows if row.verdict == "FAILED"}


def judged(pairs, case=PLAIN, requests=None):
    return judge_case(case, pairs, len(pairs) if requests is None else requests, BOUNDS)


def test_right_figures_pass(pair):
    rows = judged([pair(), pair()])
    assert failed(rows) == set()
    assert {row.figure for row in rows} == {
        "requests", "tokens", "TTFT", "stamp p95", "gap p95", "ITL p50", "decode rate",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "figure"),
    [
        ({"ttft_ns": 103 * MS}, "TTFT"),
        ({"ttft_ns": 97 * MS}, "TTFT"),
        ({"ttft_ns": None}, "TTFT"),
        ({"decode_rate": 101.5}, "decode rate"),
        ({"decode_rate": 98.5}, "decode rate"),
        ({"decode_rate": None}, "decode rate"),
        ({"tokens": 11}, "tokens"),
        ({"tokens": None}, "tokens"),
        ({"tokens_basis": "chunks"}, "tokens"),
        ({"chunks": 9}, "tokens"),
        ({"itl_p50_ns": 12.0 * MS}, "ITL p50"),
        ({"itl_p50_ns": None}, "ITL p50"),
        ({"status": "failed", "problem_kind": "truncated"}, "requests"),
    ],
)
def test_each_wrong_figure_fails_in_its_row_alone(pair, wrong, figure):
    assert failed(judged([pair(), pair(**wrong), pair()])) == {figure}


def test_a_late_stamp_fails_and_may_be_tried_again(pair):
    rows = judged([pair(extra_late=(50_000, 3 * MS, 50_000))])
    assert failed(rows) == {"stamp p95", "gap p95"}
    assert all(row.timing for row in rows if row.verdict == "FAILED")


def test_a_stamp_from_before_the_send_is_seen(pair):
    def early(ns):
        rows = judge_together([pair(), pair(extra_late=(50_000, -ns, 50_000))], BOUNDS)
        return next(row for row in rows if row.figure == "stamp earliest")

    assert (early(20_000).verdict, early(20_000).measured) == ("ok", "before it was sent")
    assert early(300_000).verdict == "FAILED"
    assert (early(-50_000).verdict, early(-50_000).error, early(-50_000).measured) == ("ok", 0.0, None)
    assert tail_strain([pair(extra_late=(-300_000,))], BOUNDS) == 3
    many = judge_streams(MANY, [pair(), pair(), pair(extra_late=(-300_000,))], BOUNDS)
    assert failed(many) == {"stamp earliest"}


def test_lost_chunks_and_lost_requests_fail(pair):
    found = pair()
    short = found._replace(logged=found.logged._replace(arrivals=found.logged.arrivals[:-1]))
    assert "stamp p95" in failed(judged([short]))
    assert failed(judged([pair()], requests=2)) == {"requests"}
    assert failed(judged([], requests=2)) == {"requests"}


def test_reasoning_has_a_ttft_of_its_own(pair):
    case = Case("openai", "reasoning+tokens=3")
    pieces = ((100, 1, "reasoning"), (110, 1, "reasoning"), (120, 1, "answer"))
    assert failed(judged([pair(pieces=pieces)], case)) == set()
    assert failed(judged([pair(pieces=pieces, ttft_answer_ns=100 * MS)], case)) == {"TTFT (answer)"}


def test_several_tokens_a_frame(pair):
    case = Case("openai", "multi4+tokens=12")
    pieces = ((100, 4, "answer"), (140, 4, "answer"), (180, 4, "answer"))
    assert failed(judged([pair(pieces=pieces)], case)) == set()
    # One token a chunk, as a client would have it that counts chunks.
    assert failed(judged([pair(pieces=pieces, tokens=3, decode_rate=25.0)], case)) == {"tokens", "decode rate"}
    speculative = judged([pair(pieces=pieces, itl_p50_ns=None)], Case("openai", "speculative+tokens=12"))
    assert failed(speculative) == set()


def test_the_longest_gap_of_a_pause(pair):
    case = Case("openai", "stall+tokens=3")
    pieces = ((100, 1, "answer"), (110, 1, "answer"), (420, 1, "answer"))
    half = {"itl_p50_ns": 160.0 * MS}
    assert failed(judged([pair(pieces=pieces, **half)], case)) == set()
    assert failed(judged([pair(pieces=pieces, itl_max_ns=10.0 * MS, **half)], case)) == {"longest gap"}


@pytest.mark.parametrize(
    ("model", "kind"), [("error+tokens=20", "server_error"), ("early_close+tokens=20", "disconnected")]
)
def test_an_answer_that_breaks_off_fails_with_its_kind_and_keeps_what_came(pair, model, kind):
    case = make_case("openai", model)
    right = {"status": "failed", "basis": "chunks"}
    assert failed(judged([pair(problem_kind=kind, **right)], case)) == set()
    assert failed(judged([pair(problem_kind="truncated", **right)], case)) == {"requests"}
    assert failed(judged([pair(basis="chunks")], case)) == {"requests"}
    assert failed(judged([pair(problem_kind=kind, tokens=0, **right)], case)) == {"tokens"}


def test_a_count_that_lies_is_noted_with_its_rate(pair):
    case = make_case("openai", "low_usage+tokens=10")
    said = {"tokens": 5, "notes": ("the server counts 5 tokens but sent 10 chunks with text: ITL is per chunk",)}
    rows = judged([pair(decode_rate=50.0, **said)], case)
    assert failed(rows) == set()
    assert [row.verdict for row in rows if row.figure == "decode rate"] == ["noted"]
    assert failed(judged([pair(tokens=5)], case)) == {"note"}
    assert failed(judged([pair(tokens=10, notes=said["notes"])], case)) == {"tokens"}


def test_counters_of_zero_give_no_rate_of_the_server(pair):
    case = make_case("ollama", "zero_durations+tokens=10")
    assert failed(judged([pair(api="ollama", server_decode_rate=None)], case)) == set()
    assert failed(judged([pair(api="ollama", server_decode_rate=1e9)], case)) == {"server decode rate"}
    plain = make_case("ollama", "plain+tokens=10")
    assert failed(judged([pair(api="ollama")], plain)) == set()
    assert failed(judged([pair(api="ollama", server_decode_rate=None)], plain)) == {"server decode rate"}


def test_the_worst_request_is_the_one_that_is_shown(pair):
    rows = judged([pair(ttft_ns=100 * MS + 300_000), pair(ttft_ns=100 * MS + 800_000), pair(ttft_ns=100 * MS)])
    assert next(row for row in rows if row.figure == "TTFT").error == 800_000


MANY = StreamsCase("3 streams", "plain+tokens=10", 3)


def test_many_streams(pair):
    good = [pair(), pair(), pair()]
    assert failed(judge_streams(MANY, good, BOUNDS)) == set()
    assert failed(judge_streams(MANY, good[:2], BOUNDS)) == {"requests"}
    assert failed(judge_streams(MANY, [], BOUNDS)) == {"requests"}
    broken = pair(status="failed", problem_kind="disconnected")
    assert failed(judge_streams(MANY, [*good[:2], broken], BOUNDS)) == {"requests with wrong chunks"}
    assert failed(judge_streams(MANY, [*good[:2], pair(decode_rate=90.0)], BOUNDS)) == {"decode rate"}
    late = [pair(late_ns=2 * MS, decode_rate=100.0) for _ in range(3)]
    assert failed(judge_streams(MANY, late, BOUNDS)) == {"stamp p99"}


def test_requests_at_once_are_judged_by_the_last_and_from_when_it_was_due(pair):
    case = MANY._replace(at_once=True)
    good = [pair(), pair(), pair()]
    assert failed(judge_streams(case, good, BOUNDS)) == set()
    slow = pair(ttft_ns=130 * MS)
    assert failed(judge_streams(case, [*good[:2], slow], BOUNDS)) == {"TTFT, the last of them"}
    # Its own t0 hides that it was sent late.
    hidden = pair(due_before_ns=30 * MS)
    assert failed(judge_streams(case, [*good[:2], hidden], BOUNDS)) == {"TTFT from due, last"}


def test_all_streams_together(pair):
    assert failed(judge_together([pair() for _ in range(20)], BOUNDS)) == set()
    assert judge_together([], BOUNDS) == []
    late = pair(late_ns=3 * MS)
    assert failed(judge_together([pair(), late], BOUNDS)) == {"TTFT error p99", "stamp p99"}


def test_the_tail_tells_of_chunks_that_a_short_stream_hides(pair):
    assert tail_strain([pair()], BOUNDS) < 1
    assert tail_strain([pair(extra_late=(5 * MS,))], BOUNDS) > 1
    assert tail_strain([], BOUNDS) == 0


def test_bounds_are_arguments(pair):
    strict = Bounds(stamp_p99_ns=10_000)
    assert failed(judge_case(PLAIN, [pair()], 1, strict)) == {"stamp p95"}
