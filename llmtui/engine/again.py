"""Jobs of an earlier session run again in one of its own, which names that session as its parent."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from llmtui.documents import DocumentError
from llmtui.engine.queue import kin
from llmtui.events import JobQueued
from llmtui.log.read import LogError, LogReader
from llmtui.suites.lineup import PlannedModel
from llmtui.suites.logged_plan import plan_of
from llmtui.suites.plan import JobPlan, PlannedTarget, Plans, match_model, plan_jobs
from llmtui.suites.schema import Suite, Watch


def plans_again(parent: Path, jobs: Sequence[str], changes: Mapping[str, str]) -> list[JobPlan]:
    """Return new iterations of these jobs of the session `parent`, with `changes` in their parameters.

    Where they will run is as it was then, see `placed`. Raises `LogError` for a log that can't be read or has no such
    job, and `DocumentError` for a job or a change that can't be run.
    """
    pieces = LogReader(parent, bulk=False)
    known = {event.job: event for piece in pieces for event in piece if isinstance(event, JobQueued)}
    unknown = [name for name in jobs if name not in known]
    if unknown or not jobs:
        there = ", ".join(known) or "none"
        raise LogError(f"the session {parent.stem} has no job {', '.join(unknown) or 'to run again'}; it has: {there}")
    taken: dict[tuple[object, ...], int] = {}
    for event in known.values():
        point = msgspec.json.encode(event.point, order="sorted")
        key = event.target, event.model, event.workload, event.variant, point, event.load
        taken[key] = max(taken.get(key, 0), event.iteration)
    plans = []
    for name in jobs:
        for plan in _changed(parent.stem, known[name], changes):
            taken[kin(plan)] = taken.get(kin(plan), 0) + 1
            plans.append(msgspec.structs.replace(plan, iteration=taken[kin(plan)], parent_job=name))
    return plans


def _changed(parent: str, event: JobQueued, changes: Mapping[str, str]) -> list[JobPlan]:
    if not event.parameters:
        raise DocumentError(
            f"the log of {parent} does not say how {event.job} was run, as those of other tools don't; "
            "it can't be run again"
        )
    from llmtui.suites.changes import changed_plans  # noqa: PLC0415 - few sessions change anything

    try:
        plan = plan_of(event)
        return changed_plans(plan, changes) if changes else [plan]
    except DocumentError as error:
        raise DocumentError(f"{event.job} of {parent}: {error}") from None


def placing(parent: str, plans: Sequence[JobPlan], suite: Suite) -> Plans:
    """Return what gives `plans` the targets that were found; `suite` is the parent's own."""
    return lambda _suite, targets: [placed(parent, plan, suite, targets) for plan in plans]


def placed(parent: str, plan: JobPlan, suite: Suite, targets: Sequence[PlannedTarget]) -> JobPlan:
    """Return a plan for the same target and model as then, with the reason if they are not there any more.

    A job that had no server then runs where the suite puts it now.
    """
    if not plan.backend:
        return _as_the_suite_says(plan, suite, targets)
    if plan.models:
        return _placed_models(parent, plan, suite, targets)
    target = next((target for target in targets if target.name == plan.target), None)
    server = target.server if target is not None else None
    if isinstance(plan.workload, Watch):
        return plan
    if server is None:
        why = target.problem if target is not None else None
        gone = f"{plan.target}, where {parent} ran, is not there any more"
        return msgspec.structs.replace(plan, problem=f"{gone}: {why}" if why else f"{gone}; start its server again")
    model, problem = match_model(plan.model, server)
    quantization = model.quantization if problem is None else plan.quantization
    return msgspec.structs.replace(plan, backend=server.kind, quantization=quantization, problem=problem)


def _placed_models(parent: str, plan: JobPlan, suite: Suite, targets: Sequence[PlannedTarget]) -> JobPlan:
    """Place each model that a job compares; one that is gone does not keep the others from being compared."""
    models = []
    for planned in plan.models:
        at = planned.place
        single = msgspec.structs.replace(
            plan, target=at.target, model=at.model, quantization=at.quantization, models=()
        )
        found = placed(parent, single, suite, targets)
        place = msgspec.structs.replace(at, quantization=found.quantization)
        models.append(PlannedModel(place, found.problem))
    problem = models[0].problem if len(models) == 1 else None
    return msgspec.structs.replace(plan, models=tuple(models), problem=problem)


def _as_the_suite_says(plan: JobPlan, suite: Suite, targets: Sequence[PlannedTarget]) -> JobPlan:
    fresh = [one for one in plan_jobs(suite, targets) if one.name == plan.name]
    fresh.sort(key=lambda one: (one.target != plan.target, one.variant != plan.variant))
    if not fresh:
        return msgspec.structs.replace(plan, problem=f"{plan.target} has no server; start it, and run this again")
    found = fresh[0]
    return msgspec.structs.replace(
        plan,
        target=found.target,
        backend=found.backend,
        model=found.model,
        quantization=found.quantization,
        models=found.models,
        problem=found.problem,
    )


def widened(suite: Suite, plans: Iterable[JobPlan]) -> Suite:
    """Return `suite` with the workloads of `plans` too, so that a server of ours is started for what they ask of it."""
    return msgspec.structs.replace(suite, workloads=(*suite.workloads, *(plan.workload for plan in plans)))
