"""Workload `load`: many requests at once, in a closed or an open loop, measured while the load is held.

Sends: conversations from the suite's prompts, in streams that wait for their answers (closed loop) or at moments that
do not (open loop). Measures: the figures of each request, and for each level the rates over a window that leaves
warm-up and cool-down out. Judges: whether a level kept the SLO, and with `search` which is the highest that does.
"""

from collections.abc import Iterator, Sequence

from llmtui.events import OfferedLoad
from llmtui.metrics.cache_hits import cache_hit_warning
from llmtui.metrics.capacity import Trial, highest_kept, next_level
from llmtui.metrics.inference.steady_state import LEAST, steady_state
from llmtui.metrics.load import (
    LoadedRequest,
    LoadFigures,
    Objective,
    Window,
    closed_window,
    measure_window,
    open_window,
)
from llmtui.suites.levels import levels_of, requests_of
from llmtui.suites.schema import Load, Slo
from llmtui.workloads.base import Bench, NeedsOnlyServer, Outcome
from llmtui.workloads.conversing import Conversations
from llmtui.workloads.holding import HeldLevel, LoadHolder
from llmtui.workloads.prompts import PromptError, prepare_prompts


class LoadWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Load`."""

    async def run(self, spec: Load, bench: Bench) -> Outcome:
        """Hold each level, measure it, and log what it showed."""
        levels = levels_of(spec)
        planned = sum(requests_of(spec, level) for level in levels)
        try:
            prompts = await prepare_prompts(spec, bench, planned)
        except PromptError as error:
            return Outcome(status="failed", reason=str(error))
        talk = Conversations(spec, bench, prompts, planned)
        holder = LoadHolder(spec, bench, talk)
        if spec.search is not None:
            await _search(spec, bench, holder, talk)
        else:
            for group in [levels] if spec.ramp else [[level] for level in levels]:
                if talk.hopeless:
                    break
                for held in await holder.hold(group):
                    _tell(spec, bench, held, talk.requests)
        _warn_of_cache_hits(spec, bench, talk)
        return _outcome(bench, talk)


async def _search(spec: Load, bench: Bench, holder: LoadHolder, talk: Conversations) -> None:
    """Try levels until the highest that keeps the SLO is known."""
    search, trials = spec.search, list[Trial]()
    assert search is not None
    whole = search.over == "concurrency"
    while (level := next_level(trials, search.lowest, search.highest, whole=whole)) is not None:
        (held,) = await holder.hold([_offered(spec, level)])
        figures = _tell(spec, bench, held, talk.requests)
        trials.append(Trial(level, bool(figures.kept_slo)))
        if talk.hopeless:
            break
    best = highest_kept(trials)
    unit = "requests at once" if whole else "requests a second"
    if best is None:
        sentence = f"not even {search.lowest:g} {unit} kept the SLO"
    elif best >= search.highest:
        sentence = f"{best:g} {unit} kept the SLO; more were not tried, raise `search.highest`"
    else:
        sentence = f"{best:g} {unit} is the highest load that kept the SLO"
    bench.capacity_found(None if best is None else _offered(spec, best), sentence)


def _offered(spec: Load, level: float) -> OfferedLoad:
    if spec.search is not None and spec.search.over == "rate":
        return OfferedLoad(rate=level, arrivals=spec.arrivals)
    return OfferedLoad(concurrency=round(level))


def _tell(spec: Load, bench: Bench, held: HeldLevel, requests: Sequence[LoadedRequest]) -> LoadFigures:
    """Measure a level and log it."""
    warmup_ns = None if spec.warmup_s is None else round(spec.warmup_s * 1e9)
    cooldown_ns = round(spec.cooldown_s * 1e9)
    streams = held.load.concurrency
    if streams is None:
        window = open_window(held.began_ns, held.fell_ns, warmup_ns, cooldown_ns)
    elif spec.ramp and warmup_ns is None:
        # The streams of a ramp have left their first step behind long ago, but for those that a level adds.
        window = closed_window((), held.began_ns, held.fell_ns, 0, cooldown_ns, streams)
    else:
        window = closed_window(held.first_answers, held.began_ns, held.fell_ns, warmup_ns, cooldown_ns, streams)
    figures = measure_window(requests, window, _objective(spec.slo))
    notes = (*held.notes, *_steadiness(requests, window))
    bench.step_finished(held.step, held.load, window, figures, notes)
    return figures


def _steadiness(requests: Sequence[LoadedRequest], window: Window) -> Iterator[str]:
    """Yield what a reader should know when the answers did not take evenly long over the window."""
    due = sorted((r for r in requests if window.start_ns <= r.due_ns <= window.end_ns), key=lambda r: r.due_ns)
    found = steady_state([None if r.e2e_ns is None else r.e2e_ns + r.delay_ns for r in due])
    if found.start is None and len(due) >= LEAST:
        yield f"no steady state in E2E: {found.reason}"
    elif found.start:
        yield f"E2E settles only after {found.start} of {len(due)} requests: raise `warmup_s`"


def _objective(slo: Slo | None) -> Objective | None:
    if slo is None:
        return None
    ttft_ns, itl_ns, e2e_ns = (
        None if limit is None else limit * 1e6 for limit in (slo.ttft_ms, slo.itl_ms, slo.e2e_ms)
    )
    return Objective(ttft_ns, itl_ns, e2e_ns, slo.share)


def _warn_of_cache_hits(spec: Load, bench: Bench, talk: Conversations) -> None:
    if spec.prompt_cache == "share":
        return
    alone = all(level.concurrency == 1 for level in levels_of(spec)) and spec.search is None
    warning = cache_hit_warning(talk.prompt_timings, alone=alone)
    if warning is not None:
        bench.warn("cache-hit", warning)


def _outcome(bench: Bench, talk: Conversations) -> Outcome:
    """A load may break a server, and that is a result; only one of which nothing was answered has failed."""
    failures, total = talk.failures, len(talk.requests)
    if failures and (talk.hopeless or len(failures) == total):
        return Outcome(status="failed", reason=f"{failures[0]} ({len(failures)} of {total} requests failed)")
    if failures:
        bench.warn("requests-failed", f"{len(failures)} of {total} requests failed, the first one so: {failures[0]}")
    return Outcome()
