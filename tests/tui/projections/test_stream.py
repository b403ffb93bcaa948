from support.conversation import MS, header, queued, request, whole_session

from llmtui import events as ev
from llmtui.state.reducer import apply, apply_all
from llmtui.state.session import SessionState
from llmtui.tui.projections.stream import PROMPT_SHOWN, Cursor, new_text, stream_line


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


def test_what_is_unknown_is_no_estimate():
    state = SessionState()
    apply_all(state, [header(), queued(), *begun("a", 10 * MS)])
    assert stream_line(state) == "a  TTFT -  - tok/s  ITL -  0 tokens"
    apply(state, ev.RequestFinished(t=40 * MS, request="a", job="j1", status="done", figures=ev.Figures()))
    assert stream_line(state).endswith("- tokens (no count)")
    assert new_text(state, Cursor())[0][-1] == ("heading", "\n- tokens, - tok/s\n")


def test_a_long_prompt_is_seen_to_be_cut():
    for length, end in ((PROMPT_SHOWN, "x\n"), (PROMPT_SHOWN + 1, "x ...\n")):
        state = SessionState()
        sent = ev.RequestStarted(t=1, request="a", job="j1", model="smol", messages=(("user", "x" * length),))
        apply_all(state, [header(), queued(), sent])
        heading = new_text(state, Cursor())[0][0][1]
        assert heading.count("x") == PROMPT_SHOWN
        assert heading.endswith(end)


# Several streams


def begun(name, start):
    return request(name, start=start)[:2]


def tokens(name, t, *offsets_us, texts=None):
    return ev.TokensReceived(t=t, request=name, offsets_us=offsets_us, texts=texts or tuple("x" for _ in offsets_us))


def finished(name, t):
    return ev.RequestFinished(t=t, request=name, job="j1", status="done", figures=ev.Figures(tokens=1))


def told(state, cursor):
    pieces, cursor = new_text(state, cursor)
    return "".join(text for _, text in pieces), cursor


def test_of_streams_side_by_side_one_is_followed_to_its_end():
    state = SessionState()
    apply_all(state, [header(), queued(), *begun("a", 10 * MS), *begun("b", 10 * MS), *begun("c", 11 * MS)])
    text, cursor = told(state, Cursor())
    assert (text, cursor.followed) == ("a short #1: hi\n", "a")
    apply_all(state, [tokens("b", 30 * MS, 1, texts=("of b",)), tokens("a", 31 * MS, 1, texts=("of a",))])
    text, cursor = told(state, cursor)
    assert text == "of a"
    apply_all(state, [finished("a", 40 * MS), *begun("d", 41 * MS), tokens("c", 42 * MS, 1, texts=("of c",))])
    text, cursor = told(state, cursor)
    assert "1 tokens" in text
    assert "d short #1: hi" in text, "the next one is that which began when the followed one was over"
    assert "of b" not in text
    assert "of c" not in text


def test_when_none_has_begun_since_one_that_still_runs_is_followed():
    state = SessionState()
    apply_all(state, [header(), queued(), *begun("a", 10 * MS), *begun("b", 11 * MS), *begun("c", 12 * MS)])
    apply_all(state, [tokens("c", 20 * MS, 1, texts=("of c",)), finished("b", 30 * MS), finished("a", 40 * MS)])
    text, cursor = told(state, Cursor())
    assert cursor.followed == "c"
    assert text.endswith("c short #1: hi\nof c")


def test_requests_one_after_another_are_all_told():
    state = SessionState()
    events = [header(), queued()]
    for place in range(5):
        events += request(f"r{place}", start=place * 1000 * MS)
    apply_all(state, events)
    text, cursor = told(state, Cursor())
    assert [name in text for name in ("r0", "r1", "r2", "r3", "r4")] == [True] * 5
    assert cursor == Cursor(None, 0, 5)
    assert told(state, cursor)[0] == ""


def test_a_thousand_requests_beside_one_another_end_the_telling():
    state = SessionState()
    events = [header(), queued()]
    for place in range(1000):
        events += [*begun(f"r{place}", 10 * MS), finished(f"r{place}", 5000 * MS)]
    apply_all(state, events)
    text, cursor = told(state, Cursor())
    assert (text.count("short #1"), cursor) == (1, Cursor(None, 0, 1000))


def test_the_line_tells_of_all_streams_together():
    state = SessionState()
    apply_all(state, [header(), queued(), *begun("a", 0), *begun("b", 0), *begun("c", 0)])
    for place in range(1, 11):
        for name in "ab":
            apply(state, tokens(name, place * 100 * MS, place * 100_000))
    # Nineteen tokens after the first one, in 0.9 s.
    assert stream_line(state) == "3 streams  ~21.1 tok/s in all  TTFT ~100 ms  1 without a token yet"
    apply(state, tokens("c", 1000 * MS, 900_000))
    assert "without a token" not in stream_line(state)
    apply_all(state, [finished("a", 1100 * MS), finished("b", 1100 * MS)])
    assert stream_line(state).startswith("c  TTFT 900 ms"), "one that is left alone is told by itself"
