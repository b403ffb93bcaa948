"""One widget alone on the screen, changed `FRAMES` times: run by widgets.py in a pseudo-terminal, as WIDGET FRAMES."""

import math
import sys
from collections.abc import Callable

from textual.app import App, ComposeResult
from textual.widget import Widget

from llmtui.tui.driver import TerminalDriver
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.widgets.graph import Graph
from llmtui.tui.widgets.graph_lines import GraphData
from llmtui.tui.widgets.rows import Column, Row, Rows
from llmtui.tui.widgets.tail import Tail

FRAME_S = 0.05
TEXT = "the quick brown fox jumps over a lazy dog while seven wizards mix unusual potions"
WORDS = TEXT.split()


def graph() -> tuple[Widget, Callable[[int], None]]:
    """Return a braille graph whose curve moves on by one point a frame."""
    widget = Graph(glyphs_of("braille"))

    def change(frame: int) -> None:
        points = tuple(50 + 40 * math.sin((frame + place) / 7) for place in range(160))
        widget.show(GraphData("CPU", f"{points[-1]:.0f} %", points, high=100.0, high_text="100 %"))

    return widget, change


def rows() -> tuple[Widget, Callable[[int], None]]:
    """Return a list of forty rows, of which one changes a frame."""
    widget = Rows((Column("job"), Column("state"), Column("tok/s", number=True)))
    cells = [[f"j{number}", "running", "0.0"] for number in range(40)]

    def change(frame: int) -> None:
        cells[frame % 30][2] = f"{frame / 7:.1f}"
        widget.show([Row(row[0], tuple(row)) for row in cells])

    return widget, change


def tail() -> tuple[Widget, Callable[[int], None]]:
    """Return the stream's text, to which five words come a frame."""
    widget = Tail()

    def change(frame: int) -> None:
        widget.append("".join(f" {WORDS[(frame * 5 + place) % len(WORDS)]}" for place in range(5)), "answer")

    return widget, change


WIDGETS = {"graph": graph, "rows": rows, "tail": tail}


class OneWidget(App[None]):
    """Changes its widget at each frame, and ends."""

    def __init__(self, name: str, frames: int) -> None:
        super().__init__(driver_class=TerminalDriver)
        self._widget, self._change = WIDGETS[name]()
        self._frames = frames
        self._frame = 0

    def compose(self) -> ComposeResult:
        """Hold the widget."""
        yield self._widget

    def on_mount(self) -> None:
        """Begin."""
        self.set_interval(FRAME_S, self._beat)

    def _beat(self) -> None:
        if self._frame == self._frames:
            self.exit()
            return
        self._change(self._frame)
        self._frame += 1


if __name__ == "__main__":
    OneWidget(sys.argv[1], int(sys.argv[2])).run()
