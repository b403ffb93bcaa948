from support.conversation import whole_session

from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.alerts import alert_rows


def test_alerts_and_markers_stand_in_the_order_of_time():
    state = SessionState()
    apply_all(state, whole_session())
    rows = alert_rows(state, glyphs_of("ascii"))
    assert [row.cells[1:] for row in rows] == [("warning", "look"), ("* marker", "here")]
    assert [row.tone for row in rows] == ["warn", "normal"]
