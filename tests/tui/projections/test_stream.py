from support.conversation import MS, header, queued, request, whole_session

from llmtui import events as ev
from llmtui.state.reducer import apply, apply_all
from llmtui.state.session import SessionState
from llmtui.tui.projections.stream import Cursor, new_text, stream_line


def test_every_piece_is_given_once():
    state, cursor, seen = SessionState(), Cursor(), []
    for event in whole_session():
        apply(state, event)
        pieces, cursor = new_text(state, cursor)
        seen += pieces
    at_once, _ = new_text(state, Cursor())
    assert seen == at_once
    assert "".join(text for kind, text in seen if kind == "answer") == "w0 w1 w2 w3 " * 3
    headings = "".join(text for kind, text in seen if kind == "heading")
    assert "warm-up short #1: hi" in headings
    assert "4 tokens, 100 tok/s" in headings
    assert new_text(state, cursor)[0] == []


def test_streams_side_by_side_keep_apart():
    state = SessionState()
    apply_all(state, [header(), queued(), *request("a")[:3], *request("b")[:3]])
    _, cursor = new_text(state, Cursor())
    apply(state, ev.TokensReceived(t=900 * MS, request="a", offsets_us=(9,), texts=("late",)))
    assert new_text(state, cursor)[0] == [("answer", "late")]


def test_a_failure_says_what_it_was():
    state = SessionState()
    apply_all(state, [header(), queued(), *request("a")[:3]])
    apply(state, ev.RequestFinished(t=9, request="a", job="j1", status="failed", problem="gone\x1b["))
    pieces, _ = new_text(state, Cursor())
    assert pieces[-1] == ("heading", "\nfailed: gone␛[\n")


def test_the_line_marks_estimates_while_it_runs():
    state = SessionState()
    assert stream_line(state) == "no request yet"
    apply_all(state, [header(), queued(), *request("a")[:3]])
    assert "TTFT 10.0 ms" in stream_line(state)
    assert "~" in stream_line(state)
    apply(state, request("a")[3])
    assert "~" not in stream_line(state)
    assert "4 tokens (server)" in stream_line(state)
