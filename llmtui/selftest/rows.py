"""The rows of a self-test: one figure beside the truth, how far off it is, and whether that is within its bound."""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Literal

import msgspec

from llmtui.events import Figures
from llmtui.metrics.statistics import percentile
from llmtui.selftest.pairs import Pair, outside

Unit = Literal["ns", "tok/s", ""]
Verdict = Literal["ok", "FAILED", "noted"]


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of a scenario beside the truth.

    Attributes:
        expected: The truth, or the words that must stand there; None where only the error is of interest.
        error: How far off it is, ns for times and percent for rates; None for counts and words.
        bound: Of the error; None where there is none.
        timing: Whether a busy machine alone can break the bound, so that it may be tried again.
        tries: How many runs the scenario took.
    """

    scenario: str
    figure: str
    expected: float | str | None = None
    measured: float | str | None = None
    unit: Unit = ""
    error: float | None = None
    bound: float | None = None
    verdict: Verdict
    timing: bool = False
    tries: int = 1

    @property
    def strain(self) -> float:
        """The error as a share of its bound."""
        return self.error / self.bound if self.timing and self.error is not None and self.bound else 0.0


def worst_rate(name: str, pairs: Sequence[Pair], bound: float) -> Row:
    """Return the rate that is furthest from the true one."""
    rows = [
        _judged(pair.true_rate, pair.logged.finished.figures.decode_rate, "tok/s", pair.rate_error, bound)
        for pair in pairs
    ]
    return msgspec.structs.replace(_worst(rows), scenario=name, figure="decode rate")


def worst_ttft(name: str, figure: str, pairs: Sequence[Pair], bound: int) -> Row:
    """Return the TTFT that is furthest from the true one."""
    row = worst_time(pairs, lambda pair: pair.true_ttft_ns, lambda figures: figures.ttft_ns, bound, Pair.doubt_ns)
    return msgspec.structs.replace(row, scenario=name, figure=figure)


def worst_time(
    pairs: Sequence[Pair],
    truth: Callable[[Pair], float | None],
    figure: Callable[[Figures], float | None],
    bound: int,
    doubt: Callable[[Pair], int] = lambda _pair: 0,
) -> Row:
    """Return the time that is furthest from the true one, which is sure but for `doubt`; a missing one is the worst."""
    rows = []
    for pair in pairs:
        true, measured = truth(pair), figure(pair.logged.finished.figures)
        error = abs(outside(measured - true, doubt(pair))) if true is not None and measured is not None else None
        rows.append(_judged(true, measured, "ns", error, bound))
    return _worst(rows)


def _judged(expected: float | None, measured: float | None, unit: Unit, error: float | None, bound: float) -> Row:
    good = error is not None and error <= bound
    return Row(
        scenario="",
        figure="",
        expected=expected,
        measured=measured,
        unit=unit,
        error=error,
        bound=bound,
        verdict="ok" if good else "FAILED",
        timing=error is not None,
    )


def _worst(rows: Iterable[Row]) -> Row:
    """Return the first of the rows that are furthest off; one whose error is unknown is worse than all."""
    return max(rows, key=lambda row: math.inf if row.error is None else row.error)


def late(name: str, figure: str, errors: Sequence[float], bound: int | None, share: float) -> Row:
    """Judge a percentile of `errors`, early or late; without a bound it is only shown."""
    error = percentile([abs(error) for error in errors], share)
    good = error is not None and (bound is None or error <= bound)
    return Row(
        scenario=name,
        figure=figure,
        unit="ns",
        error=error,
        bound=bound,
        verdict="ok" if good else "FAILED",
        timing=error is not None,
    )


def earliest(name: str, figure: str, errors: Sequence[float], bound: int) -> Row:
    """Judge the most negative of `errors`, 0 where none is below."""
    row = late(name, figure, [max(0.0, -min(errors))] if errors else [], bound, 100)
    return msgspec.structs.replace(row, measured="before it was sent") if row.error else row


def word(name: str, figure: str, expected: float | str | None, measured: float | str | None) -> Row:
    """Compare counts or words, which no busy machine changes."""
    verdict: Verdict = "ok" if expected == measured else "FAILED"
    return Row(scenario=name, figure=figure, expected=expected, measured=measured, verdict=verdict)


def stamps(pairs: Sequence[Pair]) -> list[float]:
    """Return how late each chunk was stamped."""
    return [error for pair in pairs for error in pair.stamp_errors or ()]


def gaps(pairs: Sequence[Pair]) -> list[float]:
    """Return the errors of all gaps."""
    return [error for pair in pairs for error in pair.gap_errors]


def ttft_errors(pairs: Sequence[Pair]) -> list[float]:
    """Return the errors of all TTFTs, early ones below 0."""
    return [error for pair in pairs if (error := pair.ttft_error_ns) is not None]


def longest_gap(pair: Pair) -> float | None:
    """Return the longest time between two sends with text."""
    times = [piece[0] for piece in pair.truth.pieces]
    return max((later - earlier for earlier, later in pairwise(times)), default=None)
