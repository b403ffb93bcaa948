"""Following a session whose tables and pages are kept up to date beside its log."""

from pathlib import Path
from typing import TYPE_CHECKING

from llmtui.log.follow import LogFollower
from llmtui.log.session_path import files_folder

if TYPE_CHECKING:
    from llmtui.reports.files.keeper import FileKeeper
    from llmtui.state.session import SessionState


class FiledLog(LogFollower):
    """A follower that writes the files of its session, into `folder` (None: beside the log). Raises `LogError`."""

    def __init__(self, path: Path, folder: Path | None = None) -> None:
        super().__init__(path)
        self._asked = folder
        self._folder = files_folder(path) if folder is None else folder
        self._keeper: FileKeeper | None = None
        self._told = False

    def keep(self, state: "SessionState", *, last: bool = False) -> str | None:
        """Write what is new in `state`, with `last` when nothing more will come; return why that failed, once."""
        if self._keeper is None:
            # Here, so that the home screen opens without it.
            from llmtui.reports.files.keeper import FileKeeper

            self._keeper = FileKeeper(self._folder)
        self._keeper.keep(state, last=last)
        problem, self._told = (None if self._told else self._keeper.problem), self._keeper.problem is not None
        return problem

    @property
    def files(self) -> Path | None:
        """The folder of the session's files, if it has any."""
        return self._folder if self._keeper is not None and self._keeper.written else None

    def notices(self) -> list[str]:
        """Return what a reader should know, a sentence each; and that a folder which was asked for got nothing."""
        keeper = self._keeper
        if self._asked is None or keeper is None or keeper.written or keeper.problem is not None:
            return super().notices()
        told = f"nothing was written to {self._asked}: no job had tables or pages for it"
        return [*super().notices(), f"{told}; what was measured: llmtui export {self.path.stem}"]
