"""What the jobs of a grid say together: the best point, whether anybody can tell, and the surface as tables."""

from collections.abc import Iterator
from itertools import product

from llmtui import wording
from llmtui.documents import DocumentError
from llmtui.metrics.inference.intervals import Interval
from llmtui.state.points import axis_name, point_name, value_text
from llmtui.state.session import SessionState
from llmtui.suites.reading import read_suite
from llmtui.summaries.summary import Summary, Table
from llmtui.summaries.surface import Cell, Surface, surfaces
from llmtui.summaries.swept_figures import FIGURES, SweptFigure
from llmtui.text_table import Fit

RANKED = 10
"""Points that the table of the best ones has."""

BEST_MARK, RIVAL_MARK = "*", "~"


def chosen_figure(state: SessionState) -> SweptFigure:
    """Return the figure by which the suite looks for the best point; the decode rate where it can't be read."""
    if state.header is not None:
        try:
            return FIGURES[read_suite(state.header.suite, "the suite", state.header.overrides).best]
        except DocumentError:
            pass  # a suite of another version of llmtui may be none any more
    return FIGURES["decode_rate"]


def summarize_sweep(state: SessionState) -> Iterator[Summary]:
    """Yield the summary of each surface of a session; nothing for a session without a grid."""
    if any(job.plan is not None and job.plan.point for job in state.jobs.values()):
        for surface in surfaces(state, chosen_figure(state)):
            yield Summary(tuple(best_lines(surface)), (*_grids(surface), _ranking(surface)))


def value_with_unit(figure: SweptFigure, value: float | None) -> str:
    """Return a value of a figure as people read it."""
    return f"{figure.text(value)} {figure.unit}".rstrip() if value is not None else wording.NOTHING


def cell_text(figure: SweptFigure, cell: Cell) -> str:
    """Return the mean of a cell with half the width of its interval."""
    if cell.mean is None:
        return wording.NOTHING
    if not isinstance(cell.interval, Interval):
        return figure.text(cell.mean)
    return f"{figure.text(cell.mean)} ±{figure.text((cell.interval.high - cell.interval.low) / 2)}"


def best_lines(surface: Surface) -> Iterator[str]:
    """Yield what can be said of the best point, and what keeps one from saying more."""
    figure, cells = surface.figure, surface.cells
    waiting = sum(cell.waiting for cell in cells.values())
    so_far = f" so far; jobs still to come: {waiting}" if waiting else ""
    head = f"grid of {surface.title}: {len(cells)} points, {figure.title} ({figure.better} is better){so_far}"
    yield wording.visible(head)
    if surface.best is None:
        reason = next((cell.reason for cell in cells.values() if cell.reason), None)
        yield f"  no point has a value yet{f': {wording.visible(reason)}' if reason else ''}"
        return
    best = cells[surface.best]
    told = f"{point_name(best.point)} with {value_with_unit(figure, best.mean)}{_interval_text(figure, best)}"
    if not surface.rivals:
        alone = len([cell for cell in cells.values() if cell.mean is not None]) == 1
        yield f"  {'the only point with a value' if alone else 'the best point'}: {told}"
    else:
        names = [point_name(cells[place].point) for place in surface.rivals[:3]]
        more = f" and {len(surface.rivals) - 3} more" if len(surface.rivals) > 3 else ""  # noqa: PLR2004 - three are named
        yield f"  can't tell which point is best: the best mean has {told}; {_why(surface)} {'; '.join(names)}{more}"
        yield "  a larger --set iterations=N makes the intervals narrower"
    lost = [cell for cell in cells.values() if cell.lost]
    for cell in lost[:3]:
        reason = wording.visible(cell.reason or "unknown")
        yield f"  {point_name(cell.point)}: runs without a value: {cell.lost}: {reason}"
    if len(lost) > 3:  # noqa: PLR2004 - three are told
        yield f"  further points with such runs: {len(lost) - 3}"


def _why(surface: Surface) -> str:
    """Return why there are rivals, up to their names."""
    doubtful = [surface.cells[place] for place in (surface.best, *surface.rivals) if place is not None]
    if all(isinstance(cell.interval, Interval) for cell in doubtful):
        return "its 95 % interval overlaps with those of"
    return "points that ran once have no interval; it can't be told from"


def _interval_text(figure: SweptFigure, cell: Cell) -> str:
    runs = f"{len(cell.values)} run{'' if len(cell.values) == 1 else 's'}"
    if not isinstance(cell.interval, Interval):
        return f" ({runs})"
    return f" (95 % interval {figure.text(cell.interval.low)} to {figure.text(cell.interval.high)}, {runs})"


def _grids(surface: Surface) -> Iterator[Table]:
    """Yield the surface as tables: the first two axes, one table for each combination of the others' values."""
    if len(surface.axes) < 2:  # noqa: PLR2004 - two axes span a table
        return
    down, across, *others = surface.axes
    headings = tuple(value_text(value) for value in across.values)
    note = f"{surface.figure.title}{f' in {surface.figure.unit}' if surface.figure.unit else ''}"
    for slice_places in product(*(range(len(axis.values)) for axis in others)):
        fixed = {axis.key: axis.values[at] for axis, at in zip(others, slice_places, strict=True)}
        rows = tuple(
            (value_text(value), *(_marked(surface, (row, column, *slice_places)) for column in range(len(headings))))
            for row, value in enumerate(down.values)
        )
        title = f"{note}: {axis_name(down.key)} down, {axis_name(across.key)} across"
        title += f", at {point_name(fixed)}" if fixed else ""
        title += f"   ({BEST_MARK} best mean, {RIVAL_MARK} can't be told from it)"
        yield Table((axis_name(down.key), *headings), rows, headings, title)


def _marked(surface: Surface, place: tuple[int, ...]) -> str:
    cell = surface.cells.get(place)
    if cell is None:
        return wording.NOTHING
    mark = BEST_MARK if place == surface.best else RIVAL_MARK if place in surface.rivals else " "
    return f"{cell_text(surface.figure, cell)} {mark}"


def _ranking(surface: Surface) -> Table:
    """Return the points with the best means, or all of a short grid."""
    figure = surface.figure
    known = [(place, cell) for place, cell in surface.cells.items() if cell.mean is not None]
    known.sort(key=lambda item: item[1].mean or 0.0, reverse=figure.better == "higher")
    rows = tuple(
        (
            *(value_text(value) for value in cell.point.values()),
            figure.text(cell.mean),
            f"{figure.text(cell.interval.low)} to {figure.text(cell.interval.high)}"
            if isinstance(cell.interval, Interval)
            else wording.NOTHING,
            str(len(cell.values)),
            "best mean" if place == surface.best else "can't tell" if place in surface.rivals else "behind",
        )
        for place, cell in known[:RANKED]
    )
    axes = (axis_name(axis.key) for axis in surface.axes)
    headings = (*axes, figure.title, "95 % interval of the mean", "runs", "verdict")
    title = "best points first" if len(known) > RANKED else "all points, the best first"
    fit = Fit(wrapped=("95 % interval of the mean", "verdict"))
    return Table(headings, rows, (figure.title, "runs"), title, fit)
