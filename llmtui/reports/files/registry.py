"""Which kind of workload has which files beside the log; each module is loaded when it is first needed.

A module of this package makes the files of a kind from the state, purely:

- `growing_files(state, jobs, last=...)` for files that get longer with each request; it is asked whenever a request has
  ended, and with `last` when nothing more will come.
- `finished_files(state, jobs)` for files about whole jobs; it is asked whenever a job of the kind has ended.

`jobs` are all jobs of the kind in their order, ended or not. What a file has must come from the log, by way of the
state.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from llmtui import wording
from llmtui.state.session import Job, SessionState


class SessionFile(NamedTuple):
    """A file of a session: its whole content so far. `about` is Markdown that tells a reader what is in it.

    `grows`: content is only added at its end, which is then all that is written.
    """

    name: str
    text: str
    about: str
    grows: bool = False


GROWING: dict[str, str] = {"student": "student"}
"""The module of each kind of workload that has `growing_files`."""

FINISHED: dict[str, str] = {"report": "report"}
"""The module of each kind of workload that has `finished_files`."""

README = "README.md"

_ENDED = frozenset({"done", "failed", "skipped", "cancelled"})


def growing_files(state: SessionState, *, last: bool = False) -> Iterator[SessionFile]:
    """Yield the files that grow with each request; with `last` nothing more will come, and all rows are due."""
    for kind, module in GROWING.items():
        jobs = jobs_of(state, kind)
        if jobs:
            make: Callable[..., Iterable[SessionFile]] = _loaded(module, "growing_files")
            yield from make(state, jobs, last=last)


def finished_files(state: SessionState) -> Iterator[SessionFile]:
    """Yield the files about whole jobs, of each kind of which a job has ended."""
    for kind, module in FINISHED.items():
        jobs = jobs_of(state, kind)
        if any(job.status in _ENDED for job in jobs):
            make: Callable[..., Iterable[SessionFile]] = _loaded(module, "finished_files")
            yield from make(state, jobs)


def all_files(state: SessionState) -> list[SessionFile]:
    """Return all files of a session of which nothing more will come, and the page that explains them."""
    files = [*growing_files(state, last=True), *finished_files(state)]
    return [readme(state, files), *files] if files else []


def readme(state: SessionState, files: Iterable[SessionFile]) -> SessionFile:
    """Return the page that says what is in each of `files`."""
    session = state.header.session if state.header else ""
    parts = [readme_head(session), "Made from the session's log; `llmtui report` makes these files anew at any time."]
    for file in files:
        parts += [f"## {file.name}", file.about.strip()]
    return SessionFile(README, "\n\n".join(parts) + "\n", "")


def readme_head(session: str) -> str:
    """Return the first line of the page, by which a folder is known to belong to a session."""
    return f"# Files of session {wording.visible(session)}"


def has_files(state: SessionState) -> bool:
    """Whether any job of the session is of a kind that has files."""
    return any(
        job.plan is not None and job.plan.kind in GROWING.keys() | FINISHED.keys() for job in state.jobs.values()
    )


def jobs_of(state: SessionState, kind: str) -> list[Job]:
    """Return the jobs of a kind in their order."""
    return [job for job in state.jobs.values() if job.plan is not None and job.plan.kind == kind]


@cache
def _loaded(module: str, name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(import_module(f"llmtui.reports.files.{module}"), name)
    return found
