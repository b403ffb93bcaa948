"""Reads the Prometheus text format that servers offer under /metrics, as far as gauges and counters need it."""

import re
from collections.abc import Iterator

_SAMPLE = re.compile(r"^([A-Za-z_:][A-Za-z0-9_:]*)(?:\{.*\})?\s+(\S+)")
_PARTS_OF_A_HISTOGRAM = ("_bucket", "_created")


class Metrics:
    """The samples of one scrape, by metric name. A name has one sample a label set (vLLM: one an engine)."""

    def __init__(self, samples: dict[str, list[float]]) -> None:
        self._samples = samples

    def __iter__(self) -> Iterator[str]:
        return iter(self._samples)

    def __contains__(self, name: str) -> bool:
        return name in self._samples

    def total(self, *names: str) -> float | None:
        """Sum all label sets of the first of `names` that is there; None when none is."""
        values = self._first(names)
        return sum(values) if values else None

    def mean(self, *names: str) -> float | None:
        """Average over all label sets, for shares of something such as the KV cache's use."""
        values = self._first(names)
        return sum(values) / len(values) if values else None

    def _first(self, names: tuple[str, ...]) -> list[float] | None:
        return next((self._samples[name] for name in names if name in self._samples), None)


def read_metrics(text: str) -> Metrics:
    """Parse a scrape; buckets, creation times and samples that are no finite numbers are left out."""
    samples: dict[str, list[float]] = {}
    for line in text.splitlines():
        match = _SAMPLE.match(line)
        if match is None or match[1].endswith(_PARTS_OF_A_HISTOGRAM):
            continue
        try:
            value = float(match[2])
        except ValueError:
            continue
        if value - value == 0:  # neither NaN nor infinite
            samples.setdefault(match[1], []).append(value)
    return Metrics(samples)
