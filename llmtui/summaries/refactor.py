"""What the scored components of a job say: points for each kind of structure, the compiler's word, and both in one."""

from llmtui import wording
from llmtui.events import AnswerScored
from llmtui.state.result_columns import CRITERION_WORDS
from llmtui.state.session import Job, SessionState
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS
from llmtui.summaries.summary import Summary, Table
from llmtui.text_table import Fit

COMPILES = "compiles"
MOST = sum(STRUCTURE_POINTS.values())
_KINDS = {kind: f"{kind} (of {points:g})" for kind, points in STRUCTURE_POINTS.items()}
_HEADINGS = ("component", "score", f"structure (of {MOST:g})", "compiles", "tok/s", "verdict")
_KIND_HEADINGS = ("component", *_KINDS.values())


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return rows for each component, the mean score, and what those below the mark lack; None before the first.

    The rate of decoding stands beside the scores and counts for none of them.
    """
    scores = list({score.task: score for score in job.scores}.values())
    if not scores:
        return None
    passed = sum(score.passed for score in scores)
    mean = 100 * sum(score.score for score in scores) / len(scores)
    lines = [f"components: {passed} of {len(scores)} reach the pass mark{_mark(job)}, mean score {mean:.0f} %"]
    compiled = [score.parts[COMPILES] for score in scores if COMPILES in score.parts]
    if compiled:
        lines.append(f"  {sum(map(bool, compiled))} of {len(compiled)} compile")
    else:
        lines.append("  nothing was compiled: the scores are of the structure alone")
    whole = Table(
        _HEADINGS,
        tuple(_row(state, score) for score in scores),
        numbers=("score", _HEADINGS[2], "tok/s"),
        fit=Fit(wrapped=("verdict",)),
    )
    rows = tuple((score.task, *(_points(score, kind) for kind in _KINDS)) for score in scores)
    by_kind = Table(_KIND_HEADINGS, rows, numbers=_KIND_HEADINGS[1:], title="points by kind of structure")
    lines += [f"  {score.task}: {score.detail}" for score in scores if not score.passed]
    details = tuple(f"  {score.task}: {score.detail}" for score in scores if score.passed)
    return Summary(tuple(lines), (whole, by_kind), details)


def _mark(job: Job) -> str:
    mark = job.plan.parameters.get("pass_mark") if job.plan else None
    return f" of {mark:g} %" if isinstance(mark, int | float) else ""


def _row(state: SessionState, score: AnswerScored) -> tuple[str, ...]:
    request = state.requests.get(score.request)
    rate = request.figures.decode_rate if request is not None and request.figures is not None else None
    return (
        score.task,
        f"{100 * score.score:.0f} %",
        _points(score, "structure"),
        _compiler_word(score),
        wording.rate(rate),
        CRITERION_WORDS[score.passed],
    )


def _points(score: AnswerScored, part: str) -> str:
    points = score.parts.get(part)
    return wording.NOTHING if points is None else f"{points:.2f}".rstrip("0").rstrip(".")


def _compiler_word(score: AnswerScored) -> str:
    compiles = score.parts.get(COMPILES)
    if compiles is None:
        return wording.NOTHING
    errors = score.parts.get("errors", 0)
    if compiles or not errors:
        return "yes" if compiles else "no"
    return f"no ({errors:.0f} error{'' if errors == 1 else 's'})"
