"""What a session, or several, say of the models in them: ratings, figures in plain words, and advice for each use."""

from collections.abc import Iterator, Mapping, Sequence

from llmtui.metrics.advice import Candidate, Recommendation, cost_benefit, efficiency, recommendations
from llmtui.metrics.rating_tables import LEVELS_TEXT, SCALES, TITLES
from llmtui.metrics.ratings import plain_words, value_text
from llmtui.state.session import Job, SessionState
from llmtui.summaries.rated_jobs import RatedJob, candidates, rated_job, rated_jobs
from llmtui.summaries.summary import Summary


def summarize_session(state: SessionState) -> Summary | None:
    """Return ratings and advice of a session; None where there is nothing to rate."""
    return advise([state])


def advise(states: Sequence[SessionState]) -> Summary | None:
    """Return ratings and advice over several sessions; None where there is nothing to rate."""
    rated = [(state, each) for state in states for each in rated_jobs(state)]
    if not rated:
        return None
    named = len(states) > 1
    models = candidates(states)
    lines = [f"ratings ({LEVELS_TEXT})"]
    lines += [f"  {_rating_text(each, _session(state) if named else '')}" for state, each in rated]
    lines += ["in plain words", *(f"  {line}" for model in models for line in _words(model))]
    lines += ["for its memory", *(f"  {line}" for line in _worth(models))]
    lines += ["advice", *(f"  {line}" for line in _advice(recommendations(models)))]
    return Summary(tuple(lines))


def job_rating_lines(state: SessionState, job: Job) -> list[str]:
    """Return the rating of one job and its figures in plain words; empty for one that has none."""
    rated = rated_job(state, job)
    if rated is None:
        return []
    words = [f"  {line}" for line in _figure_words(rated.figures)]
    return [f"rating: {rated.rating.level or 'none'}: {rated.rating.sentence}", *words]


def _rating_text(rated: RatedJob, session: str) -> str:
    plan = rated.job.plan
    assert plan is not None
    variant = f" ({plan.variant})" if plan.variant else ""
    quick = "; a quick run, too short to rely on" if plan.parameters.get("quick") is True else ""
    doubt = "; llmtui itself may be in these figures" if rated.job.client_bound else ""
    where = f"{session} " if session else ""
    level = rated.rating.level or "not rated"
    name = f"{where}{rated.job.id} {plan.workload}, {plan.model}{variant}"
    return f"{level:<10} {name}: {rated.rating.sentence}{quick}{doubt}"


def _session(state: SessionState) -> str:
    return state.header.session if state.header else "a session"


def _words(model: Candidate) -> Iterator[str]:
    words = list(_figure_words(model.figures))
    yield f"{model.name}: {words[0] if words else 'nothing was measured that could be told so'}"
    yield from (f"{'':<{len(model.name) + 1}} {line}" for line in words[1:])


def _figure_words(figures: Mapping[str, float]) -> Iterator[str]:
    """Yield the figures that have a scale, in the order of the tables."""
    for name, scale in SCALES.items():
        value = figures.get(name)
        if value is None or (words := plain_words(name, value)) is None:
            continue
        told = value_text(name, value)
        unit = f" {scale.unit}" if name in {"decode_rate", "documents_hour"} else ""
        title = "" if unit else f"{TITLES[name]} "
        yield f"{title}{told}{unit}: {words}"


def _worth(models: Sequence[Candidate]) -> Iterator[str]:
    """Yield efficiency and cost-benefit of each model, or why it has none."""
    benefits = cost_benefit(models)
    for model in models:
        found = efficiency(model)
        absent = [name for name in ("decode_rate", "usable_context", "memory") if name not in model.figures]
        reason = f"unknown, {TITLES[absent[0]]}: {model.why_not(absent[0])}" if absent else "unknown"
        text = f"{found:,.0f}".replace(",", " ") if found is not None else reason
        benefit = benefits[model.name]
        worth = f"unknown, {benefit}" if isinstance(benefit, str) else f"{benefit:.0f} of 100"
        yield f"{model.name}: efficiency (tokens/s x tokens of context / GB) {text}"
        yield f"{model.name}: cost-benefit (right answers x tokens/s / memory) {worth}"


def _advice(found: Sequence[Recommendation]) -> Iterator[str]:
    """Yield what is recommended for each use, and then for which uses nothing was measured."""
    for each in found:
        if each.measured:
            yield f"{each.use:<18} {each.model or 'none'}: {each.reason}"
            yield from (f"{'':<18} {other}" for other in each.others)
    unknown = [f"{each.use} ({each.reason})" for each in found if not each.measured]
    if unknown:
        yield f"{'not measured':<18} {', '.join(unknown)}"


def advice_data(states: Sequence[SessionState]) -> dict[str, object]:
    """Return ratings and advice as plain data; what a model lacks has its reason in place of a number."""
    models = candidates(states)
    benefits = cost_benefit(models)
    return {
        "ratings": [
            {
                "session": _session(state),
                "job": rated.job.id,
                "kind": rated.job.plan.kind if rated.job.plan else None,
                "model": rated.job.plan.model if rated.job.plan else None,
                "level": rated.rating.level,
                "sentence": rated.rating.sentence,
                "figures": rated.figures,
            }
            for state in states
            for rated in rated_jobs(state)
        ],
        "models": [
            {
                "model": model.name,
                "figures": dict(model.figures),
                "words": {name: words for name, value in model.figures.items() if (words := plain_words(name, value))},
                "memory_of": model.memory_of,
                "efficiency": efficiency(model),
                "cost_benefit": benefits[model.name],
            }
            for model in models
        ],
        "advice": [found._asdict() for found in recommendations(models)],
    }
