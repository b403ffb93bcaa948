"""The question at `y` and `Y`: as what to copy. The form of the last time is one more key away."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from llmtui.tui.copying import FORMS, Form
from llmtui.tui.screens.question import Question


class CopyQuestion(Question[Form | None]):
    """Asks for one of `forms`; `last` is the one that y, Y and enter choose. None: nothing is copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(about.key, f"choose('{form}')", about.name) for form, about in FORMS.items()),
        Binding("y,Y,enter", "last", "as last time"),
        Binding("escape,q", "nothing", "copy nothing"),
    ]

    def __init__(self, what: str, forms: Sequence[Form], last: Form) -> None:
        super().__init__()
        self._what = what
        self._forms = forms
        self._last = last

    def compose(self) -> ComposeResult:
        """Show the forms with their keys."""
        rows = [f"{FORMS[form].key:<9} {FORMS[form].name:<11} {FORMS[form].text}" for form in self._forms]
        last = f"{'y, enter':<9} as last time: {FORMS[self._last].name}"
        yield Static("\n".join([f"copy {self._what} as", "", *rows, last, "esc       nothing"]), markup=False)

    def action_choose(self, form: Form) -> None:
        """Answer with a form, if it is one of those that were asked for."""
        if form in self._forms:
            self.dismiss(form)

    def action_last(self) -> None:
        """Answer as the last time."""
        self.dismiss(self._last)

    def action_nothing(self) -> None:
        """Answer that nothing shall be copied."""
        self.dismiss(None)
