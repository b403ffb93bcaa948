"""From a suite and the servers that answered to the list of jobs."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from llmtui.events import Model, OfferedLoad, Server
from llmtui.suites.grid import Point, balanced_points, points_of, setting_of, sides_of
from llmtui.suites.kinds.base import workload_name
from llmtui.suites.levels import at_level, levels_of, requests_of
from llmtui.suites.lineup import PlannedModel, line_up
from llmtui.suites.schema import AnyWorkload, Generate, Load, Suite, Variant, Watch
from llmtui.suites.variants import balanced_order, varied


class PlannedTarget(msgspec.Struct, frozen=True):
    """A target of the suite: its server, or the sentence that says why there is none.

    `models` are the names to run on this target in place of the suite's. `setting` is what is different about how this
    embedded server is started; None for all other servers.
    """

    name: str
    server: Server | None
    problem: str | None = None
    models: tuple[str, ...] = ()
    setting: str | None = None


class JobPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One job to come. `problem` is set when it can't run, so that it stands in the queue and fails with its reason.

    `models` are those that it compares. `parent_job` is the job of another session that it repeats.
    """

    target: str
    backend: str
    model: str
    quantization: str | None
    workload: AnyWorkload
    name: str
    iteration: int
    requests: int
    variant: str | None = None
    point: dict[str, Any] = {}
    load: OfferedLoad | None = None
    models: tuple[PlannedModel, ...] = ()
    problem: str | None = None
    parent_job: str | None = None


class _Place(msgspec.Struct, frozen=True):
    """A model on a target, where jobs run."""

    target: PlannedTarget
    model: Model
    problem: str | None


def target_names(suite: Suite) -> tuple[str, ...]:
    """Return the targets that a suite names, in itself and in its variants."""
    varied_targets = (variant.target for variant in suite.variants if variant.target is not None)
    return tuple(dict.fromkeys((*suite.targets, *varied_targets)))


def model_names(suite: Suite) -> tuple[str | None, ...]:
    """Return the models that a suite names, in itself, its variants and its grid; None is the server's own choice."""
    sides = sides_of(suite)
    own = suite.models or (None,)
    if not sides:
        return own
    wanted = [name for variant in sides for name in ((variant.model,) if variant.model else own)]
    return tuple(dict.fromkeys(wanted))


Plans = Callable[[Suite, Sequence[PlannedTarget]], list[JobPlan]]
"""Makes the jobs of a session, once its targets were looked for; `plan_jobs` is the one for a whole suite."""


def plan_jobs(suite: Suite, targets: Sequence[PlannedTarget]) -> list[JobPlan]:
    """Return the jobs in their order.

    Without variants: model by model, so that each is loaded once; iterations innermost. With variants, or the points of
    a grid, those of a workload take turns in a balanced order, iteration by iteration, so that a drift of the machine
    hits all of them.
    """
    sides = [Point({}, variant) for variant in suite.variants] or points_of(suite)
    if not sides:
        return line_up([job for place in _places(suite, targets, None) for job in _plain_jobs(suite, place)])
    places = [list(_places(suite, targets, side.variant)) for side in sides]
    rounds = max((len(found) for found in places), default=0)
    jobs: list[JobPlan] = []
    for number in range(rounds):
        group = [(side, found[min(number, len(found) - 1)]) for side, found in zip(sides, places, strict=True) if found]
        jobs += _varied_jobs(suite, group)
    return line_up(jobs)


def _plain_jobs(suite: Suite, place: _Place) -> Iterator[JobPlan]:
    for number, workload in enumerate(suite.workloads):
        for step, load in steps_of(workload):
            for iteration in range(suite.iterations):
                yield _job(place, step, load, workload_name(workload, number), iteration + 1, None)


def _varied_jobs(suite: Suite, group: Sequence[tuple[Point, _Place]]) -> Iterator[JobPlan]:
    for number, workload in enumerate(suite.workloads):
        steps = [steps_of(varied(workload, side.variant)) for side, _ in group]
        seed = suite.order_seed + number
        if suite.variants:
            order = balanced_order(len(group), suite.iterations, seed)
        else:
            order = balanced_points([side for side, _ in group], suite.iterations, seed)
        for iteration, turns in enumerate(order):
            for level in range(max(map(len, steps))):
                for turn in turns:
                    if level < len(steps[turn]):
                        side, place = group[turn]
                        name = workload_name(workload, number)
                        variant = side.variant.name if suite.variants else None
                        job = _job(place, *steps[turn][level], name, iteration + 1, variant)
                        yield msgspec.structs.replace(job, point=side.values)


