"""What stands between two samples besides the figure that is compared: machines, servers, lengths, trouble. Pure."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from llmtui import wording
from llmtui.events import HardwareSnapshot, Server, SessionOpened
from llmtui.metrics.statistics import mean_and_sd
from llmtui.reports.pairing import Pair, Sample
from llmtui.state.session import SessionState


def unlike_sessions(first: SessionState, second: SessionState) -> list[str]:
    """Return a sentence each for how the machines and llmtui itself differ, as the headers of two sessions say it."""
    a, b = first.header, second.header
    if a is None or b is None:
        return [f"the header of {'A' if a is None else 'B'} is damaged: which machine it ran on is unknown"]
    sentences = [
        _sentence("the machines are unlike", _machine(a.hardware), _machine(b.hardware)),
        _sentence("the versions differ", _versions(a), _versions(b)),
    ]
    return [sentence for sentence in sentences if sentence is not None]


def unlike_servers(first: SessionState, second: SessionState, pairs: Iterable[Pair]) -> list[str]:
    """Return a sentence for each pair of targets whose servers differ in kind or version."""
    sentences: dict[str, None] = {}
    for pair in pairs:
        names = [_server(state, s.setup.target) for state, s in ((first, pair.first), (second, pair.second))]
        if names[0] != names[1]:
            sentences[f"the servers differ: {names[0]} in A, {names[1]} in B"] = None
    return list(sentences)


def _server(state: SessionState, name: str) -> str:
    target = state.targets.get(name)
    server: Server | None = target.server if target else None
    return "unknown" if server is None else f"{server.kind} {server.version or 'of unknown version'}"


def _machine(hardware: HardwareSnapshot) -> dict[str, str]:
    gpus = (f"{gpu.name} {wording.size(gpu.memory)} driver {gpu.driver or '?'}" for gpu in hardware.gpus)
    limits = hardware.container
    return {
        "host": hardware.hostname or "?",
        "CPU": hardware.cpu_model or "?",
        "cores": f"{hardware.cores_physical or '?'}/{hardware.cores_logical or '?'}",
        "governor": hardware.cpu_governor or "?",
        "RAM": wording.size(hardware.ram),
        "GPU": ", ".join(gpus) or "none",
        "OS": hardware.os or "?",
        "kernel": hardware.kernel or "?",
        "limits": f"{limits.cpus or 'all'} CPUs, {wording.size(limits.memory)}" if limits else "none",
    }


def _versions(header: SessionOpened) -> dict[str, str]:
    return {"llmtui": header.llmtui}


def _sentence(beginning: str, one: dict[str, str], other: dict[str, str]) -> str | None:
    parts = [f"{key} {one[key]} in A, {other[key]} in B" for key in one if one[key] != other[key]]
    return wording.visible(f"{beginning}: {'; '.join(parts)}") if parts else None


class _Side(NamedTuple):
    name: str
    sample: Sample


def unlike_lengths(pair: Pair, margin: float) -> str | None:
    """Return how long the answers of both sides are on the mean, when that differs by more than `margin`."""
    a, b = (mean_and_sd(_tokens(sample))[0] for sample in (pair.first, pair.second))
    if not a or not b or 1 / (1 + margin) <= b / a <= 1 + margin:
        return None
    return f"answers of {wording.number(a)} tokens in A, {wording.number(b)} in B"


def caveats(pair: Pair) -> Iterator[str]:
    """Yield a sentence for each circumstance of a pair that its figures do not show."""
    sides = _Side("A", pair.first), _Side("B", pair.second)
    title = pair.first.title
    if pair.note is not None:
        yield pair.note
    bases = [sorted({b for run in side.sample.runs if (b := run.result.tokens_basis) is not None}) for side in sides]
    if bases[0] != bases[1] and all(bases):
        yield f"`{title}`: tokens counted by {', '.join(bases[0])} in A and by {', '.join(bases[1])} in B"
    for side in sides:
        failed = sum(run.result.failed for run in side.sample.runs if run.step is None)
        if failed:
            yield f"`{title}`: {failed} failed in {side.name}, which no figure counts"
        for run in side.sample.runs:
            if run.result.client_bound:
                yield f"{side.name} {run.result.job}: {run.result.client_bound}"


def _tokens(sample: Sample) -> list[float]:
    return [f.tokens for run in sample.runs for f in run.figures if f.tokens is not None]
