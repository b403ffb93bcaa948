"""From a suite and the servers that answered to the list of jobs."""

from collections.abc import Sequence

import msgspec

from llmtui.events import Model, Server
from llmtui.suites.schema import AnyWorkload, Generate, Suite, Watch


class PlannedTarget(msgspec.Struct, frozen=True):
    """A target of the suite: its server, or the sentence that says why there is none.

    `models` are the names to run on this target in place of the suite's.
    """

    name: str
    server: Server | None
    problem: str | None = None
    models: tuple[str, ...] = ()


class JobPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One job to come. `problem` is set when it can't run, so that it stands in the queue and fails with its reason."""

    target: str
    backend: str
    model: str
    quantization: str | None
    workload: AnyWorkload
    name: str
    iteration: int
    requests: int
    problem: str | None = None


def plan_jobs(suite: Suite, targets: Sequence[PlannedTarget]) -> list[JobPlan]:
    """Return the jobs in their order: model by model, so that each is loaded once; iterations innermost."""
    plans = []
    for target in targets:
        for model, problem in _choose_models(suite, target):
            for place, workload in enumerate(suite.workloads):
                plans += [
                    JobPlan(
                        target=target.name,
                        backend=target.server.kind if target.server else "",
                        model=model.id,
                        quantization=model.quantization,
                        workload=workload,
                        name=workload.name or f"{workload.__struct_config__.tag} {place + 1}",
                        iteration=iteration + 1,
                        requests=len(workload.prompts) if isinstance(workload, Generate) else 0,
                        problem=None if isinstance(workload, Watch) else problem,
                    )
                    for iteration in range(suite.iterations)
                ]
    return plans


def _choose_models(suite: Suite, target: PlannedTarget) -> list[tuple[Model, str | None]]:
    """Return the models to run on a target, each with the sentence that forbids it, if any."""
    server, names = target.server, target.models or suite.models
    if server is None:
        return [(Model(id=name), target.problem) for name in names or ("-",)]
    if not names:
        chosen = next((model for model in server.models if model.loaded), None) or next(iter(server.models), None)
        if chosen is None:
            return [(Model(id="-"), f"{server.url} offers no model; load one there, or name another server by --url")]
        return [(chosen, None)]
    return [_match(name, server) for name in names]


def _match(name: str, server: Server) -> tuple[Model, str | None]:
    """Find a model by its full name, or by the name before Ollama's `:tag` when only one model has it."""
    for model in server.models:
        if model.id == name:
            return model, None
    near = [model for model in server.models if model.id.split(":")[0] == name]
    if len(near) == 1:
        return near[0], None
    known = ", ".join(model.id for model in server.models[:8]) or "none"
    return Model(id=name), f"{server.url} has no model `{name}`; it has: {known}"
