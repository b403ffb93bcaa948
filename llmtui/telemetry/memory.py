"""Main memory: how much is left, how fast pages are swapped, and how much work stalls for the lack of it."""

import os

from llmtui.telemetry.base import FIRST_READING, Growth, KeptFile, Missing, Readings, inside, reason_of, under

_SWAPPED = {b"pswpin": "swap.in.rate", b"pswpout": "swap.out.rate"}
_STALLS = {
    "/proc/pressure/memory": (b"full", "pressure.memory.full"),
    "/proc/pressure/cpu": (b"some", "pressure.cpu.some"),
    "/proc/pressure/io": (b"some", "pressure.io.some"),
}


class MemoryUse:
    """RAM and swap in bytes, from /proc/meminfo. Used is what is not available: caches can be had back."""

    def __init__(self, root: str = "/") -> None:
        self._root = root
        self._file = KeptFile(under(root, "/proc/meminfo"))

    def sample(self, now_ns: int) -> Readings:
        """Read the figures now."""
        del now_ns
        try:
            data = self._file.read(8192)
        except OSError as error:
            return {"ram.used": Missing(reason_of(error, inside(self._root, self._file.path)))}
        sizes = meminfo(data)
        total, available = sizes.get(b"MemTotal"), sizes.get(b"MemAvailable")
        if total is None or available is None:
            return {"ram.used": Missing("/proc/meminfo does not tell what is available")}
        readings: Readings = {"ram.total": total, "ram.available": available, "ram.used": total - available}
        swap, free = sizes.get(b"SwapTotal"), sizes.get(b"SwapFree")
        if swap is not None and free is not None:
            readings["swap.used"] = swap - free
        return readings


def meminfo(data: bytes) -> dict[bytes, int]:
    """Return the sizes of /proc/meminfo in bytes."""
    sizes = {}
    for line in data.split(b"\n"):
        name, _, rest = line.partition(b":")
        fields = rest.split()
        if fields and fields[0].isdigit():
            sizes[name] = int(fields[0]) * (1024 if len(fields) > 1 else 1)
    return sizes


class Swapping:
    """Swap traffic in bytes per second, major page faults per second and the count of out-of-memory kills.

    Swap in use is no fault by itself: cold pages stay out. Traffic is. Weights that are mapped and do not fit show as
    major faults with no swap at all.
    """

    def __init__(self, root: str = "/", page_size: int = os.sysconf("SC_PAGE_SIZE")) -> None:
        self._root = root
        self._page_size = page_size
        self._file = KeptFile(under(root, "/proc/vmstat"))
        self._growths = {name: Growth() for name in (*_SWAPPED, b"pgmajfault")}

    def sample(self, now_ns: int) -> Readings:
        """Read the counters and compare them with the last ones."""
        try:
            data = b"\n" + self._file.read(32768)
        except OSError as error:
            missing = Missing(reason_of(error, inside(self._root, self._file.path)))
            return dict.fromkeys(_SWAPPED.values(), missing)
        readings: Readings = {}
        for name, key in _SWAPPED.items():
            rate = self._rate(data, name, now_ns)
            readings[key] = rate if isinstance(rate, Missing) else round(rate * self._page_size)
        faults = self._rate(data, b"pgmajfault", now_ns)
        readings["memory.faults.rate"] = faults if isinstance(faults, Missing) else round(faults, 1)
        kills = _counter(data, b"oom_kill")
        if kills is not None:
            readings["memory.kills"] = kills
        return readings

    def _rate(self, data: bytes, name: bytes, now_ns: int) -> "float | Missing":
        count = _counter(data, name)
        if count is None:
            return Missing("this kernel does not count it")
        rate = self._growths[name].per_second(count, now_ns)
        return FIRST_READING if rate is None else rate


def _counter(data: bytes, name: bytes) -> int | None:
    """Find one counter without taking the two hundred lines of /proc/vmstat apart."""
    start = data.find(b"\n" + name + b" ")
    if start < 0:
        return None
    digits = data[start + len(name) + 2 : start + len(name) + 24].split(b"\n", 1)[0]
    return int(digits) if digits.isdigit() else None


class Pressure:
    """Shares of the last ten seconds in which work stalled for memory, processor or I/O (PSI), in percent."""

    def __init__(self, root: str = "/") -> None:
        self._root = root
        self._files = {path: KeptFile(under(root, path)) for path in _STALLS}

    def sample(self, now_ns: int) -> Readings:
        """Read the kernel's ten-second averages now."""
        del now_ns
        return {key: self._average(path, kind) for path, (kind, key) in _STALLS.items()}

    def _average(self, path: str, kind: bytes) -> "float | Missing":
        try:
            data = self._files[path].read(512)
        except FileNotFoundError:
            return Missing("this kernel does not measure stalls (PSI); boot with psi=1 if it can")
        except OSError as error:
            return Missing(reason_of(error, path))
        for line in data.split(b"\n"):
            fields = line.split()
            if len(fields) > 1 and fields[0] == kind and fields[1].startswith(b"avg10="):
                try:
                    return float(fields[1][6:])
                except ValueError:
                    break
        return Missing(f"{path} has no {kind.decode()} line")
