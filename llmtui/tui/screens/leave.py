"""The question at `q` while a run is live: detach, stop, or stay."""

from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

LeaveChoice = Literal["detach", "stop", "stay"]

TEXT = """The session is still running.

d, enter   detach: leave, it goes on (llmtui attach)
s          stop: end the session now, keep its log
esc        stay here"""


class LeaveQuestion(ModalScreen[LeaveChoice]):
    """Detaching is the default, since it loses nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d,enter,q", "choose('detach')", "detach"),
        Binding("s", "choose('stop')", "stop"),
        Binding("escape,c", "choose('stay')", "stay"),
    ]
    DEFAULT_CSS = """
    LeaveQuestion {
        align: center middle;
        & Static {
            width: auto; max-width: 100%; height: auto; max-height: 100%;
            padding: 1 2; background: $panel; color: $foreground; border: round $accent;
        }
    }
    """

    def compose(self) -> ComposeResult:
        """Show the three choices."""
        yield Static(TEXT, markup=False)

    def action_choose(self, choice: LeaveChoice) -> None:
        """Answer."""
        self.dismiss(choice)
