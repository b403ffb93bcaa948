"""A question over the screen from which it was asked: a box of text in the middle, answered by a key."""

from textual.screen import ModalScreen, ScreenResultType


class Question(ModalScreen[ScreenResultType]):
    """Holds one `Static` with the choices."""

    DEFAULT_CSS = """
    Question {
        align: center middle;
        & Static {
            width: auto; max-width: 100%; height: auto; max-height: 100%;
            padding: 1 2; background: $panel; color: $foreground; border: round $accent;
        }
    }
    """
