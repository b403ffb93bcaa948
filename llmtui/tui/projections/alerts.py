"""The alerts pane: alerts and markers in the order of time."""

from llmtui import wording
from llmtui.events import AlertRaised
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.widgets.rows import Column, Row

COLUMNS = (Column("time", number=True), Column("what"), Column("text"))
TONES = {"info": "dim", "warning": "warn", "error": "bad"}


def alert_rows(state: SessionState, glyphs: Glyphs) -> list[Row]:
    """Return alerts and markers, oldest first."""
    moments = [(alert.t, _alert_cells(alert), TONES[alert.severity]) for alert in state.alerts]
    moments += [(marker.t, (f"{glyphs.marker} marker", marker.label), "normal") for marker in state.markers]
    return [
        Row(str(place), tuple(wording.visible(cell) for cell in (wording.clock(t), *cells)), tone)
        for place, (t, cells, tone) in enumerate(sorted(moments, key=lambda moment: moment[0]))
    ]


def _alert_cells(alert: AlertRaised) -> tuple[str, str]:
    return alert.severity, alert.text
