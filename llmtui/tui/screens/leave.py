"""The question at `q` while a run is live: detach, stop, or stay."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from llmtui.tui.screens.question import Question

LeaveChoice = Literal["detach", "stop", "stay"]

TEXT = """The session is still running.

d, enter   detach: leave, it goes on (llmtui attach)
s          stop: end the session now, keep its log
esc        stay here"""


class LeaveQuestion(Question[LeaveChoice]):
    """Detaching is the default, since it loses nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,enter,q", "choose('detach')", "detach"),
        Binding("s", "choose('stop')", "stop"),
        Binding("escape,c", "choose('stay')", "stay"),
    ]

    def compose(self) -> ComposeResult:
        """Show the three choices."""
        yield Static(TEXT, markup=False)

    def action_choose(self, choice: LeaveChoice) -> None:
        """Answer."""
        self.dismiss(choice)
