"""What a comparison of models says: fastest, slowest, average, a row for each model, what became of it, its answers."""

from collections.abc import Callable, Iterator, Sequence

from llmtui import wording
from llmtui.events import ModelPlace, ModelUnloaded
from llmtui.metrics.statistics import median
from llmtui.state.session import Job, Request, SessionState
from llmtui.summaries.model_runs import ModelRun, model_runs
from llmtui.summaries.summary import Summary, Table
from llmtui.text_table import Fit, render

HEADINGS = ("job", "model", "status", "load", "asked", "ended", "TTFT", "tok/s", "answer", "tokens", "memory")
NUMBERS = ("load", "asked", "ended", "TTFT", "tok/s", "answer", "memory")
FIT = Fit(spare=("job", "tokens", "asked", "ended", "load", "memory"), whole=("status", "tokens"))
FOOT = "asked, ended: since the job began. TTFT, tok/s, answer (to its last piece): medians over the model's answers."
Names = dict[ModelPlace, str]

SHOWN_ANSWER = 400
"""Characters of an answer in the summary of all models; the details of a job have all of it."""


def summarize_jobs(state: SessionState, jobs: list[Job]) -> Summary | None:
    """Return the comparison of all models of a session; None before the first."""
    runs = model_runs(state, jobs)
    if not runs:
        return None
    names = _names(runs)
    lines = [_headline(runs), *_ranking(runs, names)]
    lines += [line for run in runs for line in _fate(run, names)]
    lines += [line for job in dict.fromkeys(run.job.id for run in runs) for line in _company(state, state.jobs[job])]
    return Summary(tuple(lines), (_table(runs, names), *_answers(runs, names)))


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return, for whoever looks at this job alone, a row for each of its models, and their whole answers."""
    runs = model_runs(state, [job])
    if not runs:
        return None
    names = _names(runs)
    table = _table(runs, names)
    details = [*render(table.headings, table.rows, table.numbers), FOOT]
    details += [line for run in runs for line in _fate(run, names)]
    details += _company(state, job)
    for run in runs:
        details += [f"{names[run.place]}, {each.task}: {_answer(each, None)}" for each in run.requests]
    return Summary(details=tuple(details))


def _headline(runs: Sequence[ModelRun]) -> str:
    models = list(dict.fromkeys(run.place for run in runs))
    answered = {run.place for run in runs if run.status == "done"}
    text = f"{len(answered)} of {len(models)} models answered" if answered else f"none of {len(models)} models answered"
    text = f"{text} all of it" if answered and len(answered) < len(models) else text
    tokens = [run.tokens for run in runs if run.tokens is not None]
    return f"{text}; {sum(tokens)} tokens in all" if tokens else text


def _ranking(runs: Sequence[ModelRun], names: Names) -> Iterator[str]:
    """Yield who was fastest and slowest, by the pace of the answers and by the time that they took."""
    yield from _extremes(runs, "tok/s", lambda run: run.decode_rate, wording.rate, names, most_first=True)
    yield from _extremes(runs, "answer", lambda run: run.e2e_ns, wording.duration, names, most_first=False)


def _extremes(
    runs: Sequence[ModelRun],
    what: str,
    figure: Callable[[ModelRun], float | None],
    told: Callable[[float | None], str],
    names: Names,
    *,
    most_first: bool,
) -> Iterator[str]:
    values: dict[ModelPlace, list[float]] = {}
    for run in runs:
        value = figure(run)
        if value is not None:
            values.setdefault(run.place, []).append(value)
    middles = [(middle, place) for place, found in values.items() if (middle := median(found)) is not None]
    if not middles:
        return
    if len(middles) == 1:
        yield f"{what}: {names[middles[0][1]]} {told(middles[0][0])}, the only model with a figure"
        return
    ordered = sorted(middles, key=lambda pair: pair[0], reverse=most_first)
    fastest, slowest = (f"{names[place]} {told(value)}" for value, place in (ordered[0], ordered[-1]))
    average = sum(value for value, _ in ordered) / len(ordered)
    yield f"{what}: fastest {fastest}, slowest {slowest}, average {told(average)} over {len(ordered)} models"


def _table(runs: Sequence[ModelRun], names: Names) -> Table:
    return Table(HEADINGS, tuple(_row(run, names) for run in runs), NUMBERS, FOOT, FIT)


def _row(run: ModelRun, names: Names) -> tuple[str, ...]:
    began = run.job.started_ns
    peak, peak_of = _peak(run)
    return (
        run.job.id,
        names[run.place],
        run.status,
        "was loaded" if run.load_known and run.load_ns is None else wording.duration(run.load_ns),
        *(wording.duration(None if at is None or began is None else at - began) for at in (run.asked_ns, run.ended_ns)),
        wording.duration(run.ttft_ns),
        wording.rate(run.decode_rate),
        wording.duration(run.e2e_ns),
        wording.NOTHING if run.tokens is None else f"{run.tokens} {run.tokens_basis or ''}".rstrip(),
        wording.NOTHING if peak is None else f"{wording.size(peak)} {peak_of}",
    )


def _peak(run: ModelRun) -> tuple[float | None, str]:
    """Return the largest memory of the server, or of the machine, while a model was alone in its job."""
    peaks = run.job.peaks
    if run.job.plan is None or len(run.job.plan.models) > 1:
        return None, ""
    if "server.memory" in peaks:
        return peaks["server.memory"], "server"
    return peaks.get("ram.used"), "machine"


def _fate(run: ModelRun, names: Names) -> Iterator[str]:
    """Yield how a model failed, and whether it left the memory."""
    name = f"{run.job.id} {names[run.place]}"
    if run.status != "done" and run.problem is not None:
        after = "" if run.failed_after_ns is None else f" after {wording.duration(run.failed_after_ns)}"
        yield f"{name} {run.status}{after}: {run.problem}"
    if run.unloaded is not None:
        yield f"{name} {_left(run.unloaded)}"


def _left(event: ModelUnloaded) -> str:
    """Return what became of a model in memory, as what follows its name."""
    if event.gone is False:
        return f"stays in memory: {event.reason}"
    if event.gone is None:
        return f"was told to leave the memory; whether it is gone is not known: {event.reason}"
    left = [f"{wording.size(event.memory[key])} {label}" for key, label in _labels(event) if key in event.memory]
    used = f"; in use then: {', '.join(left)}" if left else ""
    return f"was gone from memory after {wording.duration(event.wait_ns)}{used}"


def _labels(event: ModelUnloaded) -> Iterator[tuple[str, str]]:
    for key in sorted(event.memory):
        parts = key.split(".")
        yield key, "RAM" if key == "ram.used" else f"of GPU {parts[1]}" if parts[0] == "gpu" else key


def _company(state: SessionState, job: Job) -> Iterator[str]:
    """Yield what was in memory before, or beside the models of this job."""
    stayed = {(event.target, event.model) for event in job.unloaded if event.gone is False}
    own = {(place.target, place.model) for place in job.plan.models} if job.plan else set()
    for event in job.unloaded:
        at = event.target, event.model
        if event.found and event.gone and at not in stayed:
            yield f"{job.id}: {event.model} was in memory before; it was unloaded, and is not loaded again at the end"
        elif event.gone is False and at not in own:
            yield f"{job.id}: {event.model} was in memory too, so the model of this job was not alone: {event.reason}"
    for alert in state.alerts:
        if alert.job == job.id and alert.code == "not-together":
            yield f"{job.id}: {alert.text}"


def _answers(runs: Sequence[ModelRun], names: Names) -> Iterator[Table]:
    """Yield a table of all answers for each prompt."""
    tasks = dict.fromkeys(request.task for run in runs for request in run.requests)
    for task in tasks:
        asked = [(run, request) for run in runs for request in run.requests if request.task == task]
        rows = tuple((names[run.place], _answer(request, SHOWN_ANSWER)) for run, request in asked)
        yield Table(("model", "answer"), rows, (), task, Fit(wrapped=("answer",)))


def _answer(request: Request, most: int | None) -> str:
    """Return what a model answered, or why there is nothing, at most so many characters."""
    if request.text_dropped:
        return "(in the log; too old to be kept in memory)"
    text = "".join(piece for kind, piece in request.pieces if kind == "answer").strip()
    if not text:
        thought = sum(len(piece) for kind, piece in request.pieces if kind == "reasoning")
        text = f"(no answer, only {thought} characters of reasoning)" if thought else "(an empty answer)"
    if most is not None and len(text) > most:
        text = f"{text[:most]}... ({len(text)} characters)"
    if request.status == "running":
        return f"{text} (still going on)"
    if request.finish_reason == "length":
        text = f"{text} (cut off at max_tokens)"
    return text if request.problem is None else f"{text} ({request.status}: {request.problem})"


def _names(runs: Sequence[ModelRun]) -> Names:
    """Return how each model is named: with its target where several targets have a model of that name."""
    places = dict.fromkeys(run.place for run in runs)
    models = [place.model for place in places]
    return {
        place: place.model if models.count(place.model) == 1 else f"{place.model} at {place.target}" for place in places
    }
