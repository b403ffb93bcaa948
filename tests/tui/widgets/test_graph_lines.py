import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.tui.glyphs import TIERS, glyphs_of
from llmtui.tui.widgets.graph_lines import GraphData, GraphLine, clip, draw, graph_rows

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


def test_spans_of_heat_stand_on_the_axis_below_the_ticks():
    graph = data([1.0] * 8, heat=frozenset({2, 3, 4}), ticks=frozenset({3}), span_text="")
    assert text(graph_rows(graph, 14, 5, ASCII))[-1] == "      --~+~---"
    assert "~" not in text(graph_rows(graph._replace(heat=frozenset()), 14, 5, ASCII))[-1]


def lines(*pairs, **changes):
    return data([], lines=tuple(GraphLine(letter, tuple(points)) for letter, points in pairs), **changes)


@pytest.mark.parametrize("glyphs", [ASCII, BLOCK, BRAILLE])
def test_several_lines_are_told_apart_by_letters_in_every_tier(glyphs):
    graph = lines(("A", [100, 100, 50, math.nan]), ("B", [0, 50, 50, 100]), span_text="0", end_text="1:00")
    rows = graph_rows(graph, 10, 5, glyphs)
    assert [row.drawing for row in rows[1:4]] == ["AA B", " B* ", "B   "]
    wide = graph_rows(graph, 30, 5, glyphs)[-1].drawing
    assert wide.startswith("0")
    assert wide.endswith("1:00")


def test_one_letter_never_meets_itself_and_a_side_without_points_draws_nothing():
    graph = lines(("A", [50, 50]), ("B", []))
    assert "".join(row.drawing for row in graph_rows(graph, 8, 4, ASCII)[1:3]).strip() == "AAA"


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
