import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.events import ServerTimings, Usage
from llmtui.metrics.latency import Arrival, measure

MS = 1_000_000
SENT = 5_000 * MS


def stream(count, *, first_ms=200, gap_ms=20, characters=4, reasoning=0, stated=None):
    return [
        Arrival(
            SENT + (first_ms + place * gap_ms) * MS,
            characters,
            place < reasoning,
            stated[place] if stated else None,
        )
        for place in range(count)
    ]


def usage(completion, prompt=10):
    return Usage(prompt_tokens=prompt, completion_tokens=completion)


def test_a_plain_stream():
    figures = measure(SENT, stream(32), usage=usage(32), connect_ns=3 * MS)
    assert figures.ttft_ns == 200 * MS
    assert figures.ttft_answer_ns == 200 * MS
    assert figures.e2e_ns == 820 * MS
    assert figures.decode_rate == pytest.approx(50)
    assert figures.tpot_ns == pytest.approx(20 * MS)
    assert figures.itl_p50_ns == figures.itl_p99_ns == figures.itl_max_ns == 20 * MS
    assert (figures.itl_count, figures.itl_cv, figures.itl_basis) == (31, 0, "tokens")
    assert (figures.tokens, figures.tokens_basis, figures.chunks, figures.connect_ns) == (32, "server", 32, 3 * MS)
    assert any("31 gaps" in note for note in figures.notes)


def test_reasoning_counts_for_ttft_and_the_rate_but_not_for_the_answer():
    figures = measure(SENT, stream(32, reasoning=16), usage=usage(32))
    assert figures.ttft_ns == 200 * MS
    assert figures.ttft_answer_ns == 520 * MS
    assert figures.decode_rate == pytest.approx(50)


def test_reasoning_only_says_so():
    figures = measure(SENT, stream(8, reasoning=8), usage=usage(8))
    assert figures.ttft_answer_ns is None
    assert "no answer" in figures.missing["ttft_answer_ns"]


def test_rule_08_the_tokens_of_the_first_chunk_are_no_part_of_the_decode_rate():
    figures = measure(SENT, stream(8, first_ms=260, gap_ms=80, characters=16), usage=usage(32))
    assert figures.decode_rate == pytest.approx(50)
    assert figures.itl_p50_ns == pytest.approx(20 * MS)
    assert figures.itl_count == 28
    assert any("spread evenly" in note for note in figures.notes)


def test_running_counts_beat_the_even_spread():
    figures = measure(SENT, stream(3, gap_ms=100, stated=[1, 2, 10]), usage=usage(10))
    assert figures.decode_rate == pytest.approx(45)
    assert figures.itl_max_ns == pytest.approx(100 * MS)
    assert figures.itl_p50_ns == pytest.approx(12.5 * MS)
    assert not any("spread" in note for note in figures.notes)


def test_chunks_of_one_read_are_one_arrival_and_no_gap_is_zero():
    arrivals = [Arrival(SENT + at * MS, 4, reasoning=False) for at in (200, 200, 220, 240, 240, 240)]
    figures = measure(SENT, arrivals, usage=usage(6))
    assert figures.itl_p50_ns > 0
    assert figures.decode_rate == pytest.approx(4 / 0.040)


def test_the_end_token_at_a_stop_is_no_part_of_the_text():
    figures = measure(SENT, stream(10), usage=usage(11), finish_reason="stop")
    assert figures.decode_rate == pytest.approx(50)
    assert figures.tokens == 11
    cut = measure(SENT, stream(10), usage=usage(11), finish_reason="length")
    assert cut.decode_rate == pytest.approx(55)


def test_the_basis_falls_from_server_to_tokenizer_to_chunks_to_estimate():
    assert measure(SENT, stream(8), tokenizer_count=9).tokens_basis == "tokenizer"
    assert measure(SENT, stream(8)).tokens_basis == "chunks"
    estimated = measure(SENT, stream(8, characters=40))
    assert (estimated.tokens, estimated.tokens_basis) == (80, "estimated")


def test_a_count_of_zero_beside_text_is_not_believed():
    figures = measure(SENT, stream(8), usage=usage(0))
    assert (figures.tokens, figures.tokens_basis) == (8, "chunks")
    assert any("was not used" in note for note in figures.notes)


def test_fewer_tokens_than_chunks_makes_itl_per_chunk():
    figures = measure(SENT, stream(8), usage=usage(4))
    assert figures.itl_basis == "chunks"
    assert figures.itl_p50_ns == 20 * MS


def test_one_read_gives_no_rate_but_a_reason():
    figures = measure(SENT, stream(1), usage=usage(12))
    assert figures.decode_rate is None
    assert figures.tpot_ns is None
    assert "one read" in figures.missing["decode_rate"]
    assert figures.ttft_ns == 200 * MS


