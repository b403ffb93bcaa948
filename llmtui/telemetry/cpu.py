"""The processor: load in total and per core, clock, governor, and the counters of its own throttling."""

from llmtui.telemetry.base import (
    FIRST_READING,
    KeptFile,
    Missing,
    Readings,
    inside,
    listed,
    read_number,
    read_text,
    reason_of,
    under,
)

_CORES = "/sys/devices/system/cpu"
_BUSY_PERCENT = 50.0
_IDLE_AND_IOWAIT = 6
"""The name and so many counters must be there for a line to tell what was idle."""
_CLOCK_CORES = 16
"""At most so many cores are asked for their clock: on many-core machines each answer costs the core an interrupt."""


class CpuLoad:
    """`cpu.percent`, `cpu.steal` and, not more often than `core_period_ns`, `cpu.core.N.percent` from /proc/stat.

    Time spent waiting for I/O counts as idle. `busy` holds the cores that were at work in the last reading.
    """

    def __init__(self, root: str = "/", core_period_ns: int = 1_000_000_000) -> None:
        self._root = root
        self._file = KeptFile(under(root, "/proc/stat"))
        self._core_period_ns = core_period_ns
        self._cores_due_ns = 0
        self._last: dict[str, list[int]] = {}
        self._last_core: dict[str, list[int]] = {}
        self.busy: frozenset[int] = frozenset()

    def sample(self, now_ns: int) -> Readings:
        """Read the time counters and compare them with the last ones."""
        with_cores = now_ns >= self._cores_due_ns
        try:
            data = self._file.read(262_144 if with_cores else 256)
        except OSError as error:
            return {"cpu.percent": Missing(reason_of(error, inside(self._root, self._file.path)))}
        lines = data.split(b"\n")
        readings = self._total(lines[0])
        if with_cores:
            if self._last_core:
                self._cores_due_ns = now_ns + self._core_period_ns * 9 // 10
            readings.update(self._per_core(lines[1:]))
        return readings

    def _total(self, line: bytes) -> Readings:
        ticks = _ticks(line)
        if ticks is None:
            return {"cpu.percent": Missing("/proc/stat has no line of the processor's time")}
        before = self._last.get("cpu")
        self._last["cpu"] = ticks
        if before is None:
            return {"cpu.percent": FIRST_READING}
        shares = _shares(before, ticks)
        if shares is None:
            return {}  # two readings within one tick of the kernel's clock: nothing new to say
        return {"cpu.percent": round(shares[0], 1), "cpu.steal": round(shares[1], 1)}

    def _per_core(self, lines: list[bytes]) -> Readings:
        readings: Readings = {}
        cores: dict[str, list[int]] = {}
        busy = set()
        for line in lines:
            if not line.startswith(b"cpu"):
                break
            ticks = _ticks(line)
            name = line[3:].split(None, 1)[0].decode("ascii", "replace")
            if ticks is None or not name.isdigit():
                continue
            cores[name] = ticks
            before = self._last_core.get(name)
            shares = _shares(before, ticks) if before is not None else None
            if shares is not None:
                readings[f"cpu.core.{name}.percent"] = round(shares[0], 1)
                if shares[0] >= _BUSY_PERCENT:
                    busy.add(int(name))
        for gone in self._last_core.keys() - cores.keys():
            readings[f"cpu.core.{gone}.percent"] = Missing("this core is switched off")
        self._last_core = cores
        self.busy = frozenset(busy)
        return readings


def _ticks(line: bytes) -> list[int] | None:
    """The first eight counters of a line of /proc/stat; guest time, the last two, is contained in user time."""
    fields = line.split()
    if len(fields) < _IDLE_AND_IOWAIT or not fields[0].startswith(b"cpu"):
        return None
    try:
        ticks = [int(field) for field in fields[1:9]]
    except ValueError:
        return None
    return ticks + [0] * (8 - len(ticks))


def _shares(before: list[int], after: list[int]) -> tuple[float, float] | None:
    """Return (busy, stolen by the host) in percent; None when no time passed or the counters began anew."""
    grown = [b - a for a, b in zip(before, after, strict=True)]
    # The kernel corrects idle and iowait now and then by a tick downwards; that is no negative load.
    grown = [max(0, g) for g in grown] if sum(grown) > 0 else grown
    total = sum(grown)
    if total <= 0:
        return None
    idle = grown[3] + grown[4]
    return 100.0 * (total - idle) / total, 100.0 * grown[7] / total


