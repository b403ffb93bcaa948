"""From YAML text to a `Suite`, with the `KEY=VALUE` of `--set` on top."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import msgspec
import yaml

from llmtui.documents import DocumentError, convert_document, nearest_key, parse_document
from llmtui.suites.schema import AnyWorkload, Suite


def read_suite(text: str, source: str, overrides: Mapping[str, str] | None = None) -> Suite:
    """Return the suite in `text`; `source` names it in a `DocumentError`, `overrides` are what `--set` gave."""
    value = parse_document(text, source, Suite)
    suite = convert_document(value, text, source, Suite)
    if overrides:
        for key, raw in overrides.items():
            _override(value, key, raw)
        try:
            suite = msgspec.convert(value, Suite)
        except msgspec.ValidationError as error:
            given = " ".join(f"--set {key}={raw}" for key, raw in overrides.items())
            raise DocumentError(f"{given}: {str(error)[0].lower()}{str(error)[1:]}") from None
    problem = _beyond_types(suite)
    if problem:
        raise DocumentError(f"{source}: {problem}")
    return suite


def _override(document: dict[str, Any], key: str, raw: str) -> None:
    """Set `key` to the YAML value `raw`: a path (`limits.stall_s`), or a bare name in the suite or in its workloads."""
    source = f"--set {key}={raw}"
    try:
        value = yaml.safe_load(raw)
    except yaml.YAMLError:
        value = raw
    parts = [int(part) if part.isdigit() else part for part in key.split(".")]
    top = [field.name for field in msgspec.structs.fields(Suite)]
    if parts[0] in top:
        _set_path(document, parts, value, source)
        return
    places = [item for item in document.get("workloads") or [] if isinstance(item, dict)]
    known: set[str] = set()
    fitting = []
    for item in places:
        names = _workload_keys(item)
        known |= names
        if parts[0] in names:
            fitting.append(item)
    if not fitting:
        raise DocumentError(f"{source}: no such key{nearest_key(str(parts[0]), [*top, *sorted(known)])}")
    for item in fitting:
        _set_path(item, parts, value, source)


def _workload_keys(item: dict[str, Any]) -> set[str]:
    for option in AnyWorkload.__args__:
        if option.__struct_config__.tag == item.get("kind"):
            return {field.name for field in msgspec.structs.fields(option)}
    return set()


def _set_path(start: Any, parts: list[str | int], value: Any, source: str) -> None:
    """Walk down to the last part and set it there; a mapping on the way is made where it is absent."""
    place: Any = start
    for part, following in pairwise(parts):
        if isinstance(place, dict):
            place = place.setdefault(part, [] if isinstance(following, int) else {})
        elif isinstance(place, list) and isinstance(part, int) and part < len(place):
            place = place[part]
        else:
            raise DocumentError(f"{source}: there is nothing at `{part}`")
    last = parts[-1]
    fits = isinstance(place, dict) or (isinstance(place, list) and isinstance(last, int) and last < len(place))
    if not fits:
        raise DocumentError(f"{source}: there is nothing at `{last}`")
    place[last] = value


def _beyond_types(suite: Suite) -> str | None:
    """Return what is wrong with a suite whose types are right."""
    if not suite.workloads:
        return "`workloads` is empty; a suite needs one at least"
    for name, least in (("iterations", 1), ("warmup", 0), ("pause_s", 0), ("sample_ms", 50)):
        if getattr(suite, name) < least:
            return f"`{name}` is {getattr(suite, name)}; it must be at least {least}"
    for place, workload in enumerate(suite.workloads):
        if getattr(workload, "max_tokens", 1) < 1:
            return f"`workloads[{place}].max_tokens` is {workload.max_tokens}; it must be at least 1"  # type: ignore[union-attr]
        if getattr(workload, "prompts", ("",)) == ():
            return f"`workloads[{place}].prompts` is empty; give one prompt at least"
    return None
