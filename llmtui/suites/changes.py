"""A job again with other parameters: what can be changed, and the plans that come of a change."""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from llmtui.documents import DocumentError, type_problem
from llmtui.suites.checks import problem_of_workload
from llmtui.suites.plan import JobPlan, requests_in, steps_of
from llmtui.suites.reading import LEVELS, override_workloads
from llmtui.suites.schema import AnyWorkload

NOT_OFFERED = frozenset({"kind", "name"})
LONGEST_SHOWN = 40
"""Characters of a value in the name of a variant; a longer one is cut and told from others by a piece of its hash."""


def parse_change(text: str) -> tuple[str, str]:
    """Return key and value of `key=value`. Raises `DocumentError`."""
    key, equals, value = text.strip().partition("=")
    if not equals or not key.strip() or not value.strip():
        raise DocumentError(f"`{text}` is no change; write key=value, such as max_tokens=64")
    return key.strip(), value.strip()


def parameter_texts(parameters: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the keys that can be changed, each with its present value as it would be written in a change."""
    return [(key, _written(value)) for key, value in parameters.items() if key not in NOT_OFFERED]


def change_workload(workload: AnyWorkload, changes: Mapping[str, str]) -> AnyWorkload:
    """Return `workload` with `changes`, keys and YAML values as those of `--set`.

    Raises `DocumentError` for a key that it does not have, a value that is not right, and for what changes nothing.
    """
    if all(level in changes for level in LEVELS):
        raise DocumentError(f"{' and '.join(f'`{level}`' for level in LEVELS)} exclude each other; set one of them")
    document: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(workload))
    given = " ".join(f"{key}={raw}" for key, raw in changes.items())
    # Levels first: they turn a workload into a load, which has keys that the others may set.
    for key, raw in sorted(changes.items(), key=lambda item: item[0] not in LEVELS):
        if key in NOT_OFFERED:
            raise DocumentError(f"{key}={raw}: `{key}` can't be changed; change one of its parameters")
        override_workloads([document], key, raw, f"{key}={raw}")
    try:
        changed: AnyWorkload = msgspec.convert(document, AnyWorkload)
    except msgspec.ValidationError as error:
        raise DocumentError(f"{given}: {type_problem(error)}") from None
    problem = problem_of_workload(changed)
    if problem is not None:
        raise DocumentError(f"{given}: {problem}")
    if changed == workload:
        raise DocumentError(f"{given}: it has this value already; give another one")
    return changed


def changed_plans(plan: JobPlan, changes: Mapping[str, str]) -> list[JobPlan]:
    """Return the first iteration of `plan` under `changes`, one plan for each level of a sweep. `variant` names them.

    Raises `DocumentError` as `change_workload` does.
    """
    changed = change_workload(plan.workload, changes)
    variant = variant_name(plan.variant, changes)
    point = {key: value for key, value in plan.point.items() if key not in changes}
    plan = msgspec.structs.replace(plan, variant=variant, point=point, iteration=1)
    return [
        msgspec.structs.replace(
            plan, workload=step, load=load, requests=requests_in(step, load) * max(1, len(plan.models))
        )
        for step, load in steps_of(changed)
    ]


def variant_name(before: str | None, changes: Mapping[str, str]) -> str:
    """Return the name of a variant that differs by `changes` from that named `before`: `max_tokens=64; seed=7`."""
    kept = [part for part in (before or "").split("; ") if part and part.partition("=")[0] not in changes]
    return "; ".join([*kept, *(f"{key}={_short(raw)}" for key, raw in changes.items())])


def _short(raw: str) -> str:
    if len(raw) <= LONGEST_SHOWN:
        return raw
    return f"{raw[:LONGEST_SHOWN]}... {hashlib.sha256(raw.encode()).hexdigest()[:6]}"


def _written(value: Any) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    try:
        plain = yaml.safe_load(text) == value
    except yaml.YAMLError:
        plain = False
    return text if plain or not isinstance(value, str) else msgspec.json.encode(value).decode()
