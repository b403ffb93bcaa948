"""What differs between the sides of a comparison besides their figures: machine, driver, server, model, settings. Pure.

A fact in which all sides agree is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from llmtui import wording
from llmtui.documents import DocumentError
from llmtui.events import HardwareSnapshot, Model
from llmtui.reports.pairing import Sample
from llmtui.state.session import SessionState
from llmtui.suites.reading import read_suite

LONGEST_VALUE = 40
"""Characters of a setting that are shown; longer ones only say that they differ."""

UNKNOWN = "?"

_NOT_SETTINGS = frozenset({"name", "title", "description", "workloads", "variants", "targets", "models"})
"""Keys of a suite that are no settings of a run; the workloads' parameters are compared pair by pair."""


class Side(NamedTuple):
    """One side of a comparison: the letter that stands for it, its name, the session, and what of it is meant."""

    letter: str
    name: str
    state: SessionState
    samples: Sequence[Sample]


class Difference(NamedTuple):
    """A fact that is not the same on all sides, with a text for each side in their order."""

    fact: str
    texts: tuple[str, ...]


def differences(sides: Sequence[Side]) -> list[Difference]:
    """Return all facts that differ, in a fixed order; a side that does not know one has `?`."""
    known = [dict(_facts(side)) for side in sides]
    names = dict.fromkeys(name for facts in known for name in facts)
    settings = [_settings(side) for side in sides]
    known_settings = dict.fromkeys(name for given in settings for name in given)
    found = [Difference(name, tuple(facts.get(name, UNKNOWN) for facts in known)) for name in names]
    found += [Difference(name, tuple(given.get(name, "not set") for given in settings)) for name in known_settings]
    return [_short(difference) for difference in found if len(set(difference.texts)) > 1]


def sentence(difference: Difference, letters: Sequence[str]) -> str:
    """Return a difference as one sentence."""
    parts = [f"{text} in {letter}" for letter, text in zip(letters, difference.texts, strict=True)]
    return wording.visible(f"{difference.fact}: {', '.join(parts)}")


def _short(difference: Difference) -> Difference:
    if max(map(len, difference.texts)) <= LONGEST_VALUE or len(difference.texts) == 1:
        return difference
    # Which of the long texts are alike is what a reader wants to know of them.
    kinds = list(dict.fromkeys(difference.texts))
    texts = (
        text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 6]}… ({kinds.index(text) + 1})"
        for text in difference.texts
    )
    return Difference(difference.fact, tuple(texts))


def _facts(side: Side) -> Iterator[tuple[str, str]]:
    header = side.state.header
    if header is None:
        yield "header", "damaged"
    else:
        yield "header", "whole"
        yield from _machine(header.hardware)
        yield "llmtui", header.llmtui
        yield "suite", header.name
    yield from _servers(side)
    models = dict.fromkeys(f"{s.setup.model} {s.setup.quantization or ''}".rstrip() for s in side.samples)
    yield "model", ", ".join(models)
    digests = dict.fromkeys(digest for s in side.samples if (digest := _digest(side.state, s)))
    if digests:
        yield "model digest", ", ".join(digests)


def _machine(hardware: HardwareSnapshot) -> Iterator[tuple[str, str]]:
    limits = hardware.container
    drivers = dict.fromkeys(f"{gpu.vendor} {gpu.driver or UNKNOWN}" for gpu in hardware.gpus)
    yield "host", hardware.hostname or UNKNOWN
    yield "CPU", hardware.cpu_model or UNKNOWN
    yield "cores", f"{hardware.cores_physical or UNKNOWN}/{hardware.cores_logical or UNKNOWN}"
    yield "governor", hardware.cpu_governor or UNKNOWN
    yield "RAM", wording.size(hardware.ram)
    yield "GPU", ", ".join(f"{gpu.name} {wording.size(gpu.memory)}" for gpu in hardware.gpus) or "none"
    yield "GPU driver", ", ".join(drivers) or "none"
    yield "OS", hardware.os or UNKNOWN
    yield "kernel", hardware.kernel or UNKNOWN
    yield "limits", f"{limits.cpus or 'all'} CPUs, {wording.size(limits.memory)}" if limits else "none"


def _servers(side: Side) -> Iterator[tuple[str, str]]:
    targets = dict.fromkeys(sample.setup.target for sample in side.samples)
    servers = [known.server if (known := side.state.targets.get(name)) else None for name in targets]
    told = [f"{server.kind} {server.version or 'of unknown version'}" if server else "unknown" for server in servers]
    yield "server", ", ".join(dict.fromkeys(told))
    slots = dict.fromkeys(str(server.slots) for server in servers if server is not None and server.slots is not None)
    if slots:
        yield "server slots", ", ".join(slots)


def _digest(state: SessionState, sample: Sample) -> str | None:
    known = state.targets.get(sample.setup.target)
    models: tuple[Model, ...] = known.server.models if known is not None and known.server is not None else ()
    digest = next((model.digest for model in models if model.id == sample.setup.model), None)
    return digest.removeprefix("sha256:")[:12] if digest else None


def _settings(side: Side) -> dict[str, str]:
    """Return the settings of the suite by their paths; where it can't be read any more, what `--set` gave."""
    header = side.state.header
    if header is None:
        return {}
    try:
        suite = read_suite(header.suite, "the suite", header.overrides)
    except DocumentError:
        return {f"--set {key}": value for key, value in header.overrides.items()}
    plain: dict[str, Any] = msgspec.to_builtins(suite)
    return dict(_flat({key: value for key, value in plain.items() if key not in _NOT_SETTINGS}, ""))


def _flat(values: dict[str, Any], before: str) -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", "not set" if value is None else msgspec.json.encode(value).decode().strip('"')
