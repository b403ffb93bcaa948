import pytest

from llmtui import wording
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.history import history_graph
from llmtui.tui.widgets.graph_lines import graph_rows


def graph(values, shifts=(), **changes):
    options = {"text": wording.rate, "ends": ("2026-11-01", "2026-11-21"), "last": "no change"}
    return history_graph("quick", values, shifts=shifts, **{**options, **changes})


def test_each_session_is_a_dot_and_a_new_level_a_tick():
    rows = graph_rows(graph([100.0, 100.0, 50.0, 50.0], [2]), 27, 6, glyphs_of("ascii"))
    plot = [row.drawing for row in rows[1:-1]]
    assert sum(line.count("o") for line in plot) == len(plot[0])
    half = len(plot[0]) // 2
    upper, lower = (line for line in plot if "o" in line)
    assert (upper.index("o"), lower.index("o"), upper.count("o")) == (0, half, half)
    assert "+" in rows[-1].drawing


def test_the_axis_names_its_ends_and_leaves_room():
    data = graph([95.0, 105.0])
    assert data.low < 95.0
    assert data.high > 105.0
    assert (data.low_text, data.high_text) == ("93.7", "106")
    assert (data.span_text, data.end_text, data.value) == ("2026-11-01", "2026-11-21", "no change")


def test_noise_does_not_fill_the_chart():
    data = graph([100.0, 100.1])
    assert data.high - data.low > 10


@pytest.mark.parametrize("values", [[], [0.0], [0.0, 0.0], [5.0], [1e-300, 2e-300]])
def test_any_values_make_an_axis(values):
    data = graph(values)
    assert data.low < data.high
    assert graph_rows(data, 40, 6, glyphs_of("block"))


def test_titles_cannot_act_on_a_terminal():
    data = history_graph("a\x1b", [1.0], shifts=(), text=wording.rate, ends=("", ""), last="b\x1b")
    assert "\x1b" not in data.title + data.value
