"""Two sides and one figure: how much the second differs from the first, and whether the data can tell."""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist, fmean
from typing import Literal, NamedTuple

from llmtui.metrics.inference.bootstrap import bootstrap_ratio_interval
from llmtui.metrics.inference.distributions import student_quantile
from llmtui.metrics.inference.intervals import LEVEL, MARGIN, Interval
from llmtui.metrics.inference.outliers import Outlier, outliers
from llmtui.metrics.inference.ranks import mann_whitney
from llmtui.metrics.statistics import Missing, Summary, finite, mean_and_sd, median, summarize

LEAST_TO_TELL = 4
"""Values that each side needs for a verdict at 95 %: even if all of 3 beat all of 3, chance does that in 1 of 10."""

BOOTSTRAP_FROM = 10
"""Values of each side from which on medians are compared, by the bootstrap; below, geometric means by Student's t."""

POWER = 0.8
"""How likely the estimated number of runs is to bring a verdict, if the difference is what it seems now."""

MOST_MORE = 100
"""An estimate beyond so many more runs is not given: it would be coarse, and nobody would run them."""

Better = Literal["lower", "higher"]
Verdict = Literal["faster", "slower", "same", "can't tell"]
Unit = Literal["run", "request"]
Runs = Sequence[Sequence[float | None]]
"""The values of one side: for each run those of its requests, or the run's single one."""