class CpuClock:
    """`cpu.frequency` in MHz: the median over the busy cores, or over all when none is busy.

    The source is the best that the kernel has: cpuinfo_avg_freq (measured), /proc/cpuinfo on x86 (measured), else
    scaling_cur_freq (the clock last asked for).
    """

    def __init__(self, load: CpuLoad, root: str = "/", *, virtual: bool | None = None) -> None:
        self._load = load
        self._root = root
        self._cores = [
            int(name[3:]) for name in listed(under(root, _CORES)) if name[3:].isdigit() and name[:3] == "cpu"
        ]
        self._governed = read_text(self._path(self._cores[0], "scaling_governor")) if self._cores else None
        self._virtual = virtual
        self._cpuinfo = KeptFile(under(root, "/proc/cpuinfo"))
        limits = [f for core in self._cores[:_CLOCK_CORES] if (f := read_number(self._path(core, "cpuinfo_max_freq")))]
        self._limit = max(limits, default=None)

    def _path(self, core: int, name: str) -> str:
        return under(self._root, f"{_CORES}/cpu{core}/cpufreq/{name}")

    def sample(self, now_ns: int) -> Readings:
        """Read the clock now."""
        del now_ns
        if self._governed is None and self._virtual:
            return {"cpu.frequency": Missing("virtual machine: the host does not show the processor's clock")}
        wanted = [c for c in self._cores if c in self._load.busy] or self._cores
        readings: Readings = {}
        if self._limit is not None:
            readings["cpu.frequency.limit"] = self._limit / 1000
        clocks = self._from_files(wanted, "cpuinfo_avg_freq") or self._from_cpuinfo(frozenset(wanted))
        clocks = clocks or self._from_files(wanted, "scaling_cur_freq")
        if clocks:
            readings["cpu.frequency"] = round(middle(clocks))
        else:
            readings["cpu.frequency"] = Missing("the kernel has no driver that tells the processor's clock")
        return readings

    def _from_files(self, cores: list[int], name: str) -> list[float]:
        found = []
        for core in cores[:_CLOCK_CORES]:
            value = read_number(self._path(core, name))
            if value is None:
                break
            found.append(value / 1000)
        return [f for f in found if f > 0]

    def _from_cpuinfo(self, wanted: frozenset[int]) -> list[float]:
        try:
            data = self._cpuinfo.read_whole()
        except OSError:
            return []
        found = []
        core = -1
        for line in data.split(b"\n"):
            if line.startswith(b"processor"):
                core += 1
            elif line.startswith(b"cpu MHz") and (core in wanted or not wanted):
                try:
                    found.append(float(line.partition(b":")[2]))
                except ValueError:
                    continue
        return [f for f in found if f > 0]


def read_governor(root: str = "/") -> str | None:
    """Return how the clock is governed, such as "powersave (intel_pstate)"; None where nothing governs it."""
    folder = under(root, f"{_CORES}/cpu0/cpufreq")
    governor = read_text(f"{folder}/scaling_governor")
    driver = read_text(f"{folder}/scaling_driver")
    return f"{governor} ({driver})" if governor and driver else governor


class CpuThrottle:
    """`cpu.throttle.time` and `cpu.throttle.events`: how long and how often the processor slowed itself, since boot.

    Only Intel's driver counts. The package counters are repeated at each core, so each package counts once; of package
    and core counters the larger one is taken.
    """

    def __init__(self, root: str = "/", *, virtual: bool | None = None) -> None:
        self._packages: dict[int, list[str]] = {}
        for name in listed(under(root, _CORES)):
            folder = under(root, f"{_CORES}/{name}")
            if name[:3] == "cpu" and name[3:].isdigit() and listed(f"{folder}/thermal_throttle"):
                package = read_number(f"{folder}/topology/physical_package_id") or 0
                self._packages.setdefault(package, []).append(f"{folder}/thermal_throttle")
        self._missing = Missing(
            "virtual machine: the host does not show throttling"
            if virtual
            else "this processor's driver does not count throttling (only Intel's does)"
        )

    def sample(self, now_ns: int) -> Readings:
        """Read the counters now."""
        del now_ns
        if not self._packages:
            return {"cpu.throttle.time": self._missing}
        readings: Readings = {}
        milliseconds = self._sum("total_time_ms")
        events = self._sum("count")
        why = "this kernel counts only events of throttling" if events is not None else "the counters can't be read"
        readings["cpu.throttle.time"] = milliseconds / 1000 if milliseconds is not None else Missing(why)
        if events is not None:
            readings["cpu.throttle.events"] = float(events)
        return readings

    def _sum(self, what: str) -> int | None:
        """Add up the packages' figures; each is the largest of its package counter and its cores' counters."""
        total = None
        for folders in self._packages.values():
            figures = [read_number(f"{folders[0]}/package_throttle_{what}")]
            figures += [read_number(f"{folder}/core_throttle_{what}") for folder in folders[:_CLOCK_CORES]]
            known = [figure for figure in figures if figure is not None]
            if known:
                total = (total or 0) + max(known)
        return total


def middle(values: list[float]) -> float:
    """Return the median; the module of that name would cost the sampler two megabytes."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