def test_no_text_gives_reasons_instead_of_zeros():
    figures = measure(SENT, [])
    assert figures.ttft_ns is None
    assert figures.tokens is None
    assert figures.missing["ttft_ns"] == "no text came"


def test_prefill_counts_computed_tokens_only():
    timings = ServerTimings(
        prefill_ns=100 * MS, prefill_tokens=40, cached_tokens=400, decode_ns=310 * MS, decode_tokens=31
    )
    figures = measure(SENT, stream(32), usage=usage(32), timings=timings)
    assert figures.prefill_rate == pytest.approx(400)
    assert figures.server_decode_rate == pytest.approx(100)
    assert figures.sources["prefill_rate"] == "server"


@pytest.mark.parametrize(
    "timings",
    [
        None,
        ServerTimings(),
        ServerTimings(prefill_ns=0, prefill_tokens=4),
        ServerTimings(prefill_ns=5, prefill_tokens=0),
        ServerTimings(prefill_ns=-5, prefill_tokens=4),
        ServerTimings(prefill_ns=1, prefill_tokens=1000),
    ],
)
def test_counters_that_lie_give_a_reason_and_no_rate(timings):
    figures = measure(SENT, stream(3), timings=timings)
    assert figures.prefill_rate is None
    assert figures.missing["prefill_rate"]


ALWAYS_THERE = {"chunks", "itl_count", "sources", "missing", "notes"}
HUGE = 2**63


def assert_sound(figures):
    """Each figure is a number that can be, with its source, or None with its reason."""
    for name in set(figures.__struct_fields__) - ALWAYS_THERE:
        value = getattr(figures, name)
        if value is None:
            assert figures.missing[name], name
            assert name not in figures.sources
        elif not isinstance(value, str):
            assert math.isfinite(value), name
            assert value >= 0, name
            assert figures.sources[name] in {"client", "server"}, name
            assert name not in figures.missing
    assert all(note.isprintable() for note in figures.notes)
    for rate in (figures.decode_rate, figures.server_decode_rate, figures.prefill_rate):
        assert rate is None or 0 < rate <= 1e6


COUNTS = st.none() | st.integers(-5, 10**7) | st.integers(-HUGE, HUGE) | st.just(10**400)
ROWS = st.tuples(st.integers(-(10**9), 10**12) | st.integers(-HUGE, HUGE), st.integers(0, 10**6), st.booleans(), COUNTS)


@given(
    rows=st.lists(ROWS, max_size=12),
    in_order=st.booleans(),
    counts=st.tuples(COUNTS, COUNTS),
    timings=st.none() | st.builds(ServerTimings, **dict.fromkeys(("prefill_ns", "prefill_tokens", "decode_ns", "decode_tokens"), COUNTS)),
    others=st.tuples(COUNTS, COUNTS),
)  # fmt: skip
def test_no_stream_however_strange_raises_or_yields_a_figure_that_cannot_be(rows, in_order, counts, timings, others):
    if in_order:
        rows = sorted(rows, key=lambda row: row[0])
    arrivals = [Arrival(SENT + at, characters, reasoning, stated) for at, characters, reasoning, stated in rows]
    (completion, prompt), (tokenizer, connect) = counts, others
    stated = Usage(completion_tokens=completion, prompt_tokens=prompt)
    figures = measure(
        SENT,
        arrivals,
        usage=stated,
        timings=timings,
        tokenizer_count=tokenizer,
        connect_ns=connect,
        finish_reason="stop" if in_order else None,
    )
    assert_sound(figures)


def test_the_soundness_of_figures_is_really_checked():
    sound = measure(SENT, stream(8), usage=usage(8), connect_ns=1)
    assert_sound(sound)
    for broken in ({"ttft_ns": None}, {"itl_cv": math.nan}, {"tpot_ns": -1.0}, {"decode_rate": 2e6}, {"sources": {}}):
        with pytest.raises((AssertionError, KeyError)):
            assert_sound(msgspec.structs.replace(sound, **broken))


# --- servers that lie ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "word"),
    [(0, "8 chunks came"), (-3, "8 chunks came"), (10**9, "million a second"), (10**400, "over 10^15")],
)
def test_a_count_that_cannot_be_is_passed_over_with_the_reason(count, word):
    figures = measure(SENT, stream(8), usage=usage(count))
    assert (figures.tokens, figures.tokens_basis, figures.sources["tokens"]) == (8, "chunks", "client")
    assert figures.decode_rate == pytest.approx(50)
    assert any("was not used" in note and word in note for note in figures.notes)


def test_a_count_too_small_for_the_text_is_passed_over():
    figures = measure(SENT, stream(100, characters=40), usage=usage(1))
    assert (figures.tokens, figures.tokens_basis) == (1000, "estimated")
    assert any("4000 characters came" in note for note in figures.notes)


