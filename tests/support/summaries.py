"""Recorded sessions with what their summaries said: logs without what tells of the machine on which they were made."""

from pathlib import Path

from llmtui.log.read import read_log
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

SESSIONS = Path(__file__).parents[1] / "summaries" / "sessions"


def read_state(name: str) -> SessionState:
    """Fold the recorded session `name`."""
    state = SessionState()
    apply_all(state, read_log(SESSIONS / f"{name}.jsonl").events)
    return state
