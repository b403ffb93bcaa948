"""The question at `c`: which parameter of a job shall be different. The present ones are offered."""

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.widgets import Static

from llmtui import wording
from llmtui.documents import DocumentError
from llmtui.suites.changes import change_workload, parameter_texts, parse_change
from llmtui.suites.logged_plan import workload_of
from llmtui.tui.key_order import Line, OrderedScreen, Typed
from llmtui.tui.widgets.rows import Column, Row, Rows

HINT = "up and down choose, tab takes what is chosen, enter queues the job, esc closes"


class CloneQuestion(OrderedScreen[dict[str, str] | None]):
    """Takes one `key=value`, and does not let go of it before it is right. Answers with the change, None: none."""

    AUTO_FOCUS = "Line"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "close", priority=True),
        Binding("down", "choose(1)", show=False, priority=True),
        Binding("up", "choose(-1)", show=False, priority=True),
        Binding("tab", "take", "take", priority=True),
    ]
    DEFAULT_CSS = """
    CloneQuestion {
        & Vertical { height: 1fr; border: round $accent; padding: 0 1; }
        & #clone-problem { height: auto; max-height: 3; color: $error; }
        & #clone-hint { height: 1; color: $foreground-muted; }
        & Input { height: 1; }
    }
    """

    def __init__(self, job: str, parameters: Mapping[str, Any]) -> None:
        super().__init__()
        self._job = job
        self._parameters = parameters
        self._offered = parameter_texts(parameters)

    def compose(self) -> ComposeResult:
        """Hold the present parameters, the line for the change, and a place for what is wrong with it."""
        with Vertical() as box:
            box.border_title = f"clone {self._job} with one parameter changed"
            rows = Rows((Column("parameter"), Column("value now")), empty="no parameter begins so")
            rows.can_focus = False
            yield rows
            yield Line("key=value, such as max_tokens=64", "change")
            yield Static("", id="clone-problem", markup=False)
            yield Static(HINT, id="clone-hint", markup=False)

    def on_mount(self) -> None:
        """Offer all parameters."""
        self._offer("")

    async def take_typed(self, event: Typed) -> bool:
        """Offer those that begin with what was typed; the end of the line is the answer."""
        line = self.query_one(Line)
        if isinstance(event, Key) and event.key == "enter":
            self._answer(line.value)
        elif await line.take_typed(event):
            self._offer_fitting(line)
        else:
            return False
        return True

    def _answer(self, text: str) -> None:
        """Answer with the change, or say what is wrong with it."""
        try:
            key, value = parse_change(text)
            change_workload(workload_of(self._parameters), {key: value})
        except DocumentError as error:
            self.query_one("#clone-problem", Static).update(wording.visible(str(error)))
            return
        self.dismiss({key: value})

    def action_give_up(self) -> None:
        """Close without a change."""
        self.dismiss(None)

    def action_choose(self, steps: int) -> None:
        """Go to another of the parameters that are offered."""
        self.query_one(Rows).move_cursor(steps)
        self._mark()

    def action_take(self) -> None:
        """Put the chosen parameter with its value into the line, where it can be changed."""
        chosen = self.query_one(Rows).cursor_key
        if chosen is not None:
            line = self.query_one(Line)
            line.value = f"{chosen}={dict(self._offered)[chosen]}"
            line.cursor_position = len(line.value)
            self._offer_fitting(line)

    def _offer_fitting(self, line: Line) -> None:
        self.query_one("#clone-problem", Static).update("")
        self._offer(line.value)

    def _offer(self, text: str) -> None:
        key, equals, _ = text.strip().partition("=")
        fitting = [(name, value) for name, value in self._offered if (name == key if equals else name.startswith(key))]
        rows = [Row(name, (name, wording.visible(value))) for name, value in fitting]
        self.query_one(Rows).show(rows)
        self._mark()

    def _mark(self) -> None:
        """Show which row is chosen: the list never has the focus, so it draws no cursor of its own."""
        rows = self.query_one(Rows)
        rows.selected = set() if rows.cursor_key is None else {rows.cursor_key}
        rows.refresh()
