"""The samples that fell into a job, for what is judged at its end."""

from collections import deque
from contextlib import aclosing

from llmtui.metrics.heat.evidence import Sample
from llmtui.telemetry.sensors import Sensors

MOST = 4096
"""Samples kept of a job; of a longer one the latest."""


class JobSamples:
    """Follows the sensors while a job runs."""

    def __init__(self, sensors: Sensors) -> None:
        self._sensors = sensors
        self._samples: deque[Sample] = deque(maxlen=MOST)

    async def run(self) -> None:
        """Keep every sample until cancelled, beginning with what stood before."""
        latest = self._sensors.latest()
        if latest:
            t = max(moment for moment, _ in latest.values())
            values = {key: value for key, (_, value) in latest.items()}
            self._samples.append(Sample(t, values, self._sensors.missing()))
        async with aclosing(self._sensors.follow()) as samples:
            async for sample in samples:
                self._samples.append(Sample(sample.t, sample.values, sample.missing))

    def taken(self) -> list[Sample]:
        """Return the samples so far, oldest first."""
        return list(self._samples)
