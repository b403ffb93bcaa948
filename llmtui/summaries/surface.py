"""The surface over a grid: the mean of a figure at each point, and which point is best. Pure."""

from collections.abc import Hashable, Sequence
from itertools import product
from statistics import fmean
from typing import Any, NamedTuple

import msgspec

from llmtui.metrics.inference.intervals import Interval, mean_interval
from llmtui.metrics.statistics import Missing
from llmtui.state.points import value_text
from llmtui.state.session import Job, SessionState
from llmtui.summaries.swept_figures import SweptFigure

Place = tuple[int, ...]
"""A point by the places of its values on their axes."""


class Axis(NamedTuple):
    """One parameter of a grid with its values in their order."""

    key: str
    values: tuple[Any, ...]


class Cell(NamedTuple):
    """One point: the values of its jobs, their mean with its interval, and what is still to come or never came.

    `reason` says why a job gave no value.
    """

    point: dict[str, Any]
    values: tuple[float, ...]
    mean: float | None
    interval: Interval | Missing
    waiting: int
    lost: int
    reason: str | None

    @property
    def low(self) -> float | None:
        """Where the mean may lie at least; the mean itself where there is no interval."""
        return self.interval.low if isinstance(self.interval, Interval) else self.mean

    @property
    def high(self) -> float | None:
        """Where the mean may lie at most; the mean itself where there is no interval."""
        return self.interval.high if isinstance(self.interval, Interval) else self.mean


class Surface(NamedTuple):
    """A figure over the whole grid of one workload on one model. `title` names both where there are several.

    `best` is the point with the best mean; `rivals` are those that nobody can tell from it: their intervals overlap
    with its own, or one of both has none.
    """

    title: str
    figure: SweptFigure
    axes: tuple[Axis, ...]
    cells: dict[Place, Cell]
    best: Place | None
    rivals: tuple[Place, ...]

    def range(self) -> tuple[float, float] | None:
        """Return the least and the greatest mean; None before there is one."""
        means = [cell.mean for cell in self.cells.values() if cell.mean is not None]
        return (min(means), max(means)) if means else None


def surfaces(state: SessionState, figure: SweptFigure) -> list[Surface]:
    """Return the surface of each workload and model that ran on a grid, in the order of the queue."""
    groups: dict[Hashable, list[Job]] = {}
    for job in state.jobs.values():
        # A clone with changed parameters is no longer at its point.
        if job.plan is not None and job.plan.point and job.plan.variant is None:
            groups.setdefault(_group(job), []).append(job)
    several = len(groups) > 1
    return [_surface(state, jobs, figure, several=several) for jobs in groups.values()]


def _group(job: Job) -> Hashable:
    plan = job.plan
    assert plan is not None
    model = None if "model" in plan.point else plan.model
    target = plan.target.partition("[")[0]
    target = target.partition(":")[0] if model is None else target
    return target, model, plan.workload, plan.load, tuple(plan.point)


def _surface(state: SessionState, jobs: Sequence[Job], figure: SweptFigure, *, several: bool) -> Surface:
    points = [job.plan.point for job in jobs if job.plan is not None]
    axes = tuple(Axis(key, _ordered(points, key)) for key in points[0])
    places: dict[Hashable, Place] = {}
    for place in product(*(range(len(axis.values)) for axis in axes)):
        places[_key({axis.key: axis.values[at] for axis, at in zip(axes, place, strict=True)})] = place
    by_place: dict[Place, list[Job]] = {}
    for job, point in zip(jobs, points, strict=True):
        by_place.setdefault(places[_key(point)], []).append(job)
    cells = {place: _cell(state, by_place[place], figure) for place in sorted(by_place)}
    best = _best(cells, figure)
    rivals = () if best is None else tuple(place for place in cells if place != best and _overlap(cells, best, place))
    plan = jobs[0].plan
    assert plan is not None
    model = "" if "model" in plan.point else f" on {plan.model}"
    return Surface(f"{plan.workload}{model}" if several else plan.workload, figure, axes, cells, best, rivals)


def _key(point: dict[str, Any]) -> bytes:
    return msgspec.json.encode(point)


def _ordered(points: Sequence[dict[str, Any]], key: str) -> tuple[Any, ...]:
    """Return the different values of an axis: numbers by their size, others by how they are told."""
    values = list({_key({key: point[key]}): point[key] for point in points}.values())
    if all(isinstance(value, int | float) for value in values):
        return tuple(sorted(values))
    return tuple(sorted(values, key=value_text))


def _cell(state: SessionState, jobs: Sequence[Job], figure: SweptFigure) -> Cell:
    values: list[float] = []
    reason = None
    waiting = 0
    for job in jobs:
        if job.status in {"queued", "running"}:
            waiting += 1
            continue
        value = figure.value(state, job) if job.status == "done" else None
        if value is None:
            reason = reason or figure.missing(state, job)
        else:
            values.append(value)
    plan = jobs[0].plan
    return Cell(
        point=plan.point if plan else {},
        values=tuple(values),
        mean=fmean(values) if values else None,
        interval=mean_interval(values),
        waiting=waiting,
        lost=len(jobs) - waiting - len(values),
        reason=reason,
    )


def _best(cells: dict[Place, Cell], figure: SweptFigure) -> Place | None:
    means = {place: cell.mean for place, cell in cells.items() if cell.mean is not None}
    if not means:
        return None
    choose = max if figure.better == "higher" else min
    return choose(means, key=lambda place: means[place])


def _overlap(cells: dict[Place, Cell], best: Place, other: Place) -> bool:
    """Whether two points can't be told apart; one without a value can't be said to be a rival."""
    one, two = cells[best], cells[other]
    if two.mean is None:
        return False
    if isinstance(one.interval, Missing) or isinstance(two.interval, Missing):
        return True
    return one.interval.low <= two.interval.high and two.interval.low <= one.interval.high
