"""What is wrong with a suite whose types are right: one sentence, or None."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from llmtui.addresses import normalise_url
from llmtui.documents import DocumentError, nearest_key
from llmtui.suites.grid_checks import embedded_problems, grid_problems
from llmtui.suites.kinds.comparing import CompareModels, comparing_problems
from llmtui.suites.kinds.everyday import Everyday, everyday_problems
from llmtui.suites.kinds.long_context import LEAST_TEXT, room_of
from llmtui.suites.kinds.report import Report, report_problems
from llmtui.suites.kinds.sweep import Sweep, sweep_problems
from llmtui.suites.levels import levels_of
from llmtui.suites.schema import AnyWorkload, Generate, Load, LongContext, Quality, Refactor, Stress, Suite, Variant
from llmtui.suites.variants import fits, varied

LEAST_VARIANTS = 2
TARGET_NAMES = frozenset({"embedded", "detected"})
"""The targets that are no addresses."""

MOST = {"iterations": 10_000, "warmup": 1_000}
"""More of them is a slip of the fingers, which would fill the memory with jobs."""

MOST_AT_ONCE = 1024
"""More requests in flight than this are beyond what one machine can be asked for, and measured by another process."""

SLOWEST_GUARD_MS = 1000
"""A load that is to be ended for heat needs a look at the sensors every second."""

SHORTEST_RECORD_S = 0.1
LEAST_COMPILE_MIB = 64
"""With less a compiler does not even start."""

_DEVICE = re.compile(r"cpu|gpu(\.\d+)?")


def problem_of(suite: Suite) -> str | None:
    """Return the first thing that is wrong."""
    return next(_problems(suite), None)


def problem_of_workload(workload: AnyWorkload) -> str | None:
    """Return the first thing that is wrong with a workload alone."""
    return next((f"`{problem}" for problem in _workload_problems(workload)), None)


def _problems(suite: Suite) -> Iterator[str]:
    if not suite.workloads:
        yield "`workloads` is empty; a suite needs one at least"
    yield from _count_problems(suite)
    yield from _target_problems(suite)
    for name in ("stall_s", "request_s", "load_s", "job_s"):
        limit = getattr(suite.limits, name)
        if limit is not None and not limit > 0:
            yield f"`limits.{name}` is {limit:g}; it must be above 0"
    if suite.sample_ms > SLOWEST_GUARD_MS and any(isinstance(workload, Stress) for workload in suite.workloads):
        yield f"`sample_ms` is {suite.sample_ms}; stress needs a sample each second: at most {SLOWEST_GUARD_MS}"
    for place, workload in enumerate(suite.workloads):
        for problem in _workload_problems(workload):
            yield f"`workloads[{place}].{problem}"
    yield from _variant_problems(suite)
    yield from embedded_problems(suite)
    yield from grid_problems(suite, _workload_problems)


def _count_problems(suite: Suite) -> Iterator[str]:
    for name, least in (("iterations", 1), ("warmup", 0), ("pause_s", 0), ("sample_ms", 50)):
        if getattr(suite, name) < least:
            yield f"`{name}` is {getattr(suite, name)}; it must be at least {least}"
    for name, most in MOST.items():
        if getattr(suite, name) > most:
            yield f"`{name}` is {getattr(suite, name)}; it must be at most {most}"


def _target_problems(suite: Suite) -> Iterator[str]:
    """Yield targets that are neither one of the names nor an address."""
    named = [(f"`targets[{place}]`", target) for place, target in enumerate(suite.targets)]
    of_variants = ((place, variant.target) for place, variant in enumerate(suite.variants))
    named += [(f"`variants[{place}].target`", target) for place, target in of_variants if target is not None]
    for where, target in named:
        if target in TARGET_NAMES:
            continue
        try:
            normalise_url(target)
        except ValueError as error:
            yield f"{where}: {error}"


def _workload_problems(workload: AnyWorkload) -> Iterator[str]:
    """Yield problems that begin with the name of the key and its closing quote."""
    if getattr(workload, "max_tokens", 1) < 1:
        yield f"max_tokens` is {workload.max_tokens}; it must be at least 1"  # type: ignore[union-attr]
    if isinstance(workload, Generate) and not workload.prompts:
        yield "prompts` is empty; give one prompt at least"
    for kind, problems in _OF_KIND:
        if isinstance(workload, kind):
            yield from problems(workload)


def _long_context_problems(spec: LongContext) -> Iterator[str]:
    least = room_of(spec) + LEAST_TEXT
    if not spec.sizes or list(spec.sizes) != sorted(set(spec.sizes)):
        yield "sizes` must be whole numbers of tokens, each greater than the one before"
    elif spec.sizes[0] < least:
        yield f"sizes` begins with {spec.sizes[0]}; with this `max_tokens` a context needs at least {least} tokens"
    if not 0 < spec.max_load_s < math.inf:
        yield f"max_load_s` is {spec.max_load_s:g}; it must be above 0"


def _list_problems(key: str, one: str, values: Sequence[str]) -> Iterator[str]:
    if not values:
        yield f"{key}` is empty; give one {one} at least"
    for value in values:
        if values.count(value) > 1:
            yield f"{key}` has `{value}` twice"


def _quality_problems(quality: Quality) -> Iterator[str]:
    yield from _list_problems("categories", "category", quality.categories)
    for category, mark in quality.pass_marks.items():
        if not 0 <= mark <= 100:  # noqa: PLR2004 - percent
            yield f"pass_marks.{category}` is {mark:g}; it must be from 0 to 100 percent"


def _refactor_problems(refactor: Refactor) -> Iterator[str]:
    yield from _list_problems("fixtures", "fixture", refactor.fixtures)
    weights = (refactor.weights.structure, refactor.weights.compile)
    if min(weights) < 0 or not 0 < sum(weights) < math.inf:
        yield "weights`: `structure` and `compile` must be at least 0, and one of them above it"
    if not 0 <= refactor.pass_mark <= 100:  # noqa: PLR2004 - percent
        yield f"pass_mark` is {refactor.pass_mark:g}; it must be from 0 to 100 percent"
    if not 0 < refactor.compile_s < math.inf:
        yield f"compile_s` is {refactor.compile_s:g}; it must be above 0"
    if refactor.compile_mib < LEAST_COMPILE_MIB:
        yield f"compile_mib` is {refactor.compile_mib}; it must be at least {LEAST_COMPILE_MIB}"


def _stress_problems(stress: Stress) -> Iterator[str]:
    if not 1 <= stress.streams <= MOST_AT_ONCE:
        yield f"streams` is {stress.streams}; it must be from 1 to {MOST_AT_ONCE}"
    if not 0 < stress.duration_s < math.inf:
        yield f"duration_s` is {stress.duration_s:g}; it must be above 0"
    if stress.record_s is not None and not SHORTEST_RECORD_S <= stress.record_s < math.inf:
        yield f"record_s` is {stress.record_s:g}; it must be at least {SHORTEST_RECORD_S:g}"
    if not 0 <= stress.cooldown_s < math.inf:
        yield f"cooldown_s` is {stress.cooldown_s:g}; it must be at least 0"
    if not 0 < stress.max_decline <= 1:
        yield f"max_decline` is {stress.max_decline:g}; it must be above 0 and at most 1"
    for name in ("max_temperature", "abort_temperature"):
        choice = getattr(stress, name)
        for device, degrees in choice.items() if isinstance(choice, dict) else (("cpu", choice),):
            if not _DEVICE.fullmatch(device):
                yield f"{name}` has a key `{device}`; devices are `cpu`, `gpu` for all GPUs, `gpu.0`, `gpu.1`, ..."
            if degrees != "auto" and not 0 < degrees < math.inf:
                yield f"{name}` is {degrees:g}; it must be `auto` or above 0 °C"


def _load_problems(load: Load) -> Iterator[str]:
    sources = [name for name in ("prompts", "synthetic", "file") if getattr(load, name)]
    if len(sources) != 1:
        yield f"prompts`: give one of `prompts`, `synthetic` and `file`{_but(sources)}"
    offers = [name for name in ("concurrency", "rate", "search") if getattr(load, name) not in ((), None)]
    if len(offers) != 1:
        yield f"concurrency`: give one of `concurrency`, `rate` and `search`{_but(offers)}"
    for level in levels_of(load):
        if level.concurrency is not None and not 1 <= level.concurrency <= MOST_AT_ONCE:
            yield f"concurrency` is {level.concurrency}; it must be from 1 to {MOST_AT_ONCE}"
        if level.rate is not None and not 0 < level.rate <= MOST_AT_ONCE:
            yield f"rate` is {level.rate:g}; it must be above 0 and at most {MOST_AT_ONCE}"
    if load.ramp and len(levels_of(load)) < 2:  # noqa: PLR2004 - from one level to another
        yield "ramp` needs at least two levels in `concurrency` or `rate`"
    yield from _extent_problems(load)
    yield from _slo_problems(load)


def _extent_problems(load: Load) -> Iterator[str]:
    leasts = {"requests": 1, "turns": 1, "think_s": 0, "warmup_s": 0, "cooldown_s": 0, "shared_tokens": 1}
    for name, least in leasts.items():
        value = getattr(load, name)
        if value is not None and value < least:
            yield f"{name}` is {value}; it must be at least {least}"
    if load.duration_s is not None and load.duration_s <= (load.warmup_s or 0) + load.cooldown_s:
        yield f"duration_s` is {load.duration_s:g}; it must be longer than warm-up and cool-down together"
    if load.synthetic is not None and (load.synthetic.tokens < 1 or load.synthetic.count < 1):
        yield "synthetic`: `tokens` and `count` must be at least 1"


def _slo_problems(load: Load) -> Iterator[str]:
    slo, search = load.slo, load.search
    if slo is not None:
        limits = [limit for limit in (slo.ttft_ms, slo.itl_ms, slo.e2e_ms) if limit is not None]
        if not limits or min(limits) <= 0:
            yield "slo` needs a limit above 0: `ttft_ms`, `itl_ms` or `e2e_ms`"
        if not 0 < slo.share <= 1:
            yield f"slo.share` is {slo.share:g}; it must be above 0 and at most 1"
    if search is not None:
        if slo is None:
            yield "search` needs an `slo` that says what the load must keep"
        if not 0 < search.lowest < search.highest <= MOST_AT_ONCE:
            yield f"search`: `lowest` must be above 0 and below `highest`, which is at most {MOST_AT_ONCE}"
        if search.over == "concurrency" and (search.lowest % 1 or search.highest % 1):
            yield "search`: `lowest` and `highest` are requests at once here; give whole numbers"


def _but(given: list[str]) -> str:
    return f", not {' and '.join(f'`{name}`' for name in given)} together" if given else ""


def _variant_problems(suite: Suite) -> Iterator[str]:
    if not suite.variants:
        return
    names = [variant.name for variant in suite.variants]
    if len(names) < LEAST_VARIANTS:
        yield "`variants` has one entry only; a comparison needs two at least"
    for name in names:
        if names.count(name) > 1:
            yield f"`variants` has two entries named `{name}`"
    for variant in suite.variants:
        yield from _problems_of_variant(suite, variant)


def _problems_of_variant(suite: Suite, variant: Variant) -> Iterator[str]:
    for key in variant.set:
        if not any(fits(workload, key) for workload in suite.workloads):
            known = sorted({field for workload in suite.workloads for field in workload.__struct_fields__})
            yield f"variant `{variant.name}`: no workload has a key `{key}`{nearest_key(key, known)}"
    for workload in suite.workloads:
        try:
            changed = varied(workload, variant)
        except DocumentError as error:
            yield str(error)
        else:
            for problem in _workload_problems(changed):
                yield f"variant `{variant.name}`: `{problem}"


_OF_KIND: tuple[tuple[Any, Callable[[Any], Iterator[str]]], ...] = (
    (Load, _load_problems),
    (Stress, _stress_problems),
    (LongContext, _long_context_problems),
    (Quality, _quality_problems),
    (CompareModels, comparing_problems),
    (Report, report_problems),
    (Sweep, sweep_problems),
    (Everyday, everyday_problems),
    (Refactor, _refactor_problems),
)
"""What finds the problems of a kind of workload; they begin with the name of the key and its closing quote."""
