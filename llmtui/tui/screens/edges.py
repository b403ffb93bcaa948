"""The lines above and below the panes: status, tabs, hardware strip, footer with its messages."""

from collections.abc import Callable

from textual.screen import Screen
from textual.widgets import Static

from llmtui.state.session import SessionState
from llmtui.tui.actions import PANES, Situation, footer_text
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections.scrubber import Place, scrubber_line
from llmtui.tui.projections.status import Link, hardware_strip, status_parts

MESSAGE_S = 5.0


class Edges:
    """Writes the lines of a session screen; a text that is the same again is not sent again."""

    def __init__(self, screen: Screen[None], redraw: Callable[[], None]) -> None:
        self._screen = screen
        self._redraw = redraw
        self._message = ""
        self.terminal_rate = 0.0

    def show(self, state: SessionState, situation: Situation, link: Link, held_back: int | None) -> None:
        """Show all lines; `held_back` is how many events a paused view has not shown, None when it is not paused."""
        width = self._screen.size.width - 2
        parts = status_parts(state, link, self.terminal_rate)
        if held_back is not None:
            parts.insert(0, f"VIEW PAUSED +{held_back}")
        self._set("#status", fitting(parts, width))
        self._set("#tabs", tabs_text(situation.pane, width))
        self._set("#strip", hardware_strip(state))
        self._set("#footer", self._message or footer_text(situation, width))

    def show_scrubber(self, place: Place, glyphs: Glyphs) -> None:
        """Show where a replay stands."""
        self._set("#scrubber", scrubber_line(place, self._screen.size.width - 2, glyphs))

    def say(self, text: str) -> None:
        """Show a message in the last line for a while."""
        self._message = text
        self._set("#footer", text)
        self._screen.set_timer(MESSAGE_S, lambda: self._unsay(text))

    def _unsay(self, text: str) -> None:
        if self._message == text:
            self._message = ""
            self._redraw()

    def _set(self, selector: str, text: str) -> None:
        line = self._screen.query_one(selector, Static)
        if line.content != text:
            line.update(text, layout=False)


def tabs_text(current: str, width: int) -> str:
    """Return the tabs with the current one in brackets; where not all names fit, the others are numbers."""
    full = "  ".join(f"[{n} {name}]" if name == current else f"{n} {name}" for n, name in enumerate(PANES, 1))
    if len(full) <= width:
        return full
    return "  ".join(f"[{n} {name}]" if name == current else str(n) for n, name in enumerate(PANES, 1))


def fitting(parts: list[str], width: int) -> str:
    """Return the first parts that fit into `width`, and always the first one."""
    text = parts[0] if parts else ""
    for part in parts[1:]:
        if len(text) + 2 + len(part) <= width:
            text = f"{text}  {part}"
    return text
