"""How much the answers to one prompt differ, by temperature. Pure."""

from collections.abc import Sequence

from llmtui import wording
from llmtui.events import AnswerScored
from llmtui.metrics.statistics import mean_and_sd, summarize
from llmtui.state.session import Job, SessionState
from llmtui.summaries.summary import Summary, Table

_HEADINGS = ("answers at", "answers", "same", "mean distance", "farthest", "tokens", "SD of tokens")


def summarize_job(state: SessionState, job: Job) -> Summary | None:
    """Return a row for each temperature of which the answers were compared; None before the first.

    Same: how many of the answers are the one that came most often, if that came more than once. The distance of two
    answers is their edit distance over the length of the longer one; the mean goes over all pairs, the farthest is the
    answer that is farthest from the others on average.
    """
    groups: dict[str, list[AnswerScored]] = {}
    for score in job.scores:
        groups.setdefault(score.category, []).append(score)
    if not groups:
        return None
    count = sum(map(len, groups.values()))
    rows = tuple(_row(state, name, scores) for name, scores in groups.items())
    return Summary(
        (f"answers to the same prompt: {count} compared, those of each temperature with one another",),
        (
            Table(
                _HEADINGS,
                rows,
                _HEADINGS[1:],
                "distance: characters to change, of the longer of two answers; tokens: fewest to most",
            ),
        ),
        tuple(f"  {score.category}, {score.request}: {score.detail}" for score in job.scores),
    )


def _row(state: SessionState, name: str, scores: Sequence[AnswerScored]) -> tuple[str, ...]:
    same = sum(score.passed for score in scores)
    distances = [1 - score.score for score in scores]
    known = (state.requests[score.request].figures for score in scores if score.request in state.requests)
    tokens = [float(figures.tokens) for figures in known if figures is not None and figures.tokens is not None]
    lengths = summarize(tokens)
    alone = len(scores) < 2  # noqa: PLR2004 - an answer alone has no other to differ from
    _, sd = mean_and_sd(tokens)
    return (
        name,
        str(len(scores)),
        wording.NOTHING if alone else f"{same} ({wording.percent(same / len(scores))})",
        wording.NOTHING if alone else wording.percent(sum(distances) / len(distances), 1),
        wording.NOTHING if alone else wording.percent(max(distances), 1),
        wording.NOTHING if lengths.least is None or lengths.most is None else f"{lengths.least:g} to {lengths.most:g}",
        wording.number(sd),
    )
