"""What else slows a server, and is to be ruled out before heat is blamed: memory, quotas, neighbours, restarts."""

from collections.abc import Collection, Mapping

from llmtui.metrics.heat.evidence import MACHINE, Look
from llmtui.metrics.heat.reading_history import History, Rows
from llmtui.metrics.heat.thresholds import THRESHOLDS, level

LASTING_S = 10.0
"""Traffic has to last so long: a burst of page faults when a model is touched first is no fault."""

FAULTS = 100.0
"""Major page faults a second: with the kernel's read-ahead of 128 KiB some 13 MB/s of weights read again from disk."""

STOLEN = 10.0
"""Percent of the processor that a virtual machine's host gives to others."""

HELD_BACK = 0.01
"""Share of the time for which a quota held processes back; below that it is the quota's own grain."""

FALLEN = 0.8
"""GPU memory below this share of its most under this load: layers moved to the processor."""

STRANGER = float(512 << 20)
"""Bytes of GPU memory that belong to others, above the least they had: no desktop takes that much in passing."""

READINGS = 3
"""Memory figures of GPU and server come at different paces, so they have to agree this often."""


_TRAFFIC = (
    ("swap.in.rate", THRESHOLDS["swap.in.rate"].warn, "memory was read back from swap"),
    ("memory.faults.rate", FAULTS, "weights were read from the disk again (major page faults)"),
    ("cpu.steal", STOLEN, "the host gave the processor to other machines"),
)


class OtherCauses:
    """Looks through samples in their order; what a new load may change begins anew with `restart`."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._rows = Rows()
        self.restart()

    def restart(self) -> None:
        """Forget what was usual under the last load."""
        self._most: dict[str, float] = {}
        self._least_others: float | None = None
        self._had_server = False

    def look(self, look: Look, gpus: Collection[str], missing: Mapping[str, str]) -> None:
        """Note what this sample shows of the machine and its `gpus`; `missing` is what the sample itself names."""
        self._traffic(look)
        self._counters(look)
        if look.loaded:
            self._fallen_memory(look, gpus)
            self._strangers(look, gpus)
        if "server.processes" in look.steps:
            self._had_server = True
        elif self._had_server and look.loaded and "server.processes" in missing:
            self._had_server = False
            look.find(MACHINE, "other", "the server's processes ended under load", 0.0)

    def _traffic(self, look: Look) -> None:
        stalled = look.steps.get("pressure.memory.full")
        if stalled is not None and level("pressure.memory.full", stalled.value) in ("warn", "bad"):
            look.find(MACHINE, "other", "work stalled for lack of memory", stalled.seconds)
        for key, least, words in _TRAFFIC:
            step = look.steps.get(key)
            if step is not None:
                _, lasted = self._rows.count(key, holds=step.value >= least, seconds=step.seconds)
                if lasted >= LASTING_S:
                    look.find(MACHINE, "other", words, step.seconds)

    def _counters(self, look: Look) -> None:
        held = look.steps.get("cgroup.cpu.throttled")
        # The time of all cores is added up in it, so it may well outrun the clock.
        if held is not None and held.grown is not None and held.grown > HELD_BACK * held.elapsed:
            look.find(MACHINE, "other", "the container's CPU quota held processes back", held.seconds)
        kills = look.steps.get("memory.kills")
        if kills is not None and kills.grown:
            look.find(MACHINE, "other", "the kernel killed a process for lack of memory", kills.seconds)

    def _fallen_memory(self, look: Look, gpus: Collection[str]) -> None:
        for gpu in gpus:
            step = look.steps.get(f"{gpu}.memory.used")
            if step is None or self._is_shared(gpu):
                continue
            most = self._most[gpu] = max(self._most.get(gpu, 0.0), step.value)
            fell = step.value < FALLEN * most and most - step.value > STRANGER
            if self._rows.count(gpu, holds=fell)[0] >= READINGS:
                look.find(gpu, "other", "GPU memory was given up: layers may run on the processor", step.seconds)

    def _strangers(self, look: Look, gpus: Collection[str]) -> None:
        """GPU memory that is not the server's."""
        mine = look.steps.get("server.memory.gpu")
        if mine is None:
            return
        used = [used for gpu in gpus if (used := self._history.last(f"{gpu}.memory.used")) is not None]
        if not used or any(map(self._is_shared, gpus)):
            return
        others = max(0.0, sum(used) - mine.value)
        self._least_others = others if self._least_others is None else min(self._least_others, others)
        grown = others > self._least_others + STRANGER
        if self._rows.count("strangers", holds=grown)[0] >= READINGS:
            look.find(MACHINE, "other", "another process took GPU memory", mine.seconds)

    def _is_shared(self, gpu: str) -> bool:
        """Whether GPU and machine share their memory: then nobody can tell whose it is."""
        total = self._history.last(f"{gpu}.memory.total")
        return total is not None and total == self._history.last("ram.total")
