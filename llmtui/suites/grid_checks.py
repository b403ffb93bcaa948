"""What is wrong with the grid of a suite, and with what its variants say of the embedded server."""

from collections.abc import Callable, Iterator
from typing import Any

from llmtui.documents import DocumentError, nearest_key
from llmtui.state.points import point_name, value_text
from llmtui.suites.grid import EMBEDDED_KEY, MODEL_KEY, count_jobs, grid_axes, points_of
from llmtui.suites.schema import AnyWorkload, Embedded, Suite, Sweep
from llmtui.suites.variants import embedded_of, fits, varied

Problems = Callable[[AnyWorkload], Iterator[str]]


def embedded_problems(suite: Suite) -> Iterator[str]:
    """Yield what is wrong with the keys of the embedded server in the suite and its variants."""
    for variant in (None, *suite.variants):
        try:
            settings = embedded_of(suite, variant)
        except DocumentError as error:
            yield str(error)
            continue
        of = f"variant `{variant.name}`: " if variant else ""
        yield from (f"{of}{problem}" for problem in _settings_problems(settings))


def _settings_problems(settings: Embedded) -> Iterator[str]:
    for name, least in (("context", 1), ("parallel", 1), ("threads", 1), ("gpu_layers", 0)):
        value = getattr(settings, name)
        if value is not None and value < least:
            yield f"`embedded.{name}` is {value}; it must be at least {least}"


def grid_problems(suite: Suite, problems_of: Problems) -> Iterator[str]:
    """Yield what is wrong with the grid; `problems_of` finds those of a workload as it is at one point."""
    if suite.most_jobs < 1:
        yield f"`most_jobs` is {suite.most_jobs}; it must be at least 1"
    if not suite.grid:
        if any(isinstance(workload, Sweep) for workload in suite.workloads):
            yield "a `sweep` needs a `grid` in the suite, such as grid: {temperature: [0, 0.8]}"
        return
    if suite.variants:
        yield "`grid` and `variants` exclude each other; give one of them"
    axes = grid_axes(suite.grid)
    wrong = [problem for key, values in axes.items() for problem in _axis_problems(suite, key, values)]
    yield from wrong
    count = count_jobs(suite)
    if count > suite.most_jobs:
        yield (
            f"`grid` has {count} jobs, iterations and workloads counted; leave out values, "
            f"or allow so many by `most_jobs: {count}`"
        )
    elif not wrong:
        yield from _point_problems(suite, problems_of)


def _axis_problems(suite: Suite, key: str, values: Any) -> Iterator[str]:
    if not isinstance(values, list | tuple) or not values:
        yield f"`grid.{key}` must be a list of values, such as [1, 2]"
        return
    for value in values:
        if sum(value is other or value == other for other in values) > 1:
            yield f"`grid.{key}` has {value_text(value)} twice"
    known = sorted(set.intersection(*(set(workload.__struct_fields__) for workload in suite.workloads)))
    if key == MODEL_KEY:
        if not all(isinstance(value, str) for value in values):
            yield "`grid.model` must be a list of names of models"
    elif key.startswith(EMBEDDED_KEY):
        if (name := key.removeprefix(EMBEDDED_KEY)) not in Embedded.__struct_fields__:
            yield f"`grid.{key}`: the embedded server has no such key{nearest_key(name, [*Embedded.__struct_fields__])}"
    elif not all(fits(workload, key) for workload in suite.workloads):
        yield f"`grid.{key}`: not every workload has such a key{nearest_key(key, known)}"


def _point_problems(suite: Suite, problems_of: Problems) -> Iterator[str]:
    for point in points_of(suite):
        where = f"`grid` at {point_name(point.values)}"
        try:
            settings = embedded_of(suite, point.variant)
            changed = [varied(workload, point.variant) for workload in suite.workloads]
        except DocumentError as error:
            yield f"{where}: {str(error).partition(': ')[2] or error}"
            continue
        yield from (f"{where}: {problem}" for problem in _settings_problems(settings))
        for workload in changed:
            yield from (f"{where}: `{problem}" for problem in problems_of(workload))
