import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.tui.glyphs import TIERS, glyphs_of
from llmtui.tui.widgets.graph_lines import GraphData, clip, draw, graph_rows

ASCII, BLOCK, BRAILLE = (glyphs_of(tier) for tier in ("ascii", "block", "braille"))


def data(points, **changes):
    return GraphData(title="CPU", value="56 %", points=tuple(points), high=100, high_text="100 %", **changes)


def text(rows):
    return [row.label + row.drawing + row.right for row in rows]


def test_a_graph_with_axes_in_ascii():
    graph = data([0, 50, 100, math.nan], span_text="-1:00", ticks=frozenset({2}))
    assert text(graph_rows(graph, 14, 5, ASCII)) == [
        "CPU56 %",
        "100 %|    @@  ",
        "     |  ==@@  ",
        "    0|..@@@@  ",
        "      ----+---",
    ]


def test_zero_leaves_a_trace_and_a_gap_does_not():
    assert draw(data([0, math.nan]), 2, 1, "block") == ["▁ "]
    assert draw(data([0, 0, math.nan, math.nan]), 2, 1, "braille") == ["⣀ "]


def test_a_full_scale_fills_the_height_in_every_tier():
    assert draw(data([100] * 4), 2, 2, "braille") == ["⣿⣿", "⣿⣿"]
    assert draw(data([100] * 2), 2, 2, "block") == ["██", "██"]
    assert draw(data([100] * 2), 2, 2, "ascii") == ["@@", "@@"]


def test_one_row_is_a_sparkline_and_three_have_no_axis_of_time():
    assert text(graph_rows(data([0, 100]), 13, 1, BLOCK)) == ["CPU 56 % ▁▁██"]
    assert len(graph_rows(data([0, 100]), 20, 3, BLOCK)) == 3
    assert not any("─" in row for row in text(graph_rows(data([0, 100]), 20, 3, BLOCK)))


def test_what_is_missing_says_why():
    rows = graph_rows(GraphData("GPU", "", missing="no GPU found"), 12, 2, BRAILLE)
    assert text(rows) == ["GPU: no GPU", "found"]


@given(
    st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), max_size=50),
    st.integers(0, 40),
    st.integers(0, 9),
    st.sampled_from(TIERS),
    st.floats(-10, 1e6),
)
def test_it_fits_its_box_whatever_comes(points, width, height, tier, high):
    rows = graph_rows(data(points)._replace(high=high), width, height, glyphs_of(tier))
    assert len(rows) == (height if width else 0)
    assert all(len(line) <= max(width, 9) for line in text(rows))


@pytest.mark.parametrize(("word", "width", "shown"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abc", 0, "")])
def test_clip(word, width, shown):
    assert clip(word, width) == shown
