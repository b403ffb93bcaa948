"""A time series of bounded size: the newest points as they came, older ones ever coarser, none forgotten."""

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator

CAPACITY = 4096


class Series:
    """Points (t in ns, value), appended in the order of time; a NaN value is a gap.

    When the capacity is reached, the older half is halved by taking pairs together (their mean at the later time; a gap
    swallows nothing: a pair of one value and one gap keeps the value), so that a long session stays visible as a whole.
    The outcome depends on the points alone and not on when they were looked at.
    """

    __slots__ = ("_capacity", "_times", "_values")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = max(8, capacity)
        self._times = array("q")
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return iter(zip(self._times, self._values, strict=True))

    def append(self, t: int, value: float) -> None:
        """Add a point. One that is older than the last is taken at the last one's time, so that order holds."""
        times = self._times
        if times and t < times[-1]:
            t = times[-1]
        times.append(t)
        self._values.append(value)
        if len(times) > self._capacity:
            self._halve_older_half()

    def extend(self, times: "array[int]", values: "array[float]") -> None:
        """Add points that follow each other, as one by one; their own times never go back."""
        if self._times and times and times[0] < self._times[-1]:
            times = array("q", [max(t, self._times[-1]) for t in times])
        done = 0
        while done < len(times):
            stop = done + self._capacity + 1 - len(self._times)
            self._times += times[done:stop]
            self._values += values[done:stop]
            done = stop
            if len(self._times) > self._capacity:
                self._halve_older_half()

    def last(self) -> float | None:
        """Return the newest value, or None when there is none or it is a gap."""
        if not self._values or math.isnan(self._values[-1]):
            return None
        return self._values[-1]

    def between(self, start: int, end: int) -> list[tuple[int, float]]:
        """Return the points with start <= t < end."""
        first = bisect_left(self._times, start)
        stop = bisect_left(self._times, end)
        return list(zip(self._times[first:stop], self._values[first:stop], strict=True))

    def buckets(self, start: int, end: int, count: int) -> list[float]:
        """Return `count` means over equal spans of [start, end); NaN where a span holds no value.

        The spans depend on `start` and `end` only: a caller that moves them by whole spans sees points that stay put.
        """
        sums = [0.0] * count
        seen = [0] * count
        span = (end - start) / count if count else 0
        if span <= 0:
            return [math.nan] * count
        for t, value in self.between(start, end):
            if not math.isnan(value):
                place = min(count - 1, int((t - start) / span))
                sums[place] += value
                seen[place] += 1
        return [total / number if number else math.nan for total, number in zip(sums, seen, strict=True)]

    def peak(self, start: int, end: int) -> float | None:
        """Return the largest value with start <= t < end, or None when there is none."""
        values = [value for _, value in self.between(start, end) if not math.isnan(value)]
        return max(values, default=None)

    def _halve_older_half(self) -> None:
        half = len(self._times) // 2 // 2 * 2
        pairs = zip(self._values[0:half:2], self._values[1:half:2], strict=True)
        # Only a gap, or two infinities, makes a mean that is not equal to itself.
        means = [mean if (mean := (a + b) / 2) == mean else _merge(a, b) for a, b in pairs]
        self._times = self._times[1:half:2] + self._times[half:]
        self._values = array("d", means) + self._values[half:]


def _merge(first: float, second: float) -> float:
    if math.isnan(first):
        return second
    if math.isnan(second):
        return first
    return (first + second) / 2