def test_a_tokenizer_that_lies_is_passed_over_too():
    figures = measure(SENT, stream(8), usage=usage(-1), tokenizer_count=10**12)
    assert (figures.tokens, figures.tokens_basis) == (8, "chunks")
    assert sum("was not used" in note for note in figures.notes) == 2


def test_a_count_that_can_be_is_not_passed_over():
    figures = measure(SENT, stream(8, gap_ms=1000), usage=usage(5_000_000))
    assert (figures.tokens, figures.tokens_basis) == (5_000_000, "server")


@pytest.mark.parametrize("stated", [[1, 2, 1, 4], [5, 6, 7, 8], [0, 0, 0, 0], [-1, 1, 2, 3], [1, 2, 3, 10**400]])
def test_running_counts_that_do_not_hold_together_are_not_used(stated):
    figures = measure(SENT, stream(4, stated=stated), usage=usage(4))
    assert figures.decode_rate == pytest.approx(50)
    assert any("do not hold together" in note for note in figures.notes)
    assert any("as it went" in note for note in figures.notes) is (max(stated) > 4)


def test_a_few_tokens_beyond_the_running_counts_are_those_without_text():
    figures = measure(SENT, stream(4, stated=[1, 2, 3, 4]), usage=usage(6))
    assert figures.decode_rate == pytest.approx(50)
    assert not any("hold together" in note for note in figures.notes)


@pytest.mark.parametrize(
    ("timings", "reason"),
    [
        (None, "states no decode time"),
        (ServerTimings(decode_ns=10**9), "counts no tokens"),
        (ServerTimings(decode_ns=0, decode_tokens=9), "zero"),
        (ServerTimings(decode_ns=-1, decode_tokens=9), "zero"),
        (ServerTimings(decode_ns=10**9, decode_tokens=-9), "zero"),
        (ServerTimings(decode_ns=1, decode_tokens=9), "cannot be"),
        (ServerTimings(decode_ns=10**9, decode_tokens=10**400), "zero"),
    ],
)
def test_decode_counters_that_lie_give_a_reason_and_no_rate(timings, reason):
    figures = measure(SENT, stream(3), timings=timings)
    assert figures.server_decode_rate is None
    assert reason in figures.missing["server_decode_rate"]


def test_times_of_the_server_that_are_longer_than_ours_are_noted():
    slow = ServerTimings(prefill_ns=300 * MS, prefill_tokens=9, decode_ns=9_000 * MS, decode_tokens=7)
    figures = measure(SENT, stream(8), timings=slow)
    assert any("prefill time is longer than the TTFT" in note for note in figures.notes)
    assert any("decode time is longer" in note for note in figures.notes)
    sound = ServerTimings(prefill_ns=200 * MS, prefill_tokens=9, decode_ns=140 * MS, decode_tokens=7)
    assert not any("longer" in note for note in measure(SENT, stream(8), timings=sound).notes)


# --- clocks that jump ----------------------------------------------------------------------------------------------


def at(*milliseconds):
    return [Arrival(SENT + moment * MS, 4, reasoning=False) for moment in milliseconds]


def test_text_before_its_request_makes_the_latencies_unknown_but_not_the_gaps():
    figures = measure(SENT, at(-50, -30, -10, 10), usage=usage(4))
    assert figures.ttft_ns is figures.ttft_answer_ns is None
    assert "clock went back" in figures.missing["ttft_ns"]
    assert figures.decode_rate == pytest.approx(50)
    assert figures.itl_max_ns == 20 * MS
    assert figures.chunks == 4


def test_a_clock_that_goes_back_amid_the_text_leaves_only_the_ttft():
    figures = measure(SENT, at(200, 220, 120, 140), usage=usage(4))
    assert figures.ttft_ns == figures.ttft_answer_ns == 200 * MS
    for name in ("e2e_ns", "decode_rate", "tpot_ns", "itl_p50_ns", "itl_max_ns", "itl_cv"):
        assert getattr(figures, name) is None
        assert "clock went back" in figures.missing[name]
    assert figures.tokens == 4


def test_equal_stamps_are_one_arrival():
    figures = measure(SENT, at(200, 200, 200), usage=usage(3))
    assert figures.decode_rate is None
    assert "one read" in figures.missing["decode_rate"]
    assert figures.itl_count == 0


def test_a_negative_connect_time_is_none():
    assert measure(SENT, stream(3), connect_ns=-1).connect_ns is None
    assert "open connection" in measure(SENT, stream(3)).missing["connect_ns"]


def test_each_figure_of_a_good_request_names_its_source():
    timings = ServerTimings(prefill_ns=100 * MS, prefill_tokens=40, decode_ns=310 * MS, decode_tokens=31)
    figures = measure(SENT, stream(32), usage=usage(32), timings=timings, connect_ns=1)
    assert figures.missing == {}
    of_the_server = {name for name, source in figures.sources.items() if source == "server"}
    assert of_the_server == {"tokens", "prompt_tokens", "prefill_rate", "server_decode_rate"}
