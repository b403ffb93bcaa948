"""What stands between two samples besides the figure that is compared: lengths, counts, trouble. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from llmtui import wording
from llmtui.metrics.statistics import mean_and_sd
from llmtui.reports.pairing import Letters, Pair, Sample


class _Side(NamedTuple):
    name: str
    sample: Sample


def unlike_lengths(pair: Pair, margin: float, letters: Letters = ("A", "B")) -> str | None:
    """Return how long the answers of both sides are on the mean, when that differs by more than `margin`."""
    a, b = (mean_and_sd(_tokens(sample))[0] for sample in (pair.first, pair.second))
    if not a or not b or 1 / (1 + margin) <= b / a <= 1 + margin:
        return None
    return f"answers of {wording.number(a)} tokens in {letters[0]}, {wording.number(b)} in {letters[1]}"


def caveats(pair: Pair, letters: Letters = ("A", "B")) -> Iterator[str]:
    """Yield a sentence for each circumstance of a pair that its figures do not show."""
    sides = _Side(letters[0], pair.first), _Side(letters[1], pair.second)
    title = pair.first.title
    if pair.note is not None:
        yield pair.note
    bases = [sorted({b for run in side.sample.runs if (b := run.result.tokens_basis) is not None}) for side in sides]
    if bases[0] != bases[1] and all(bases):
        counted = f"{', '.join(bases[0])} in {letters[0]} and by {', '.join(bases[1])} in {letters[1]}"
        yield f"`{title}`: tokens counted by {counted}"
    for side in sides:
        failed = sum(run.result.failed for run in side.sample.runs if run.step is None)
        if failed:
            yield f"`{title}`: {failed} failed in {side.name}, which no figure counts"
        heat = [run.result.heat for run in side.sample.runs if run.step is None]
        slowed, asked = sum(tags.get("throttled", 0) for tags in heat), sum(sum(tags.values()) for tags in heat)
        if slowed:
            yield f"`{title}`: heat slowed {slowed} of {asked} requests in {side.name}, none left out"
        for run in side.sample.runs:
            if run.result.client_bound:
                yield f"{side.name} {run.result.job}: {run.result.client_bound}"


def _tokens(sample: Sample) -> list[float]:
    return [f.tokens for run in sample.runs for f in run.figures if f.tokens is not None]
