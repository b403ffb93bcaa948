"""One line per event, for pipes, logs and screen readers. Text from a model is shown, never interpreted."""

import math
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from llmtui import events as ev
from llmtui import readings, wording
from llmtui.reports.tables import results_text
from llmtui.state.origins import parent_text
from llmtui.state.reducer import apply
from llmtui.state.results import job_results
from llmtui.state.session import SessionState
from llmtui.summaries.registry import all_summary_lines
from llmtui.wording import visible

SAMPLE_EVERY_NS = 5_000_000_000
SHOWN_READINGS = (
    "cpu.percent",
    "ram.used",
    "server.cpu",
    "gpu.0.percent",
    "gpu.0.memory.used",
    "gpu.0.temperature",
    "gpu.0.power",
    "cpu.temperature",
)

E = TypeVar("E", bound=ev.Event)
Teller = Callable[["PlainReport", Any], Iterator[str]]
_TELLERS: dict[type[ev.Event], Teller] = {}


class PlainReport:
    """Folds events and tells each as lines; the last one adds the table of results."""

    def __init__(self) -> None:
        self.state = SessionState()
        self._sample_told_ns = -SAMPLE_EVERY_NS
        self._problem = ""

    def tell(self, event: ev.Event) -> Iterator[str]:
        """Yield the lines for `event`, each with the time since the start of the session."""
        apply(self.state, event)
        teller = _TELLERS.get(type(event))
        if teller is not None:
            for line in teller(self, event):
                yield f"{wording.clock(event.t):>7}  {line}"

    def results(self, width: int | None = None) -> list[str]:
        """Return the table of results so far, and what else there is to say; no table is wider than `width`."""
        lines = [*results_text(job_results(self.state), width), *all_summary_lines(self.state, width)]
        if not any(job.plan and job.plan.variant for job in self.state.jobs.values()):
            return lines
        # Only a session with variants needs all that a comparison does.
        from llmtui.reports.sides import compare_variants  # noqa: PLC0415

        return [*lines, "", *compare_variants(self.state, width)]

    def sample_due(self, t: int) -> bool:
        """Whether a sample at `t` is to be told, which happens once in five seconds."""
        due = t - self._sample_told_ns >= SAMPLE_EVERY_NS
        if due:
            self._sample_told_ns = t
        return due

    def problem(self, text: str) -> str:
        """Return `text` to be told, and remember it: an alert that says the same follows."""
        self._problem = visible(text)
        return self._problem

    def is_last_problem(self, text: str) -> bool:
        """Whether `text` is just what the last problem was."""
        return visible(text) == self._problem

    def was_told(self, text: str) -> bool:
        """Whether an alert only says what the last problem was, which holds for one alert."""
        told, self._problem = bool(self._problem) and text.endswith(self._problem), ""
        return told

    def job_name(self, job: str) -> str:
        """Return a job's id with its workload and iteration."""
        known = self.state.jobs.get(job)
        return f"{job} {known.plan.workload} #{known.plan.iteration}" if known and known.plan else job


def _tells(kind: type[E]) -> Callable[[Callable[[PlainReport, E], Iterator[str]]], Teller]:
    def register(teller: Callable[[PlainReport, E], Iterator[str]]) -> Teller:
        _TELLERS[kind] = teller
        return teller

    return register


@_tells(ev.SessionOpened)
def _opened(_report: PlainReport, event: ev.SessionOpened) -> Iterator[str]:
    yield f"session {event.session}"
    if event.parent is not None:
        yield f"it repeats {visible(parent_text(event))}"
    hardware = event.hardware
    cores = f"{hardware.cores_physical or '?'} cores ({hardware.cores_logical or '?'} threads)"
    memory = wording.size(hardware.ram)
    yield f"machine: {hardware.cpu_model or 'unknown CPU'}, {cores}, {memory} RAM, {hardware.os or '?'}"
    for gpu in hardware.gpus:
        yield f"GPU {gpu.index}: {gpu.name}, {wording.size(gpu.memory)}"


@_tells(ev.SessionResumed)
def _session_resumed(_report: PlainReport, event: ev.SessionResumed) -> Iterator[str]:
    put_back = f"; runs anew: {', '.join(event.put_back)}" if event.put_back else ""
    cut = f"; a torn last line of {event.cut_bytes} bytes was cut off" if event.cut_bytes else ""
    yield f"session resumed by llmtui {event.llmtui}{put_back}{cut}"
    for difference in event.differences:
        yield f"warning: resumed although {visible(difference)}"


@_tells(ev.ServerStarted)
def _server_started(_report: PlainReport, event: ev.ServerStarted) -> Iterator[str]:
    yield f"server started for {event.target}: {event.url}, process {event.pid}"


@_tells(ev.ServerStopped)
def _server_stopped(_report: PlainReport, event: ev.ServerStopped) -> Iterator[str]:
    yield f"server of {event.target} stopped{f': {event.reason}' if event.reason else ''}"


