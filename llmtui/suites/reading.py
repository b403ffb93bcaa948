"""From YAML text to a `Suite`, with the `KEY=VALUE` of `--set` on top."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import yaml

from llmtui.documents import DocumentError, nearest_key, type_problem
from llmtui.suites.checks import problem_of
from llmtui.suites.kinds.base import workload_name
from llmtui.suites.paths import set_path, split_path
from llmtui.suites.schema import AnyWorkload, Suite
from llmtui.yaml_documents import convert_document, parse_document

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}

LEVELS = ("concurrency", "rate")
"""Keys that put the prompts of a suite under load, whatever it did with them before."""


ONLY = "workload"
"""A key of the overrides that keeps one workload of the suite, by the name that it has in the queue."""


def read_suite(text: str, source: str, overrides: Mapping[str, str] | None = None) -> Suite:
    """Return the suite in `text`; `source` names it in a `DocumentError`, `overrides` are what `--set` gave.

    An override `workload` keeps the workload of that name alone.
    """
    value = parse_document(text, source, Suite)
    suite = convert_document(value, text, source, Suite)
    if overrides:
        if all(level in overrides for level in LEVELS):
            raise DocumentError(f"{' and '.join(f'`{level}`' for level in LEVELS)} exclude each other; set one of them")
        if ONLY in overrides:
            _keep_workload(value, suite, overrides[ONLY])
        # Levels first: they turn a workload into a load, which has keys that the others may set.
        for key, raw in sorted(overrides.items(), key=lambda item: item[0] not in LEVELS):
            if key != ONLY:
                _override(value, key, raw)
        try:
            suite = msgspec.convert(value, Suite)
        except msgspec.ValidationError as error:
            given = " ".join(f"--set {key}={raw}" for key, raw in overrides.items())
            raise DocumentError(f"{given}: {type_problem(error)}") from None
    problem = problem_of(suite)
    if problem:
        given = ", ".join(f"{key}={raw}" for key, raw in (overrides or {}).items())
        raise DocumentError(f"{source}{f' with {given}' if given else ''}: {problem}")
    return suite


def _keep_workload(document: dict[str, Any], suite: Suite, name: str) -> None:
    names = [workload_name(workload, place) for place, workload in enumerate(suite.workloads)]
    if name not in names:
        raise DocumentError(f"--workload {name}: the suite has no such workload; it has {', '.join(names)}")
    items = zip(document["workloads"], names, strict=True)
    # Named, because the place of one without a name is part of the name that the queue gives it.
    document["workloads"] = [{**item, "name": own} for item, own in items if own == name]


def _override(document: dict[str, Any], key: str, raw: str) -> None:
    """Set `key` to the YAML value `raw`: a path (`limits.stall_s`), or a bare name in the suite or in its workloads.

    A key that ends in `_s` may be given without it and with a unit: `duration=90s`.
    """
    source = f"--set {key}={raw}"
    first = split_path(key)[0]
    top = [field.name for field in msgspec.structs.fields(Suite)]
    if first in top:
        set_path(document, key, _yaml_value(raw), source)
        return
    items = [item for item in document.get("workloads") or [] if isinstance(item, dict)]
    override_workloads(items, key, raw, source, also=top)


def override_workloads(
    items: Sequence[dict[str, Any]], key: str, raw: str, source: str, *, also: Sequence[str] = ()
) -> None:
    """Set `key` to the YAML value `raw` in those of the workloads that have it; one has it or this raises.

    A key that ends in `_s` may be given without it and with a unit. A `DocumentError` begins with `source` and names
    the keys that there are, those in `also` too.
    """
    first, value = split_path(key)[0], _yaml_value(raw)
    if first in LEVELS:
        _put_under_load(items, str(first))
    known = {name for item in items for name in _workload_keys(item)}
    if first not in known and f"{first}_s" in known and (seconds := _seconds(raw)) is not None:
        first, key, value = f"{first}_s", f"{key}_s", seconds
    fitting = [item for item in items if first in _workload_keys(item)]
    if not fitting:
        raise DocumentError(
            f"{source}: no such key{nearest_key(str(first), list(dict.fromkeys([*also, *sorted(known)])))}"
        )
    for item in fitting:
        set_path(item, key, value, source)


def _yaml_value(raw: str) -> Any:
    """Return a value as it would stand in the suite's file; what is no YAML is text."""
    try:
        return yaml.safe_load(raw)
    except yaml.YAMLError:
        return raw


def _seconds(raw: str) -> float | None:
    """Return a span such as `90s`, `30m` or `1.5h` in seconds, None for anything else."""
    found = _SPAN.fullmatch(raw.strip())
    return float(found[1]) * _SECONDS[found[2]] if found else None


def _put_under_load(items: Sequence[dict[str, Any]], key: str) -> None:
    """Turn workloads that send one request after another into loads; a load takes this level in place of its own."""
    for item in items:
        if item.get("kind") == "generate":
            item["kind"] = "load"
        if item.get("kind") == "load":
            for other in (*LEVELS, "search"):
                if other != key:
                    item.pop(other, None)


def _workload_keys(item: dict[str, Any]) -> set[str]:
    for option in AnyWorkload.__args__:
        if option.__struct_config__.tag == item.get("kind"):
            return {field.name for field in msgspec.structs.fields(option)}
    return set()
