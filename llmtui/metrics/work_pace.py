"""How long each of many unlike pieces of work took against what its length lets expect. Pure."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from llmtui.events import Figures
from llmtui.metrics.heat.settling import theil_sen
from llmtui.metrics.inference.comparison import Ratio, ratio_of
from llmtui.metrics.statistics import Missing, coefficient_of_variation, finite, mean_and_sd, median

COMPARED = 10
"""So many pieces at the start and at the end are compared, of fewer than twice as many one half with the other."""


class Piece(NamedTuple):
    """A request that was answered: how long it took (ns) and its figures."""

    taken_ns: int
    figures: Figures


class WorkPace(NamedTuple):
    """The pace of a job. `paces` has for each piece its time over the expected one, None where that is not known.

    `an_hour` is pieces an hour by the sum of their times, `mean_ns` and `sd_ns` speak of the times themselves.
    `variation` is the coefficient of variation of the paces. `last_over_first` compares the paces at the end with those
    at the start, `compared` on each side.
    """

    paces: tuple[float | None, ...]
    an_hour: float | None
    mean_ns: float | None
    sd_ns: float | None
    variation: float | None
    compared: int
    last_over_first: Ratio | Missing


def taken_ns(figures: Figures, sent_ns: int | None, ended_ns: int | None) -> int | None:
    """Return how long a request took: to its last text, and where none came to its end."""
    if figures.e2e_ns is not None:
        return figures.e2e_ns
    return None if sent_ns is None or ended_ns is None else max(0, ended_ns - sent_ns)


def work_pace(pieces: Sequence[Piece]) -> WorkPace:
    """Return the pace of a job whose pieces ran one after another.

    Expected is, for the first token, the robust line through (prompt tokens, TTFT) of all pieces (Theil and Sen), and
    for each further token the median time of one. So the lengths of prompt and answer are taken out, and what remains
    is how steady the server is.
    """
    times = [piece.taken_ns for piece in pieces]
    mean_ns, sd_ns = mean_and_sd([float(time) for time in times])
    paces = tuple(_paces(pieces))
    known = finite(paces)
    compared = min(COMPARED, len(known) // 2)
    total = sum(times)
    return WorkPace(
        paces=paces,
        an_hour=len(times) * 3.6e12 / total if total > 0 else None,
        mean_ns=mean_ns,
        sd_ns=sd_ns,
        variation=coefficient_of_variation(known),
        compared=compared,
        last_over_first=ratio_of(known[:compared], known[len(known) - compared :]),
    )


def _paces(pieces: Sequence[Piece]) -> Iterable[float | None]:
    waits = [
        (piece.figures.prompt_tokens, float(piece.figures.ttft_ns))
        for piece in pieces
        if piece.figures.prompt_tokens is not None and piece.figures.ttft_ns is not None
    ]
    slope = theil_sen(waits)
    per_token = max(0.0, slope.value) if not isinstance(slope, Missing) else 0.0
    start = median([wait - per_token * tokens for tokens, wait in waits])
    further = median(finite(_per_further_token(piece) for piece in pieces))
    for piece in pieces:
        expected = _expected(piece, start, per_token, further)
        yield piece.taken_ns / expected if expected is not None and expected > 0 else None


def _per_further_token(piece: Piece) -> float | None:
    figures = piece.figures
    if figures.tokens is None or figures.tokens < 2 or figures.ttft_ns is None:  # noqa: PLR2004 - the first one is TTFT
        return None
    return (piece.taken_ns - figures.ttft_ns) / (figures.tokens - 1)


def _expected(piece: Piece, start: float | None, per_token: float, further: float | None) -> float | None:
    prompt, tokens = piece.figures.prompt_tokens, piece.figures.tokens
    if start is None or prompt is None or tokens is None or tokens < 1 or (tokens > 1 and further is None):
        return None
    return start + per_token * prompt + (tokens - 1) * (further or 0.0)
