import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.events import Figures
from llmtui.metrics.statistics import Missing
from llmtui.metrics.work_pace import Piece, taken_ns, work_pace

MS = 1_000_000


def piece(prompt, tokens, *, slow=1.0, start_ms=50, per_prompt_ms=5, per_token_ms=20):
    ttft = slow * (start_ms + per_prompt_ms * prompt) * MS
    taken = ttft + slow * per_token_ms * MS * (tokens - 1)
    return Piece(round(taken), Figures(ttft_ns=round(ttft), prompt_tokens=prompt, tokens=tokens))


def pile(count=30, seed=1, **more):
    draw = random.Random(seed)
    return [piece(draw.randint(200, 500), draw.randint(30, 128), **more) for _ in range(count)]


def test_lengths_are_taken_out():
    pace = work_pace(pile())
    assert pace.paces == pytest.approx([1.0] * 30)
    assert pace.variation == pytest.approx(0, abs=1e-6)
    assert pace.sd_ns / pace.mean_ns > 0.2, "the times themselves vary"


@pytest.mark.parametrize("server", [{"per_prompt_ms": 0}, {"start_ms": 0}, {"start_ms": 5000}])
def test_it_fits_servers_of_any_kind(server):
    assert work_pace(pile(**server)).variation == pytest.approx(0, abs=1e-6)


def test_what_varies_beyond_the_lengths_stays():
    draw = random.Random(5)
    factors = [draw.choice((0.7, 1.3)) for _ in range(30)]
    pieces = [piece(draw.randint(200, 500), draw.randint(30, 128), slow=factor) for factor in factors]
    assert work_pace(pieces).variation == pytest.approx(0.3, abs=0.05)


def test_documents_an_hour_are_by_the_sum_of_the_times():
    assert work_pace([piece(100, 2), piece(100, 2)]).an_hour == pytest.approx(3600 / 0.57)


def test_the_end_is_held_against_the_start():
    steady = work_pace(pile())
    assert (steady.compared, steady.last_over_first.value) == (10, pytest.approx(1.0))
    draw = random.Random(2)
    pieces = [
        piece(draw.randint(200, 500), draw.randint(30, 128), slow=draw.uniform(0.95, 1.05) * (1.5 if n >= 20 else 1.0))
        for n in range(30)
    ]
    ratio = work_pace(pieces).last_over_first
    assert ratio.value == pytest.approx(1.5, abs=0.1)
    assert ratio.interval.low > 1.2
    assert work_pace(pile(6)).compared == 3


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_few_pieces_say_little(count):
    pace = work_pace(pile(count))
    assert len(pace.paces) == count
    assert isinstance(pace.last_over_first, Missing)
    if not count:
        assert (pace.an_hour, pace.mean_ns, pace.variation) == (None, None, None)


@pytest.mark.parametrize("gone", ["prompt_tokens", "tokens", "ttft_ns"])
def test_a_piece_without_a_count_has_no_pace_and_harms_no_other(gone):
    pieces = pile(10)
    figures = {"ttft_ns": 5 * MS, "prompt_tokens": 100, "tokens": 9, gone: None}
    pace = work_pace([*pieces, Piece(10**9, Figures(**figures))])
    assert pace.paces[:10] == pytest.approx([1.0] * 10)
    if gone != "ttft_ns":
        assert pace.paces[10] is None


counts = st.none() | st.integers(0, 5)


@given(st.lists(st.tuples(st.integers(0, 10**10), counts, counts, st.none() | st.integers(0, 10**9)), max_size=8))
def test_no_figures_make_it_fail(rows):
    pieces = [Piece(taken, Figures(ttft_ns=ttft, prompt_tokens=p, tokens=t)) for taken, p, t, ttft in rows]
    assert len(work_pace(pieces).paces) == len(pieces)


def test_a_request_took_until_its_last_text_or_else_its_end():
    assert taken_ns(Figures(e2e_ns=5), 10, 100) == 5
    assert taken_ns(Figures(), 10, 100) == 90
    assert taken_ns(Figures(), None, 100) is None
    assert taken_ns(Figures(), 100, 10) == 0
