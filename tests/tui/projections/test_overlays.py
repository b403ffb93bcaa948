from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui.state.overlays import OverlaySide
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.projections.overlays import legend, overlay_graphs


def side(letter, *rates, readings=None):
    state = SessionState()
    events = [header(), queued()]
    if readings:
        events.append(ev.SampleTaken(t=1, values=readings))
    for place, rate in enumerate(rates):
        figures = ev.Figures(ttft_ns=0, e2e_ns=90 * MS, decode_rate=rate, itl_p50_ns=1e9 / rate)
        events += request(f"r{place}", start=place * 100 * MS, figures=figures)
    apply_all(state, events)
    return OverlaySide(letter, f"session {letter}", state)


def test_all_sides_are_lines_of_one_graph_with_their_medians():
    data = overlay_graphs([side("A", 100.0, 90.0), side("B", 50.0)], "requests")["decode"]
    assert [line.letter for line in data.lines] == ["A", "B"]
    assert data.value == "A 95.0  B 50.0 tok/s"
    assert (data.low_text, data.high_text, data.end_text) == ("0", "100", "request 2")
    assert overlay_graphs([side("A", 100.0)], "time")["decode"].span_text.startswith("0:00")


def test_a_side_without_a_figure_is_named_beside_the_title():
    data = overlay_graphs([side("A", 100.0), side("B")], "time")["decode"]
    assert [line.letter for line in data.lines] == ["A"]
    assert data.title.endswith("(B: no request measured it)")
    assert overlay_graphs([side("A"), side("B")], "time")["decode"].missing.startswith("A: no request")


def test_temperature_has_a_graph_where_any_side_has_it():
    warm = side("A", 1.0, readings={"gpu.0.temperature": 50.0})
    assert "gpu.0.temperature" in overlay_graphs([warm, side("B", 1.0)], "time")
    assert "gpu.0.temperature" not in overlay_graphs([side("B", 1.0)], "time")


def test_the_legend_tells_each_letter_in_words():
    sides = [side("A", 1.0), side("B", 1.0)._replace(name="b\x1b[2J")]
    assert legend(sides) == "A session A (baseline)  B b␛[2J  * several at one place"
