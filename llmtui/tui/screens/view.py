"""What a session screen is given, and how it asks for a new session: whoever opens the screen knows how to do both."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from llmtui import control
from llmtui.tui.copying import SessionTexts
from llmtui.tui.frame import Source
from llmtui.tui.glyphs import Glyphs

if TYPE_CHECKING:
    from llmtui.tui.screens.compare import CompareRows

Send = Callable[[control.Command], Awaitable[control.Reply]]


class AgainError(Exception):
    """No new session could be started: one sentence that says why."""


class Order(NamedTuple):
    """Jobs to run again in a new session, with `changes` in their parameters.

    With `within` each runs until its rate is known to that share.
    """

    jobs: tuple[str, ...]
    changes: dict[str, str]
    within: float | None = None


class Opened(NamedTuple):
    """A session that was started: its events, how to send commands to it, and how to begin another one from it."""

    source: Source
    send: Send
    again: "Again"


Again = Callable[[Order], Awaitable[Opened]]
"""Starts a session that repeats jobs of the one that is shown. Raises `AgainError`."""


class View(NamedTuple):
    """What a session screen is given: its source, how to send commands (None: nobody to send to), and how to draw.

    `again` starts a new session from this one; None where that can't be done, as with one of another host.
    `texts` makes what is copied; without it nothing can be.
    """

    source: Source
    send: Send | None
    replay: bool
    glyphs: Glyphs
    frame_s: float
    state_folder: Path
    bytes_sent: Callable[[], int] = lambda: 0
    compare: "CompareRows | None" = None
    again: Again | None = None
    texts: SessionTexts | None = None