def steps_of(workload: AnyWorkload) -> list[tuple[AnyWorkload, OfferedLoad | None]]:
    """Return a workload with each of its levels alone; one that is no sweep stays whole."""
    if not isinstance(workload, Load) or workload.search is not None or workload.ramp:
        return [(workload, None)]
    return [(at_level(workload, level), level) for level in levels_of(workload)]


def _job(  # noqa: PLR0917 - the parts of a job, each of a type of its own
    place: _Place, workload: AnyWorkload, load: OfferedLoad | None, name: str, iteration: int, variant: str | None
) -> JobPlan:
    server = place.target.server
    return JobPlan(
        target=place.target.name,
        backend=server.kind if server else "",
        model=place.model.id,
        quantization=place.model.quantization,
        workload=workload,
        name=name,
        iteration=iteration,
        requests=requests_in(workload, load),
        variant=variant,
        load=load,
        problem=None if isinstance(workload, Watch) else place.problem,
    )


def requests_in(workload: AnyWorkload, load: OfferedLoad | None) -> int:
    """Return how many measured requests a job plans; 0 where that is open."""
    if isinstance(workload, Generate):
        return len(workload.prompts)
    if isinstance(workload, Load):
        return sum(requests_of(workload, level) for level in ([load] if load else levels_of(workload)))
    return workload.planned_requests


def _places(suite: Suite, targets: Sequence[PlannedTarget], variant: Variant | None) -> Iterator[_Place]:
    """Yield where the jobs of a suite, or of one of its variants, run."""
    for target in targets:
        if variant is not None and not _runs_on(suite, variant, target):
            continue
        if variant is not None and variant.model is not None:
            if target.models and variant.model not in target.models:
                continue
            names: tuple[str, ...] = (variant.model,)
        else:
            names = target.models or suite.models
        idle = variant is not None and variant.embedded and target.setting is None
        for model, problem in _choose_models(target, names):
            yield _Place(target, model, problem or (_NO_START.format(target.name) if idle else None))


_NO_START = "{} is not started by llmtui, so what a variant or a grid says under `embedded` can't be done"


def _runs_on(suite: Suite, variant: Variant, planned: PlannedTarget) -> bool:
    """Whether a variant runs on a target: its own one, else every one but those that only other variants name."""
    target = planned.name
    if planned.setting is not None and planned.setting != setting_of(variant):
        return False
    if variant.target is not None:
        return _is_of(target, variant.target)
    others = [other.target for other in suite.variants if other.target is not None]
    of_others = any(_is_of(target, name) for name in others)
    return not of_others or not suite.targets or any(_is_of(target, name) for name in suite.targets)


def _is_of(target: str, name: str) -> bool:
    """Whether a target is the one that a suite calls `name`; that has one for each of several models or settings."""
    return target == name or target.startswith((f"{name}:", f"{name}["))


def _choose_models(target: PlannedTarget, names: tuple[str, ...]) -> list[tuple[Model, str | None]]:
    """Return the models to run on a target, each with the sentence that forbids it, if any."""
    server = target.server
    if server is None:
        return [(Model(id=name), target.problem) for name in names or ("-",)]
    if not names:
        chosen = next((model for model in server.models if model.loaded), None) or next(iter(server.models), None)
        if chosen is None:
            return [(Model(id="-"), f"{server.url} offers no model; load one there, or name another server by --url")]
        return [(chosen, None)]
    return [match_model(name, server) for name in names]


def match_model(name: str, server: Server) -> tuple[Model, str | None]:
    """Find a model by its full name, or by the name before Ollama's `:tag` when only one model has it."""
    for model in server.models:
        if model.id == name:
            return model, None
    near = [model for model in server.models if model.id.split(":")[0] == name]
    if len(near) == 1:
        return near[0], None
    known = ", ".join(model.id for model in server.models[:8]) or "none"
    return Model(id=name), f"{server.url} has no model `{name}`; it has: {known}"
