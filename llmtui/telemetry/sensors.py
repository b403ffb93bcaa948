"""The latest readings of the sampler, for those in the engine that must act on them: guards and cooling."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import NamedTuple


class Sample(NamedTuple):
    """Readings of one moment, `t` ns since the session's origin; `lost` is why there are none any more."""

    t: int
    values: Mapping[str, float]
    missing: Mapping[str, str]
    lost: str | None = None


class Sensors:
    """Keeps what every figure read last, and hands every sample to those who follow."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[int, float]] = {}
        self._missing: dict[str, str] = {}
        self._followers: list[asyncio.Queue[Sample]] = []
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
        for follower in self._followers:
            follower.put_nowait(sample)

    async def follow(self) -> AsyncGenerator[Sample]:
        """Yield every sample from now on; close the generator to let go."""
        queue: asyncio.Queue[Sample] = asyncio.Queue()
        self._followers.append(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            self._followers.remove(queue)

    def latest(self) -> dict[str, tuple[int, float]]:
        """Return (when, value) for each figure that can be read."""
        return dict(self._values)

    def missing(self) -> dict[str, str]:
        """Return the reason for each figure that can't."""
        return dict(self._missing)
