"""What is no longer as it was when a session began: each difference a sentence, for whoever wants to go on with it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from llmtui.events import HardwareSnapshot, Model, Server, SessionOpened, TargetResolved
from llmtui.suites.plan import PlannedTarget

SHOWN = 12
"""How much of a hash is shown."""


def suite_difference(header: SessionOpened) -> str | None:
    """Say what became of the suite's file; None when it is the same, or the suite came from no file."""
    if header.suite_path is None:
        return None
    try:
        text = Path(header.suite_path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return f"the suite's file {header.suite_path} can't be read any more"
    now = hashlib.sha256(text.encode()).hexdigest()
    if now == header.suite_sha256:
        return None
    return f"the suite's file {header.suite_path} has hash {now[:SHOWN]} now, and had {header.suite_sha256[:SHOWN]}"


def machine_differences(then: HardwareSnapshot, now: HardwareSnapshot) -> Iterator[str]:
    """Yield how the machine differs; what one of both does not know is no difference."""
    for what, before, after in (
        ("machine", then.hostname, now.hostname),
        ("processor", then.cpu_model, now.cpu_model),
        ("architecture", then.architecture, now.architecture),
    ):
        if before is not None and after is not None and before != after:
            yield f"the {what} is {after} now, and was {before}"
    gpus = [sorted(gpu.uuid or gpu.name for gpu in side.gpus) for side in (then, now)]
    if gpus[0] != gpus[1]:
        names = [", ".join(gpu.name for gpu in side.gpus) or "none" for side in (now, then)]
        yield f"the GPUs are others: {names[0]} now, and {names[1]} before"


def target_differences(
    then: Mapping[str, TargetResolved], now: Sequence[PlannedTarget], models: set[tuple[str, str]]
) -> Iterator[str]:
    """Yield how the servers differ that `models`, pairs of a target and a model, still need."""
    found = {target.name: target for target in now}
    needed = {target for target, _ in models}
    for name, before in then.items():
        if name not in needed or before.server is None:
            continue
        target = found.get(name)
        server = target.server if target is not None else None
        if server is None:
            why = target.problem if target is not None and target.problem else "it was not found"
            yield f"the target {name} is not there: {why}"
            continue
        if server.kind != before.server.kind:
            yield f"the server of {name} is {server.kind} now, and was {before.server.kind}"
        elif _differ(before.server.version, server.version):
            yield f"the server of {name} has version {server.version} now, and had {before.server.version}"
        wanted = {model for target, model in models if target == name}
        yield from _model_differences(name, before.server, server, wanted)


def _model_differences(name: str, then: Server, now: Server, wanted: set[str]) -> Iterator[str]:
    models = {model.id: model for model in now.models}
    for before in then.models:
        if before.id not in wanted:
            continue
        after = models.get(before.id)
        if after is None:
            yield f"{name} has the model {before.id} no more"
        elif _differ(before.digest, after.digest):
            yield (
                f"the model {before.id} of {name} has digest {str(after.digest)[:SHOWN]} now, "
                f"and had {str(before.digest)[:SHOWN]}"
            )
        elif changed := _changed_facts(before, after):
            yield f"the model {before.id} of {name} has another {changed} than before"


def _changed_facts(before: Model, after: Model) -> str:
    """Name what tells two models of one name apart where the server states no digest."""
    facts = ("size", "quantization", "parameters")
    return ", ".join(fact for fact in facts if _differ(getattr(before, fact), getattr(after, fact)))


def _differ(before: object, after: object) -> bool:
    return before is not None and after is not None and before != after
