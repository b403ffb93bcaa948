"""What `y` and `Y` do on the session screen: ask for the form, make the text, and copy it."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from textual.screen import Screen

from llmtui.state.session import SessionState
from llmtui.tui.clipboard import copy_text
from llmtui.tui.copying import FORMS, TABLE_FORMS, Copy, Form, LastForms, SessionTexts
from llmtui.tui.screens.copy_question import CopyQuestion

NOTHING_HERE = "copy: there is no row here; go to the queue, the results or the alerts"


class CopyKeys:
    """Copies what the session screen shows; `say` tells where it went."""

    def __init__(
        self, screen: Screen[None], texts: SessionTexts | None, folder: Path, say: Callable[[str], None]
    ) -> None:
        self._screen = screen
        self._texts = texts
        self._folder = folder
        self._say = say
        self._last = LastForms(folder)

    def row(self, state: SessionState, job: str | None, cells: Sequence[str]) -> None:
        """Copy the job of a row, after a question, or the `cells` of a row that is no job."""
        texts = self._texts
        if texts is None or not (job or cells):
            self._say(NOTHING_HERE)
        elif job is None:
            self._copy(texts.cells(cells), "the row", "tsv")
        else:
            self._ask(f"job {job}", tuple(FORMS), lambda form: texts.row(state, job, form), table=False)

    def table(self, state: SessionState) -> None:
        """Copy the results of all jobs, after a question."""
        texts = self._texts
        if texts is None:
            self._say(NOTHING_HERE)
        else:
            self._ask("all results", TABLE_FORMS, partial(texts.table, state), table=True)

    def reproduction(self, state: SessionState, job: str) -> list[str]:
        """Return lines for the details of a job: the commands that measure it again."""
        return [] if self._texts is None else ["", "again:", *self._texts.reproduction(state, job)]

    def _ask(self, what: str, forms: Sequence[Form], make: Callable[[Form], Copy], *, table: bool) -> None:
        def answered(form: Form | None) -> None:
            if form is not None:
                self._last.keep(form, table=table)
                self._copy(make(form), what, form)

        self._screen.app.push_screen(CopyQuestion(what, forms, self._last.read(table=table)), answered)

    def _copy(self, copy: Copy, what: str, form: Form) -> None:
        about = FORMS[form]
        driver = self._screen.app._driver  # noqa: SLF001 - Textual's own copy neither speaks tmux nor bounds the length
        if copy.reason is not None:
            self._say(f"{about.name}: {copy.reason}")
        elif driver is not None:
            where = copy_text(copy.text, driver.write, self._folder, name=f"copied.{about.suffix}")
            self._say(f"{what} as {about.name}: {where}")
