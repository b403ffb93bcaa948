"""Which models a job compares: one alone, or several together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from llmtui.events import ModelPlace
from llmtui.suites.kinds.comparing import CompareModels

if TYPE_CHECKING:
    from llmtui.suites.plan import JobPlan
    from llmtui.suites.schema import Suite

AND = " + "
"""Between the names of what one job compares."""


class PlannedModel(msgspec.Struct, frozen=True):
    """A model that a job compares, and the sentence that forbids it, if any."""

    place: ModelPlace
    problem: str | None = None


def line_up(jobs: "Sequence[JobPlan]") -> "list[JobPlan]":
    """Return `jobs`, each for one model, with those that compare models put together as their `mode` says.

    A model that one server lacks and another one has is no job. Models that are asked together stand in batches, one
    batch for an iteration, in place of the first of them.
    """
    lined: list[JobPlan] = []
    batches: dict[tuple[str, int, str | None], int] = {}
    for job in jobs:
        workload = job.workload
        if not isinstance(workload, CompareModels):
            lined.append(job)
            continue
        if _is_elsewhere(job, jobs):
            continue
        single = msgspec.structs.replace(job, models=(_planned_model(job),))
        key = job.name, job.iteration, job.variant
        place = batches.get(key)
        if workload.mode == "serial":
            lined.append(single)
        elif place is not None and len(lined[place].models) < workload.together:
            lined[place] = _joined(lined[place], single)
        else:
            batches[key] = len(lined)
            lined.append(msgspec.structs.replace(single, problem=None))
    return lined


def servers_together(suite: "Suite") -> int:
    """Return how many embedded servers run at the same time, each with a model of its own; they share the cores."""
    parallel = [each for each in suite.workloads if isinstance(each, CompareModels) and each.mode == "parallel"]
    return max((max(1, min(each.together, len(suite.models))) for each in parallel), default=1)


def _planned_model(job: "JobPlan") -> PlannedModel:
    place = ModelPlace(target=job.target, model=job.model, quantization=job.quantization)
    return PlannedModel(place, job.problem)


def _is_elsewhere(job: "JobPlan", jobs: "Sequence[JobPlan]") -> bool:
    """Whether a server that answered lacks the model of a job, and another one has it."""
    if job.problem is None or not job.backend:
        return False
    return any(
        other.problem is None and (other.name, other.iteration) == (job.name, job.iteration)
        for other in jobs
        if job.model in {other.model, other.model.split(":")[0]}
    )


def _joined(batch: "JobPlan", single: "JobPlan") -> "JobPlan":
    """Return a job for the models of both, named by all of them."""
    models = (*batch.models, *single.models)
    backends = dict.fromkeys((*batch.backend.split(AND), single.backend))
    return msgspec.structs.replace(
        batch,
        models=models,
        target=AND.join(dict.fromkeys(model.place.target for model in models)),
        backend=AND.join(kind for kind in backends if kind),
        model=AND.join(dict.fromkeys(model.place.model for model in models)),
        quantization=batch.quantization if batch.quantization == single.quantization else None,
        requests=batch.requests + single.requests,
    )