@_tells(ev.TargetResolved)
def _target_resolved(report: PlainReport, event: ev.TargetResolved) -> Iterator[str]:
    if event.server is None:
        yield f"target {event.target}: {report.problem(event.problem or 'not found')}"
    else:
        version = f" {event.server.version}" if event.server.version else ""
        count = len(event.server.models)
        yield f"target {event.target}: {event.server.kind}{version}, {count} {'model' if count == 1 else 'models'}"


@_tells(ev.JobStarted)
def _job_started(report: PlainReport, event: ev.JobStarted) -> Iterator[str]:
    job = report.state.jobs[event.job]
    ended = sum(other.finished_ns is not None for other in report.state.jobs.values())
    model = f" on {job.plan.model}" if job.plan else ""
    yield f"job {ended + 1} of {len(report.state.jobs)}: {report.job_name(event.job)}{visible(model)}"


@_tells(ev.RepetitionBegun)
def _repetition_begun(report: PlainReport, event: ev.RepetitionBegun) -> Iterator[str]:
    yield f"{report.job_name(event.job)}: repeated until its rate is known to {event.within * 100:g} %"


@_tells(ev.JobProgressed)
def _job_progressed(report: PlainReport, event: ev.JobProgressed) -> Iterator[str]:
    if event.phase == "connecting" and event.note:
        yield f"{report.job_name(event.job)}: {visible(event.note)}"


@_tells(ev.JobFinished)
def _job_finished(report: PlainReport, event: ev.JobFinished) -> Iterator[str]:
    name = report.job_name(event.job)
    if event.reason and report.is_last_problem(event.reason):
        yield f"{name}: {event.status} for the same reason"
    else:
        yield f"{name}: {event.status}{f': {report.problem(event.reason)}' if event.reason else ''}"


@_tells(ev.ModelLoaded)
def _model_loaded(_report: PlainReport, event: ev.ModelLoaded) -> Iterator[str]:
    if event.load_ns is None:
        yield f"model {visible(event.model)} is ready; it was there already, or the server does not tell"
    else:
        yield f"model {visible(event.model)} ready after {wording.duration(event.load_ns)} ({event.source})"


@_tells(ev.ModelUnloaded)
def _model_unloaded(_report: PlainReport, event: ev.ModelUnloaded) -> Iterator[str]:
    if event.gone is False:
        yield f"model {visible(event.model)} stays in memory: {visible(event.reason or '')}"
    else:
        sure = "is gone from memory" if event.gone else "was told to leave the memory"
        yield f"model {visible(event.model)} {sure}{', in which it was before the session' if event.found else ''}"


@_tells(ev.ModelFinished)
def _model_finished(_report: PlainReport, event: ev.ModelFinished) -> Iterator[str]:
    if event.problem is not None:
        yield f"model {visible(event.model)}: {event.status}: {visible(event.problem)}"


@_tells(ev.RequestFinished)
def _request_finished(report: PlainReport, event: ev.RequestFinished) -> Iterator[str]:
    figures = event.figures
    what = "warm-up" if event.warmup else event.request
    yield (
        f"{what}: TTFT {wording.duration(figures.ttft_ns)}, decode {wording.rate(figures.decode_rate)} tok/s, "
        f"{wording.NOTHING if figures.tokens is None else figures.tokens} tokens ({figures.tokens_basis or 'no count'})"
        f"{f', {event.status}: {visible(event.problem)}' if event.problem else ''}"
    )
    request = report.state.requests[event.request]
    for kind in ("reasoning", "answer"):
        text = "".join(piece for piece_kind, piece in request.pieces if piece_kind == kind)
        if text and not event.warmup:
            yield f"  {kind}: {visible(text)}"


@_tells(ev.SampleTaken)
def _sample_taken(report: PlainReport, event: ev.SampleTaken) -> Iterator[str]:
    if not report.sample_due(event.t):
        return
    parts = []
    for key in SHOWN_READINGS:
        value = event.values.get(key, math.nan)
        entry = readings.describe(key)
        if entry is not None and not math.isnan(value):
            parts.append(f"{entry.label} {wording.reading(value, entry.unit)}")
    if parts:
        yield ", ".join(parts)


@_tells(ev.SamplerLost)
def _sampler_lost(_report: PlainReport, event: ev.SamplerLost) -> Iterator[str]:
    yield f"hardware samples stopped: {event.reason}"


@_tells(ev.AlertRaised)
def _alert_raised(report: PlainReport, event: ev.AlertRaised) -> Iterator[str]:
    text = visible(event.text)
    if not report.was_told(text):
        yield f"{event.severity}: {text}"


@_tells(ev.MarkerPlaced)
def _marker_placed(_report: PlainReport, event: ev.MarkerPlaced) -> Iterator[str]:
    yield f"marker: {visible(event.label)}"


@_tells(ev.QueuePaused)
def _paused(_report: PlainReport, _event: ev.QueuePaused) -> Iterator[str]:
    yield "queue paused"


@_tells(ev.QueueResumed)
def _resumed(_report: PlainReport, _event: ev.QueueResumed) -> Iterator[str]:
    yield "queue resumed"


@_tells(ev.SessionFinished)
def _finished(_report: PlainReport, event: ev.SessionFinished) -> Iterator[str]:
    yield f"session {event.outcome}{f': {event.reason}' if event.reason else ''}"
