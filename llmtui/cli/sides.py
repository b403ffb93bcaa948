"""From what a user names to the sides of a comparison: sessions, jobs of one after a colon, a variant after an `@`."""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from llmtui import places
from llmtui.log.fold import fold_log
from llmtui.log.library import find_session
from llmtui.log.read import LogError
from llmtui.reports.differing import Side
from llmtui.reports.sides import SidesError, lettered, variant_sides, whole_side
from llmtui.reports.variants import variant_names
from llmtui.state.session import SessionState

_JOBS = re.compile(r"^(?P<session>.+):(?P<jobs>j\d+(?:,j\d+)*)$")
_VARIANT = re.compile(r"^(?P<session>.+)@(?P<variant>[^@/]+)$")


Note = Callable[[str], None]
"""Takes a sentence on what could not be read of a session."""

NAME_ANOTHER = "name a second session: llmtui compare {session} B"

_to_stderr: Note = partial(click.echo, err=True)


class NotComparedError(click.ClickException):
    """Nothing could be compared, which has an exit code of its own, so that 1 means "slower" and nothing else."""

    exit_code = 2


class Selection(NamedTuple):
    """A session as it was named, and which of its jobs are meant."""

    session: str
    jobs: tuple[str, ...] | None = None
    variant: str | None = None


def parse(text: str) -> Selection:
    """Return what `text` names: a session, jobs of it after a colon, or a variant of it after an `@`."""
    if Path(text).exists():
        return Selection(text)
    if found := _JOBS.match(text):
        return Selection(found["session"], tuple(dict.fromkeys(found["jobs"].split(","))))
    if found := _VARIANT.match(text):
        return Selection(found["session"], variant=found["variant"])
    return Selection(text)


def read_sides(selections: Sequence[Selection], note: Note = _to_stderr, alone: str = NAME_ANOTHER) -> list[Side]:
    """Return the sides that are meant; of one session alone its variants. Each file is read once.

    `alone` is what a `session` without variants takes to be compared.

    Raises:
        NotComparedError: where a session can't be read, has no such part, or measured nothing.
    """
    states: dict[Path, SessionState] = {}
    try:
        if len(selections) == 1:
            return _variants(selections[0], states, note, alone)
        return lettered([_side(selection, states, note) for selection in selections])
    except (LogError, SidesError) as error:
        raise NotComparedError(str(error)) from None


def _variants(selection: Selection, states: dict[Path, SessionState], note: Note, alone: str) -> list[Side]:
    path, state = _read(selection, states, note)
    if selection.jobs is not None or selection.variant is not None:
        raise NotComparedError(f"a part of a session needs another one beside it: llmtui compare {path.stem}:j1 B")
    try:
        return variant_sides(state, path.stem)
    except SidesError as error:
        raise NotComparedError(f"{error}; {alone.format(session=path.stem)}") from None


def _side(selection: Selection, states: dict[Path, SessionState], note: Note) -> Side:
    path, state = _read(selection, states, note)
    unknown = [job for job in selection.jobs or () if job not in state.jobs]
    if unknown:
        raise NotComparedError(f"{path.stem} has no job {', '.join(unknown)}; it has {_listed(state.jobs)}")
    if selection.variant is not None and selection.variant not in (known := variant_names(state)):
        raise NotComparedError(f"{path.stem} has no variant `{selection.variant}`; it has {_listed(known)}")
    side = whole_side(state, path.stem, selection.jobs, selection.variant)
    if not side.samples:
        raise NotComparedError(f"{side.name} measured nothing; `llmtui replay {path.stem} --plain` says why")
    return side


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _read(selection: Selection, states: dict[Path, SessionState], note: Note) -> tuple[Path, SessionState]:
    path = find_session(selection.session, places.sessions_folder())
    # A loop of links is no fault here: opening it says so in a sentence.
    known = Path(os.path.realpath(path))
    if known not in states:
        states[known] = read_session(path, note)
    return path, states[known]


def read_session(path: Path, note: Note = _to_stderr) -> SessionState:
    """Return a session folded to its end, without the text of its answers. Raises `LogError`."""
    log = fold_log(path, texts=False)
    for notice in log.notices:
        note(f"note: {path.stem}: {notice}")
    return log.state
