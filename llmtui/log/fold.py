"""A log folded into what the session looks like at its end, with no more of the log in memory than a piece of it."""

from pathlib import Path
from typing import NamedTuple

from llmtui.events import TokensReceived
from llmtui.log.read import LogReader
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


class FoldedLog(NamedTuple):
    """The session at its end, and what could not be read of its log, a sentence each."""

    state: SessionState
    notices: list[str]


def fold_log(path: Path, *, bulk: bool = True, texts: bool = True) -> FoldedLog:
    """Read a log of any length and fold all of it.

    Without `bulk` tokens and samples are passed over; without `texts` only the tokens are, for the figures of a request
    stand in its last event. Raises `LogError` when the file can't be read, or holds no event at all.
    """
    reader = LogReader(path, bulk=bulk)
    state = SessionState()
    for events in reader:
        apply_all(state, events if texts else (event for event in events if not isinstance(event, TokensReceived)))
    return FoldedLog(state, reader.notices())
