import pytest
from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui.reports.differing import Side
from llmtui.reports.overlay_text import can_print, overlay_text
from llmtui.reports.pairing import samples_of
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


def side(letter, rate, seconds=10):
    figures = ev.Figures(
        ttft_ns=0, e2e_ns=seconds * 1000 * MS, decode_rate=rate, itl_p50_ns=1e9 / rate, tokens=4, tokens_basis="server"
    )
    state = SessionState()
    events = [header(), queued(), ev.JobStarted(t=1, job="j1"), *request("j1.1", figures=figures)]
    apply_all(state, [*events, ev.JobFinished(t=2, job="j1", status="done")])
    return Side(letter, letter, state, samples_of(state))


def test_each_side_is_a_line_on_one_scale_after_its_letter():
    lines = overlay_text([side("A", 100.0), side("B", 50.0, seconds=5)])
    head = lines.index("decode of all streams, 0 to 100 tok/s, from the first request of each side on, 0:10")
    assert lines[head + 1] == f"A {'█' * 72}  100 tok/s"
    assert lines[head + 2] == f"B {'▅' * 36}{' ' * 36}  50.0 tok/s"


def test_the_lines_fit_into_a_terminal():
    sides = [side("A", 100.0), side("B", 50.0, seconds=5)]
    drawn = [line for line in overlay_text(sides, width=60) if line.startswith(("A ", "B "))]
    whole = [line for line in overlay_text(sides) if line.startswith(("A ", "B "))]
    assert max(map(len, drawn)) <= 60 < max(map(len, whole))
    assert [line.split()[-2:] for line in drawn] == [line.split()[-2:] for line in whole]


def test_without_block_characters_there_are_digits():
    lines = overlay_text([side("A", 100.0), side("B", 50.0)], blocks=False)
    assert all(line.isascii() for line in lines)
    assert any(line.startswith("A 8888") for line in lines)
    assert any(line.startswith("B 5555") for line in lines)


def test_a_side_without_the_figure_says_so():
    state = SessionState()
    apply_all(state, [header(), queued()])
    lines = overlay_text([side("A", 100.0), Side("B", "b", state, [])])
    assert "B - no request measured it" in lines


@pytest.mark.parametrize(
    ("encoding", "can"), [("utf-8", True), ("ascii", False), (None, False), ("latin-1", False), ("no such", False)]
)
def test_which_encodings_have_the_characters(encoding, can):
    assert can_print(encoding) is can
