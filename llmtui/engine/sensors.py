"""The latest readings of the sampler, for those in the engine that must act on them: guards and cooling."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple


class Sample(NamedTuple):
    """Readings of one moment, `t` ns since the session's origin; `lost` is why there are none any more."""

    t: int
    values: Mapping[str, float]
    missing: Mapping[str, str]
    lost: str | None = None


class Sensors:
    """Keeps what every figure read last, and wakes whoever waits for the next sample."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[int, float]] = {}
        self._missing: dict[str, str] = {}
        self._waiting: list[asyncio.Future[Sample]] = []
        self.lost: str | None = "the sampler has not delivered yet"

    def take(self, sample: Sample) -> None:
        """Take what the sampler has just read, or why it reads no more."""
        self.lost = sample.lost
        for key, value in sample.values.items():
            self._values[key] = sample.t, value
            self._missing.pop(key, None)
        for key, reason in sample.missing.items():
            self._missing[key] = reason
            self._values.pop(key, None)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(sample)

    async def next(self) -> Sample:
        """Return the next sample."""
        future: asyncio.Future[Sample] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    def latest(self) -> dict[str, tuple[int, float]]:
        """Return (when, value) for each figure that can be read."""
        return dict(self._values)

    def missing(self) -> dict[str, str]:
        """Return the reason for each figure that can't."""
        return dict(self._missing)
