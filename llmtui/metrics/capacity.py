"""The search for the highest load that still keeps an SLO: which level to try next, from what was tried."""

from collections.abc import Sequence
from typing import NamedTuple

FINENESS = 0.05
"""A rate is found to within this share of itself; a concurrency is a whole number."""


class Trial(NamedTuple):
    """A level that was tried, and whether it kept the SLO."""

    level: float
    kept: bool


def next_level(trials: Sequence[Trial], lowest: float, highest: float, *, whole: bool) -> float | None:
    """Return the next level to try, None when the search is over.

    Doubles from `lowest` until a level fails or `highest` is kept, then halves the interval between the highest that
    was kept and the lowest that failed; `whole` is for levels that are whole numbers. A failure of `lowest` ends the
    search. Below a level that keeps the SLO every other is taken to keep it too.
    """
    if not trials:
        return lowest
    kept = max((trial.level for trial in trials if trial.kept), default=None)
    failed = min((trial.level for trial in trials if not trial.kept), default=None)
    if kept is None:
        return None
    if failed is None:
        return None if kept >= highest else min(highest, kept * 2)
    if failed <= kept:
        return None
    if whole:
        middle = float((round(kept) + round(failed)) // 2)
        return middle if middle > kept else None
    return (kept + failed) / 2 if failed - kept > FINENESS * failed else None


def highest_kept(trials: Sequence[Trial]) -> float | None:
    """Return the highest level that kept the SLO and has none that failed below it."""
    failed = min((trial.level for trial in trials if not trial.kept), default=float("inf"))
    return max((trial.level for trial in trials if trial.kept and trial.level < failed), default=None)
