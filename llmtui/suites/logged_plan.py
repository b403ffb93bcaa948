"""The plan of a job as a log has it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from llmtui.documents import DocumentError
from llmtui.events import JobQueued
from llmtui.suites.lineup import PlannedModel
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import AnyWorkload


def workload_of(parameters: Mapping[str, Any]) -> AnyWorkload:
    """Return the workload that a log has as `parameters`. Raises `DocumentError`."""
    try:
        workload: AnyWorkload = msgspec.convert(dict(parameters), AnyWorkload)
    except msgspec.ValidationError as error:
        raise DocumentError(f"this version of llmtui can't run it: {error}") from None
    return workload


def plan_of(event: JobQueued) -> JobPlan:
    """Return the plan of a job as it was queued. Raises `DocumentError` for one that can't be run any more."""
    return JobPlan(
        target=event.target,
        backend=event.backend,
        model=event.model,
        quantization=event.quantization,
        workload=workload_of(event.parameters),
        name=event.workload,
        iteration=event.iteration,
        requests=event.requests,
        variant=event.variant,
        point=event.point,
        load=event.load,
        models=tuple(PlannedModel(place) for place in event.models),
        parent_job=event.parent_job,
    )
