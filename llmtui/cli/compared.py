"""Comparisons for the screen: of the rows of a session, and of sessions of the library."""

from collections.abc import Sequence

from llmtui.cli.sides import NotComparedError, parse, read_sides
from llmtui.reports.compare_several import compare_all, comparisons_text
from llmtui.reports.differing import Side
from llmtui.reports.overlay_text import overlay_sides
from llmtui.reports.sides import SidesError, row_sides, variant_sides
from llmtui.state.session import SessionState
from llmtui.tui.screens.compare import Compared

NO_SIDES = (
    "Select two rows or more with space (t in a replay), then press V.",
    "A suite with `variants` needs no selection.",
)

SELECT_ANOTHER = "select it and another session with space, then press V"


def compare_rows(state: SessionState, jobs: Sequence[str]) -> Compared:
    """Compare these rows of a session, or its variants where they are fewer than two."""
    name = state.header.session if state.header is not None else ""
    try:
        sides = row_sides(state, name, jobs) if len(jobs) > 1 else variant_sides(state, "")
    except SidesError as error:
        return Compared((str(error),) if len(jobs) > 1 else NO_SIDES)
    return _compared(sides)


def compare_sessions(names: Sequence[str]) -> Compared:
    """Compare sessions by their names, the first as the baseline; of one alone its variants."""
    notes: list[str] = []
    try:
        sides = read_sides([parse(name) for name in names], notes.append, SELECT_ANOTHER)
    except NotComparedError as error:
        return Compared((error.message, *notes))
    return _compared(sides, notes)


def _compared(sides: Sequence[Side], notes: Sequence[str] = ()) -> Compared:
    found = compare_all(sides)
    return Compared((*comparisons_text(found), *notes), tuple(overlay_sides(found.sides)))
