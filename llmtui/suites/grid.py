"""The grid of a suite: its points, and the balanced order in which they run. Pure."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import msgspec

from llmtui.state.points import point_name
from llmtui.suites.schema import Embedded, Suite, Variant
from llmtui.suites.server_options import AT_LOAD, options_at_load
from llmtui.suites.variants import balanced_order, embedded_of, options_set

EMBEDDED = "embedded"
EMBEDDED_KEY = "embedded."
MODEL_KEY = "model"


class Point(NamedTuple):
    """One point of a grid: its `values` by their keys, and the `variant` of the suite that has them."""

    values: dict[str, Any]
    variant: Variant


def grid_axes(grid: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands under each key of a grid; keys may be written in one, or as mappings within mappings."""
    return dict(_flat(grid, ""))


def _flat(grid: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in grid.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def points_of(suite: Suite) -> list[Point]:
    """Return the points of a suite's grid, the last key changing fastest; none without a grid."""
    axes = grid_axes(suite.grid)
    if not axes or not all(isinstance(values, list | tuple) for values in axes.values()):
        return []
    combinations = product(*axes.values())
    return [_point(dict(zip(axes, values, strict=True))) for values in combinations]


def count_jobs(suite: Suite) -> int:
    """Return how many jobs the grid of a suite has, on one target that has all models of the suite."""
    axes = grid_axes(suite.grid)
    count = suite.iterations * len(suite.workloads)
    for values in axes.values():
        count *= len(values) if isinstance(values, list | tuple) else 1
    return count if MODEL_KEY in axes else count * max(1, len(suite.models))


def _point(values: dict[str, Any]) -> Point:
    own = {key: value for key, value in values.items() if key.startswith(EMBEDDED_KEY)}
    rest = {key: value for key, value in values.items() if key not in own and key != MODEL_KEY}
    variant = Variant(
        name=point_name(values),
        model=values.get(MODEL_KEY),
        set=rest,
        embedded={key.removeprefix(EMBEDDED_KEY): value for key, value in own.items()},
    )
    return Point(values, variant)


def sides_of(suite: Suite) -> tuple[Variant, ...]:
    """Return what a suite compares: its variants, or the points of its grid."""
    return suite.variants or tuple(point.variant for point in points_of(suite))


def balanced_points(points: Sequence[Point], rounds: int, seed: int) -> list[list[int]]:
    """Return for each round the order of the points, so that none profits from its place.

    Points that share a loaded model follow one another, since a load can take minutes: the groups go in a balanced
    order, and so do the points within each.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, point in enumerate(points):
        groups.setdefault(_load_of(point), []).append(place)
    members = list(groups.values())
    outer = balanced_order(len(members), rounds, seed)
    inner = [balanced_order(len(group), rounds, seed + number) for number, group in enumerate(members, 1)]
    return [
        [members[group][place] for group in outer[number] for place in inner[group][number]] for number in range(rounds)
    ]


def _load_of(point: Point) -> Hashable:
    at_load = {f"options.{name}" for names in AT_LOAD.values() for name in names}
    counts = {
        key: value
        for key, value in point.values.items()
        if key in at_load or key == MODEL_KEY or key.startswith(EMBEDDED_KEY)
    }
    return msgspec.json.encode(counts, order="sorted")


def varies_load(suite: Suite, kind: str) -> bool:
    """Whether what a suite compares differs in options with which a server of this kind loads a model."""
    return any(options_at_load(kind, options_set(side)) for side in sides_of(suite))


class EmbeddedServer(NamedTuple):
    """One embedded server that a suite needs: for `model` (None: the default), started as `settings` say.

    `setting` tells it from others of the same model; it is empty for what the suite itself says.
    """

    model: str | None
    setting: str
    settings: Embedded


def embedded_servers(suite: Suite) -> list[EmbeddedServer]:
    """Return the embedded servers that a suite needs for itself, its variants and its grid."""
    own = suite.models or (None,)
    servers: dict[tuple[str | None, str], EmbeddedServer] = {}
    for side in sides_of(suite) or (None,):
        if side is not None and side.target not in {None, EMBEDDED}:
            continue
        for model in (side.model,) if side is not None and side.model else own:
            setting = setting_of(side)
            servers.setdefault((model, setting), EmbeddedServer(model, setting, embedded_of(suite, side)))
    return list(servers.values())


def setting_of(side: Variant | None) -> str:
    """Return what a variant changes about the embedded server, as a part of its target's name."""
    return point_name(side.embedded) if side is not None else ""
