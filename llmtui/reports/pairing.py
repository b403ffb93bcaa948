"""Which measurements of two sessions can be compared: the same workload with the same parameters. Pure."""

from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import msgspec

from llmtui import wording
from llmtui.events import Figures, OfferedLoad
from llmtui.state.result_columns import load_text
from llmtui.state.results import JobResult, StepResult, job_result
from llmtui.state.session import Job, SessionState

LONGEST_VALUE = 40
"""Characters of a parameter that a sentence quotes."""


class Setup(NamedTuple):
    """What may differ between the two sides of a comparison."""

    target: str
    model: str
    quantization: str | None
    variant: str | None

    def __str__(self) -> str:
        quantization = f" {self.quantization}" if self.quantization else ""
        variant = f", variant {self.variant}" if self.variant else ""
        return f"{self.model}{quantization} on {self.target}{variant}"


class Run(NamedTuple):
    """One job with the figures of its measured requests; of a job under load one level of it, and no figures."""

    result: JobResult
    figures: tuple[Figures, ...]
    step: StepResult | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """All runs of one workload, at one level of load, in one setup. `parameters` are those of the workload."""

    workload: str
    load: OfferedLoad | None
    setup: Setup
    parameters: dict[str, Any]
    runs: tuple[Run, ...] = ()

    @property
    def title(self) -> str:
        """The workload with its level of load."""
        return self.workload if self.load is None else f"{self.workload} {load_text(self.load)}"


class Pair(NamedTuple):
    """Two samples to compare; `note` says how their parameters differ, which only variants may."""

    first: Sample
    second: Sample
    note: str | None = None


class Pairing(NamedTuple):
    """What can be compared, and a sentence for whatever can't."""

    pairs: tuple[Pair, ...]
    refused: tuple[str, ...]


def samples_of(state: SessionState, jobs: Collection[str] | None = None, variant: str | None = None) -> list[Sample]:
    """Return the samples of a session in the order of its queue: of all jobs, or only of `jobs`, or of a `variant`.

    A job that measured nothing has none.
    """
    samples: dict[Hashable, Sample] = {}
    for job in state.jobs.values():
        plan = job.plan
        if plan is None or (jobs is not None and job.id not in jobs) or variant not in {None, plan.variant}:
            continue
        setup = Setup(plan.target, plan.model, plan.quantization, plan.variant)
        # The name is compared for itself; it need not stand among the parameters.
        parameters = {key: value for key, value in plan.parameters.items() if key != "name"}
        for load, run in _runs(state, job):
            key = (plan.workload, load, setup, _exactly(parameters))
            sample = samples.get(key) or Sample(plan.workload, load, setup, parameters)
            samples[key] = replace(sample, runs=(*sample.runs, run))
    return list(samples.values())


def _runs(state: SessionState, job: Job) -> Iterator[tuple[OfferedLoad | None, Run]]:
    result = job_result(state, job)
    if result.steps:
        yield from ((step.finished.load, Run(result, (), step)) for step in result.steps)
        return
    requests = [state.requests[name] for name in job.requests if name in state.requests]
    figures = tuple(r.figures for r in requests if not r.warmup and r.status == "done" and r.figures is not None)
    if figures:
        yield None, Run(result, figures)


def _exactly(parameters: dict[str, Any]) -> bytes:
    return msgspec.json.encode(parameters, order="deterministic")


_Key = Callable[[Setup], Hashable]
_CLOSENESS: tuple[_Key, ...] = (
    lambda setup: setup,
    lambda setup: (setup.model, setup.quantization, setup.variant),
    lambda setup: (setup.model, setup.quantization),
    lambda setup: setup.model,
)
"""What two setups have in common, closest first; the target's name often is only an address."""


Letters = tuple[str, str]
"""What the two sides are called in sentences."""


def pair_up(first: Sequence[Sample], second: Sequence[Sample], letters: Letters = ("A", "B")) -> Pairing:
    """Pair the samples of the same workload, load and parameters, the closest setups with each other.

    Different models are paired only where each side ran one. Parameters may differ only between variants.
    """
    pairs: list[Pair] = []
    refused: list[str] = []
    titles = [list(dict.fromkeys(sample.title for sample in side)) for side in (first, second)]
    for title in (title for title in titles[0] if title in titles[1]):
        a, b = ([sample for sample in side if sample.title == title] for side in (first, second))
        one_each = all(len({sample.setup for sample in side}) == 1 for side in (a, b))
        levels = (*_CLOSENESS, _nothing) if one_each else _CLOSENESS
        for one, other in [*_matches(a, b, levels, _same_parameters), *_matches(a, b, levels, _nothing)]:
            judged = _judge(title, one, other, letters)
            if isinstance(judged, Pair):
                pairs.append(judged)
            else:
                refused.append(judged)
        refused += _left_over(title, a, b, letters)
    for name, own, others in ((letters[0], *titles), (letters[1], *titles[::-1])):
        alone = [f"`{title}`" for title in own if title not in others]
        if alone:
            refused.append(f"only in {name}: {', '.join(alone)}")
    return Pairing(tuple(pairs), tuple(refused))


def _same_parameters(sample: Sample) -> Hashable:
    return _exactly(sample.parameters)


def _nothing(_thing: Sample | Setup) -> Hashable:
    return None


def _matches(
    a: list[Sample], b: list[Sample], levels: Sequence[_Key], alike: Callable[[Sample], Hashable]
) -> list[tuple[Sample, Sample]]:
    """Take matching samples out of `a` and `b`: those that are the only ones of their kind on both sides."""
    found = []
    for level in levels:
        for one in list(a):
            kind = alike(one), level(one.setup)
            left = [sample for sample in a if (alike(sample), level(sample.setup)) == kind]
            right = [sample for sample in b if (alike(sample), level(sample.setup)) == kind]
            if len(left) == len(right) == 1:
                found.append((one, right[0]))
                a.remove(one)
                b.remove(right[0])
    return found


def _judge(title: str, one: Sample, other: Sample, letters: Letters) -> Pair | str:
    difference = unlike(one.parameters, other.parameters, letters)
    if difference is None:
        return Pair(one, other)
    if one.setup.variant != other.setup.variant:
        return Pair(one, other, f"`{title}` differs by its variant: {difference}")
    return f"`{title}` is not the same on both sides: {difference}"


def _left_over(title: str, a: Sequence[Sample], b: Sequence[Sample], letters: Letters) -> Iterator[str]:
    for name, samples, others in ((letters[0], a, b), (letters[1], b, a)):
        for sample in samples:
            jobs = ",".join(run.result.job for run in sample.runs)
            if others:
                yield f"`{title}`, {sample.setup}, has no one partner; choose the jobs, here {name}:{jobs}"
            else:
                yield f"`{title}`, {sample.setup}, was run only in {name}"


def unlike(one: dict[str, Any], other: dict[str, Any], letters: Letters = ("A", "B")) -> str | None:
    """Return how two sets of parameters differ, None when they do not."""
    keys = [key for key in dict.fromkeys((*one, *other)) if one.get(key) != other.get(key)]
    return ", ".join(_difference(key, one.get(key), other.get(key), letters) for key in keys) or None


def _difference(key: str, one: object, other: object, letters: Letters) -> str:
    texts = _quoted(one), _quoted(other)
    if max(map(len, texts)) > LONGEST_VALUE:
        return f"{key} differs"
    return f"{key} is {texts[0]} in {letters[0]} and {texts[1]} in {letters[1]}"


def _quoted(value: object) -> str:
    return "not set" if value is None else wording.visible(msgspec.json.encode(value).decode())