class Ratio(NamedTuple):
    """The second side over the first, with its interval, and of what it is the ratio."""

    value: float
    interval: Interval
    of: Literal["medians", "geometric means"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure on two sides. `first` and `second` summarize the values that were compared, one for each `unit`.

    `ratio` (second over first) and `p` (Mann-Whitney, two-sided) are None for the `reason`. `more` is how many more
    runs of each side may bring a verdict, when there is none: None for more than `MOST_MORE`, and where no number would
    help. `left_out` counts the values that were missing or no numbers.
    """

    unit: Unit
    first: Summary
    second: Summary
    first_outliers: tuple[Outlier, ...]
    second_outliers: tuple[Outlier, ...]
    left_out: int
    ratio: Ratio | None
    p: float | None
    verdict: Verdict
    more: int | None
    reason: str | None


def compare(first: Runs, second: Runs, *, better: Better, margin: float = MARGIN, level: float = LEVEL) -> Comparison:
    """Compare the second side with the first. Never raises, whatever the values are.

    With `LEAST_TO_TELL` runs on each side a run counts as one value, the median of its requests; requests of one run
    are alike, and so are the prompts of both sides. With fewer runs each request counts, as if it was a run.

    The verdict is "same" when the interval of the ratio lies within 1 / (1 + `margin`) and 1 + `margin`; else "faster"
    or "slower" when the interval excludes 1 and p is at most 1 - `level`; else "can't tell". So both tests have to err
    for a false "faster".
    """
    unit, a, b = _values(first, second)
    ratio = ratio_of(a, b, level=level)
    test = mann_whitney(a, b)
    p = None if isinstance(test, Missing) else test.p
    verdict = _verdict(a, b, ratio if isinstance(ratio, Ratio) else None, p, better, margin, 1 - level)
    more = None
    if verdict == "can't tell" and a and b:
        per_run = min(len(a) / _count_runs(first), len(b) / _count_runs(second))
        values = _more_values(len(a), len(b), ratio, margin, level, most=math.floor(MOST_MORE * per_run))
        more = None if values is None else math.ceil(values / per_run)
    return Comparison(
        unit=unit,
        first=summarize(a),
        second=summarize(b),
        first_outliers=outliers(a),
        second_outliers=outliers(b),
        left_out=sum(len(run) - len(finite(run)) for run in (*first, *second)),
        ratio=ratio if isinstance(ratio, Ratio) else None,
        p=p,
        verdict=verdict,
        more=more,
        reason=ratio.reason if isinstance(ratio, Missing) else None,
    )


@cache
def least_to_tell(level: float = LEVEL) -> int:
    """Return how many values each side needs for a verdict: `LEAST_TO_TELL` at 95 %, more at a higher level.

    With fewer, chance deals all large values to one side (2 of the C(2n, n) ways) more often than 1 - `level`.
    """
    values = 2
    while 2 / math.comb(2 * values, values) > 1 - level:
        values += 1
    return values


def family_level(comparisons: int, level: float = LEVEL) -> float:
    """Return the level of each of several intervals, so that all of them together hold with `level`.

    That is Bonferroni's correction. It holds however the comparisons depend on each other, as those do that share a
    side.
    """
    return 1 - (1 - level) / max(1, comparisons)


def ratio_of(first: Sequence[float], second: Sequence[float], *, level: float = LEVEL) -> Ratio | Missing:
    """Return how many times as large the second sample is, with the interval of that.

    With `BOOTSTRAP_FROM` values on each side: the ratio of the medians, by the seeded bootstrap, which spikes do not
    move. With fewer the bootstrap's interval is too narrow, so: the ratio of the geometric means, by Welch's t interval
    of the difference of the logarithms (degrees of freedom after Satterthwaite), right where ratios scatter evenly.
    """
    if not first or not second:
        return Missing("a side has no value")
    if min(*first, *second) <= 0:
        return Missing("a value is zero or below, so there is no ratio")
    if min(len(first), len(second)) >= BOOTSTRAP_FROM:
        return _ratio_of_medians(first, second, level)
    return _ratio_of_geometric_means(first, second, level)


def _ratio_of_medians(first: Sequence[float], second: Sequence[float], level: float) -> Ratio | Missing:
    below, above = median(first), median(second)
    interval = bootstrap_ratio_interval(
        [(value,) for value in first], [(value,) for value in second], median, level=level
    )
    if isinstance(interval, Missing) or not below or above is None:
        return interval if isinstance(interval, Missing) else Missing("the median is too small to divide by")
    value = above / below
    return Ratio(value, interval, "medians") if 0 < value < math.inf and interval.low > 0 else _beyond()


def _ratio_of_geometric_means(first: Sequence[float], second: Sequence[float], level: float) -> Ratio | Missing:
    before, after = [math.log(value) for value in first], [math.log(value) for value in second]
    difference = fmean(after) - fmean(before)
    (_, sd_before), (_, sd_after) = mean_and_sd(before), mean_and_sd(after)
    if sd_before is None or sd_after is None:
        return Missing("one value does not show how much values vary")
    parts = [(sd_before**2 / len(before), len(before) - 1), (sd_after**2 / len(after), len(after) - 1)]
    variance = sum(part for part, _degrees in parts)
    weight = sum((part / variance) ** 2 / degrees for part, degrees in parts) if variance > 0 else 0.0
    half = student_quantile((1 + level) / 2, 1 / weight) * math.sqrt(variance) if weight > 0 else 0.0
    try:
        ends = math.exp(difference), math.exp(difference - half), math.exp(difference + half)
    except OverflowError:
        return _beyond()
    if ends[1] == 0:
        return _beyond()
    return Ratio(ends[0], Interval(ends[1], ends[2], level), "geometric means")


def _beyond() -> Missing:
    return Missing("the values vary too much to compute with")


def _values(first: Runs, second: Runs) -> tuple[Unit, list[float], list[float]]:
    if min(_count_runs(first), _count_runs(second)) >= LEAST_TO_TELL:
        return "run", _medians(first), _medians(second)
    single = all(len(run) <= 1 for run in (*first, *second))
    return "run" if single else "request", _all(first), _all(second)


def _medians(runs: Runs) -> list[float]:
    return finite(median(finite(run)) for run in runs)


def _all(runs: Runs) -> list[float]:
    return [value for run in runs for value in finite(run)]


def _count_runs(runs: Runs) -> int:
    return sum(1 for run in runs if finite(run))


def _verdict(  # noqa: PLR0917 - what a verdict rests on
    a: Sequence[float],
    b: Sequence[float],
    ratio: Ratio | None,
    p: float | None,
    better: Better,
    margin: float,
    chance: float,
) -> Verdict:
    if p is None or min(len(a), len(b)) < least_to_tell(1 - chance):
        return "can't tell"
    if ratio is None:
        return "same" if len({*a, *b}) == 1 else "can't tell"
    low, high, _level = ratio.interval
    if 1 / (1 + margin) <= low and high <= 1 + margin:
        return "same"
    if low <= 1 <= high or p > chance:
        return "can't tell"
    return "faster" if (low > 1) is (better == "higher") else "slower"


def _more_values(n: int, m: int, ratio: Ratio | Missing, margin: float, level: float, *, most: int) -> int | None:
    """Return how many more values of each side may bring a verdict, None beyond `most` or when none would.

    From the width of the interval comes the variance of a value's logarithm, taken as equal on both sides. The number
    is the least for which the ratio as it is now leaves 1, or stays within the margin, with probability `POWER`.
    """
    least = max(least_to_tell(level) - min(n, m), 0)
    if isinstance(ratio, Missing):
        return least or None
    low, high, _level = ratio.interval
    half = (math.log(high) - math.log(low)) / 2
    variance = (half / student_quantile((1 + level) / 2, n + m - 2)) ** 2 / (1 / n + 1 / m)
    difference = abs(math.log(ratio.value))
    room = max(difference, math.log1p(margin) - difference)
    if room <= 0:
        return None
    enough = NormalDist().inv_cdf(POWER)

    def suffices(more: int) -> bool:
        error = math.sqrt(variance * (1 / (n + more) + 1 / (m + more)))
        return (student_quantile((1 + level) / 2, n + m + 2 * more - 2) + enough) * error <= room

    more = bisect_left(range(most + 1), True, lo=max(least, 1), key=suffices)
    return more if more <= most else None
