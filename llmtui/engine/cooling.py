"""Waiting until the machine is as cool as it was, instead of for a fixed time that is too long or too short."""

import re
from collections import deque

from llmtui.suites.schema import Cooling
from llmtui.telemetry.sensors import Sensors

_TEMPERATURE = re.compile(r"(cpu|gpu\.\d+)\.temperature")
FLAT_OVER_NS = 10_000_000_000


class Cooler:
    """Knows how warm the machine was when it was first asked, and when it is so again."""

    def __init__(self, sensors: Sensors, cooling: Cooling) -> None:
        self._sensors = sensors
        self._cooling = cooling
        self._start: dict[str, float] = {}
        self._seen: dict[str, deque[tuple[int, float]]] = {}

    def note_start(self) -> None:
        """Take the present temperatures as those to come back to."""
        self._start = {key: value for key, (_, value) in self._temperatures().items()}

    def waiting_for(self) -> str | None:
        """Return what is still too warm or still changing, None when the machine is cool or says nothing of it."""
        for key, (t, value) in self._temperatures().items():
            seen = self._seen.setdefault(key, deque())
            if not seen or t > seen[-1][0]:
                seen.append((t, value))
            while len(seen) > 1 and t - seen[1][0] >= FLAT_OVER_NS:
                seen.popleft()
        for key, (t, value) in self._temperatures().items():
            target = self._start.get(key, value) + self._cooling.within_c
            name = key.removesuffix(".temperature").replace(".", " ").upper()
            if value > target:
                return f"{name} {value:.0f} °C, waiting for {target:.0f} °C"
            first_t, first = self._seen[key][0]
            if t - first_t < FLAT_OVER_NS * 9 // 10 or abs(value - first) > self._cooling.flat_c:
                return f"{name} {value:.0f} °C, waiting until it stays there"
        return None

    def _temperatures(self) -> dict[str, tuple[int, float]]:
        return {key: found for key, found in self._sensors.latest().items() if _TEMPERATURE.fullmatch(key)}
