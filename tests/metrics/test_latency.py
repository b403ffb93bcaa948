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


@given(
    st.lists(
        st.tuples(st.integers(-(10**9), 10**12), st.integers(0, 9), st.booleans(), st.none() | st.integers(-5, 99))
    ),
    st.none() | st.integers(-5, 10**6),
    st.sampled_from([None, "stop", "length"]),
)
def test_no_stream_however_strange_raises_or_yields_a_negative_figure(rows, completion, finish):
    rows.sort(key=lambda row: row[0])
    arrivals = [Arrival(SENT + at, characters, reasoning, stated) for at, characters, reasoning, stated in rows]
    figures = measure(SENT, arrivals, usage=Usage(completion_tokens=completion), finish_reason=finish)
    for name in ("ttft_ns", "e2e_ns", "decode_rate", "tpot_ns", "itl_p50_ns", "itl_max_ns"):
        value = getattr(figures, name)
        assert value is None or value >= 0, name
