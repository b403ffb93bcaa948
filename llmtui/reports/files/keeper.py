"""Keeps the files of a session up to date while somebody follows it."""

from pathlib import Path

from llmtui.reports.files.registry import SessionFile, finished_files, growing_files, has_files, readme
from llmtui.state.session import SessionState


class FileKeeper:
    """Writes what is new each time it is called with the state; does nothing where no kind of the session has files.

    `problem` is the sentence of a folder that could not be written. Then nothing more is tried: what a viewer can't
    write is in the log, and `llmtui report` says what is wrong.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.problem: str | None = None
        self.written: list[Path] = []
        self._seen: tuple[int, ...] = ()
        self._ended: tuple[str, ...] = ()
        self._finished: list[SessionFile] = []

    def keep(self, state: SessionState, *, last: bool = False) -> None:
        """Write what the session has now; with `last` nothing more will come of it."""
        if self.problem is not None or state.header is None or not has_files(state):
            return
        last = last or state.finished
        seen = (last, *(job.changes for job in state.jobs.values()))
        if seen == self._seen:
            return
        self._seen = seen
        ended = tuple(f"{job.id} {job.status}" for job in state.jobs.values() if job.finished_ns is not None)
        if ended != self._ended or last:
            self._ended, self._finished = ended, list(finished_files(state))
        files = [*growing_files(state, last=last), *self._finished]
        if files:
            from llmtui.reports.files.folder import FolderError, write_files  # noqa: PLC0415 - most sessions have none

            try:
                self.written = write_files(self.folder, state.header.session, [readme(state, files), *files])
            except FolderError as error:
                self.problem = f"the files of this session were not written: {error}"
