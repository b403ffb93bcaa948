import pytest
from support.conversation import MS, header, queued, whole_session

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.queue import queue_rows, remaining_ns


def folded(events):
    state = SessionState()
    apply_all(state, events)
    return state


def test_each_state_has_a_glyph_and_a_word():
    events = [header(), *(queued(f"j{n}", n) for n in range(1, 6))]
    events += [ev.JobStarted(t=5, job="j1"), ev.JobFinished(t=6, job="j1", status="done")]
    events += [
        ev.JobFinished(t=6, job="j2", status="failed", reason="x"),
        ev.JobFinished(t=7, job="j3", status="skipped"),
    ]
    events += [ev.JobStarted(t=8, job="j4"), ev.JobProgressed(t=9, job="j4", phase="warming up", done=1, total=2)]
    rows = queue_rows(folded(events), glyphs_of("braille"))
    assert [row.cells[2] for row in rows] == ["✓ done", "✗ failed", "⤼ skipped", "▶ warming up", "· queued"]
    assert rows[3].cells[3] == "1/2"


def test_a_job_that_is_repeated_says_to_which_end():
    events = [header(), queued(), queued("j2", 2), ev.RepetitionBegun(t=3, job="j1", within=0.025)]
    for ended, name in (([], "short #1 to 2.5 %"), ([ev.RepetitionEnded(t=4, job="j1", reached=True)], "short #1")):
        rows = queue_rows(folded([*events, *ended]), glyphs_of("ascii"))
        assert [row.cells[1] for row in rows] == [name, "short #1"]


def test_names_from_outside_can_do_nothing():
    rows = queue_rows(folded([header(), queued(workload="a\x1b[2J", model="m\nn")]), glyphs_of("ascii"))
    assert "\x1b" not in "".join(rows[0].cells)
    assert "\n" not in "".join(rows[0].cells)


def test_the_rest_is_estimated_from_jobs_of_the_same_workload():
    events = whole_session()[:-1]
    assert remaining_ns(folded(events)) == 0
    events += [queued("j2", 310 * MS), queued("j3", 310 * MS)]
    assert remaining_ns(folded(events)) == pytest.approx(2 * 295 * MS)
    events += [queued("j4", 311 * MS, workload="unknown so far")]
    assert remaining_ns(folded(events)) is None
