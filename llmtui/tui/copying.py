"""What can be copied of a session and as what, and the choice that was made last."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

from llmtui.log.private_file import replace_file
from llmtui.state.session import SessionState

Form = Literal["tsv", "json", "md", "run", "curl"]


class FormOf(NamedTuple):
    """A form: the key that chooses it, its name, what it is good for, and the end of its file's name."""

    key: str
    name: str
    text: str
    suffix: str


FORMS: dict[Form, FormOf] = {
    "tsv": FormOf("t", "TSV", "for a spreadsheet", "tsv"),
    "json": FormOf("j", "JSON", "every figure, with units and the reasons for what is missing", "json"),
    "md": FormOf("m", "Markdown", "for a document", "md"),
    "run": FormOf("r", "llmtui run", "the command that measures it again", "sh"),
    "curl": FormOf("c", "curl", "the command that sends its first measured request again", "sh"),
}

TABLE_FORMS: tuple[Form, ...] = ("tsv", "json", "md")


class Copy(NamedTuple):
    """A text to be copied, or the sentence that says why there is none."""

    text: str
    reason: str | None = None


class SessionTexts(Protocol):
    """Makes the texts of a session; the reports know how, and the screens only ask."""

    def row(self, state: SessionState, job: str, form: Form) -> Copy:
        """Return all that is known of one job."""

    def table(self, state: SessionState, form: Form) -> Copy:
        """Return the results of all jobs."""

    def cells(self, cells: Sequence[str]) -> Copy:
        """Return one row of any list, with tabs."""

    def reproduction(self, state: SessionState, job: str) -> list[str]:
        """Return the commands that measure a job again, a line each."""


class _Choices(msgspec.Struct, frozen=True):
    row: Form = "tsv"
    table: Form = "tsv"


class LastForms:
    """The form that was chosen last for a row and for a table, kept in `folder`; TSV where none was.

    A file that can't be read or written is done without.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / "copy.json"

    def read(self, *, table: bool) -> Form:
        """Return the last choice."""
        choices = self._choices()
        return choices.table if table else choices.row

    def keep(self, form: Form, *, table: bool) -> None:
        """Remember a choice."""
        choices = msgspec.structs.replace(self._choices(), **{"table" if table else "row": form})
        with suppress(OSError):
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(self._file, msgspec.json.encode(choices))

    def _choices(self) -> _Choices:
        try:
            choices = msgspec.json.decode(self._file.read_bytes(), type=_Choices)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return _Choices()
        return choices if choices.table in TABLE_FORMS else msgspec.structs.replace(choices, table="tsv")
