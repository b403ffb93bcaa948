"""The panes of the session screen: each is given the state and shows its projection of it."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from llmtui.state.session import SessionState
from llmtui.tui.glyphs import Glyphs
from llmtui.tui.projections import alerts, hardware, queue, results, stream
from llmtui.tui.widgets.graph import Graph
from llmtui.tui.widgets.rows import Rows
from llmtui.tui.widgets.tail import Tail


class Pane(Vertical):
    """A bordered pane with a number and a name. `sections` are the parts of the state that it reads."""

    DEFAULT_CSS = """
    Pane {
        border: round $foreground 25%;
        border-title-color: $foreground-muted;
        &:focus-within, &:focus { border: round $accent; border-title-color: $accent; border-title-style: bold; }
    }
    """
    sections: ClassVar[frozenset[str]] = frozenset()
    about: ClassVar[str] = ""

    def __init__(self, number: int, name: str, glyphs: Glyphs) -> None:
        super().__init__(id=name)
        self.border_title = f"{number} {name}"
        self.glyphs = glyphs

    def show(self, state: SessionState) -> None:
        """Show the state as it is now."""
        raise NotImplementedError

    @property
    def heart(self) -> Widget:
        """The widget that takes the focus and the keys for moving."""
        raise NotImplementedError

    def move(self, rows: int) -> None:
        """Move the cursor or the view by rows."""
        if isinstance(self.heart, Rows):
            self.heart.move_cursor(rows)

    def to_start(self) -> None:
        """Go to the first row."""
        if isinstance(self.heart, Rows):
            self.heart.place_cursor(0)

    def to_end(self) -> None:
        """Go to the last row."""
        if isinstance(self.heart, Rows):
            self.heart.place_cursor(len(self.heart.rows))


class QueuePane(Pane):
    """The queue."""

    sections = frozenset({"queue", "header", "hardware"})
    about = "Every job with its state, the requests that are done, and the time it took. Space selects jobs."

    def compose(self) -> ComposeResult:
        """Hold one list."""
        yield Rows(queue.COLUMNS, empty="the queue is empty so far", more=self.glyphs.more)

    @property
    def heart(self) -> Rows:
        """The list."""
        return self.query_one(Rows)

    def show(self, state: SessionState) -> None:
        """Show the queue, with the estimated rest in the border."""
        self.heart.show(queue.queue_rows(state, self.glyphs))


class StreamPane(Pane):
    """The live stream."""

    sections = frozenset({"stream"})
    about = (
        "The text as it comes. TTFT: time to the first piece of text. ITL: time between tokens. `~` marks an estimate "
        "while the request runs. Scrolling up stops following, G follows again."
    )

    def __init__(self, number: int, name: str, glyphs: Glyphs) -> None:
        super().__init__(number, name, glyphs)
        self._state: SessionState | None = None
        self._cursor = stream.Cursor()

    def compose(self) -> ComposeResult:
        """Hold a line of figures and the text."""
        yield Static("no request yet", id="stream-line", markup=False)
        tail = Tail(id="tail")
        tail.can_focus = True
        yield tail

    @property
    def heart(self) -> Tail:
        """The text."""
        return self.query_one(Tail)

    def show(self, state: SessionState) -> None:
        """Add the text that is new; after a jump in a replay, tell the end of it anew."""
        if state is not self._state:
            self._state, self._cursor = state, stream.late_cursor(state)
            self.heart.clear()
        pieces, self._cursor = stream.new_text(state, self._cursor)
        for kind, text in pieces:
            self.heart.append(text, kind)
        # These lines have a fixed height: laying the whole screen out anew for each would cost more than all the rest.
        self.query_one("#stream-line", Static).update(stream.stream_line(state), layout=False)

    def move(self, rows: int) -> None:
        """Scroll the text."""
        self.heart.scroll_lines(rows)

    def to_start(self) -> None:
        """Go to the oldest text that is kept."""
        self.heart.scroll_to_start()

    def to_end(self) -> None:
        """Follow the end again."""
        self.heart.scroll_to_last()


class HardwarePane(Pane):
    """The hardware."""

    sections = frozenset({"hardware", "targets", "self"})
    about = (
        "Figures over time, all on one span (+ and - change it); ticks on the axis are job starts and markers, ~ heat. "
        "What can't be read says why."
    )

    def __init__(self, number: int, name: str, glyphs: Glyphs) -> None:
        super().__init__(number, name, glyphs)
        self.window = 1
        self._lines_of_processes = 0

    def compose(self) -> ComposeResult:
        """Hold the graphs and the lines of the processes."""
        scroll = VerticalScroll(id="graphs")
        scroll.can_focus = True
        with scroll:
            yield Static("", id="processes", markup=False)

    @property
    def heart(self) -> VerticalScroll:
        """The scrolled column of graphs."""
        return self.query_one("#graphs", VerticalScroll)

    def show(self, state: SessionState) -> None:
        """Show every graph, making those that are new."""
        view = hardware.hardware_view(state, hardware.WINDOWS_S[self.window])
        processes = self.query_one("#processes", Static)
        known = {graph.id: graph for graph in self.query(Graph)}
        for key, data in view.graphs.items():
            name = f"graph-{key.replace('.', '-')}"
            graph = known.get(name)
            if graph is None:
                graph = Graph(self.glyphs, id=name)
                self.heart.mount(graph, before=processes)
            graph.show(data)
        shown = {f"graph-{key.replace('.', '-')}" for key in view.graphs}
        for graph in known.values():
            graph.display = graph.id in shown
        text = "\n".join(view.lines)
        if text != processes.content:
            processes.update(text, layout=self._lines_of_processes != len(view.lines))
            self._lines_of_processes = len(view.lines)

    def change_window(self, steps: int) -> None:
        """Show a longer or shorter span."""
        self.window = max(0, min(len(hardware.WINDOWS_S) - 1, self.window + steps))

    def move(self, rows: int) -> None:
        """Scroll the graphs."""
        self.heart.scroll_relative(y=rows, animate=False)

    def to_start(self) -> None:
        """Go to the first graph."""
        self.heart.scroll_home(animate=False)

    def to_end(self) -> None:
        """Go to the processes."""
        self.heart.scroll_end(animate=False)


class ResultsPane(Pane):
    """The results."""

    sections = frozenset({"results", "queue"})
    about = (
        "One row a job: medians over its measured requests. prefill and decode in tokens/s. tokens: count and who "
        "counted. `*` behind ITL p99: fewer than 100 gaps. Enter shows everything, with reasons for what is missing."
    )

    def compose(self) -> ComposeResult:
        """Hold one list."""
        yield Rows(results.COLUMNS, empty="no job has started yet", follow=True, more=self.glyphs.more)

    @property
    def heart(self) -> Rows:
        """The list."""
        return self.query_one(Rows)

    def show(self, state: SessionState) -> None:
        """Show the rows."""
        view = results.results_view(state, self.glyphs)
        self.heart.show(view.rows, view.columns)


class AlertsPane(Pane):
    """Alerts and markers."""

    sections = frozenset({"alerts"})
    about = "What a person should know, and the markers that were placed, in the order of time."

    def compose(self) -> ComposeResult:
        """Hold one list."""
        yield Rows(alerts.COLUMNS, empty="nothing to report", headings=False, follow=True, more=self.glyphs.more)

    @property
    def heart(self) -> Rows:
        """The list."""
        return self.query_one(Rows)

    def show(self, state: SessionState) -> None:
        """Show the rows."""
        self.heart.show(alerts.alert_rows(state, self.glyphs))


def _half_page(pane: Pane) -> int:
    return max(1, pane.heart.size.height // 2)


def _sideways(pane: Pane, steps: int) -> None:
    if isinstance(pane.heart, Rows):
        pane.heart.move_sideways(steps)


MOVES: dict[str, Callable[[Pane], None]] = {
    "down": lambda pane: pane.move(1),
    "up": lambda pane: pane.move(-1),
    "half_down": lambda pane: pane.move(_half_page(pane)),
    "half_up": lambda pane: pane.move(-_half_page(pane)),
    "top": lambda pane: pane.to_start(),
    "end": lambda pane: pane.to_end(),
    "left": lambda pane: _sideways(pane, -1),
    "right": lambda pane: _sideways(pane, 1),
}
"""What each action of moving does to the pane that has the focus."""

PANE_TYPES: dict[str, type[Pane]] = {
    "queue": QueuePane,
    "stream": StreamPane,
    "hardware": HardwarePane,
    "results": ResultsPane,
    "alerts": AlertsPane,
}
