"""Which files the sampler reads on this machine, and what they hold at two looks."""

import errno
import os
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from llmtui.telemetry.base import Clock, KeptFile, inside, under, witnessed
from llmtui.telemetry.gpu_nvidia import devices_on_bus
from llmtui.telemetry.lanes import InlineLane
from llmtui.telemetry.sample_lines import SamplerCommand, Watch
from llmtui.telemetry.sampling import Sampler
from llmtui.telemetry.sources import Source, find_sources

_BETWEEN_S = 1.0
_LARGEST = 4 << 20
_LEFT_OUT = ("/proc/self/statm", "/proc/net/")
"""The sampler's own size, and the table of sockets, which tells with whom this machine speaks."""


class Recording(NamedTuple):
    """What was read, by paths as the machine names them, before redaction.

    `first` and `second` are the contents at two looks; `refused` the errors of files that are there but can't be read;
    `folders` the names that were listed, `links` where links lead. `times_ns` are the clock at the looks.
    """

    first: dict[str, bytes]
    second: dict[str, bytes]
    refused: dict[str, str]
    folders: dict[str, list[str]]
    links: dict[str, str]
    values: dict[str, float]
    missing: dict[str, str]
    pids: tuple[int, ...]
    times_ns: tuple[int, int]


class _Paths:
    """Takes note of all paths below `root`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.links: set[str] = set()

    def read(self, path: str) -> None:
        self._note(self.files, path)

    def listed(self, folder: str) -> None:
        self._note(self.folders, folder)

    def followed(self, path: str) -> None:
        self._note(self.links, path)

    def _note(self, paths: set[str], path: str) -> None:
        if path.startswith(self._root) and not inside(self._root, path).startswith(_LEFT_OUT):
            paths.add(inside(self._root, path))


def two_looks(
    root: str,
    *,
    watch: Watch | None = None,
    clock: Clock = time.monotonic_ns,
    pause: Callable[[], None] = lambda: time.sleep(_BETWEEN_S),
) -> tuple[dict[str, float], dict[str, str], tuple[int, ...]]:
    """Let the sampler look twice, with `pause` between; return (values, reasons, the watched server's processes).

    `clock` is asked once for each look. NVML is no file, so it is not asked, nor are the sampler's own figures told.
    """
    sources = find_sources(root, load_nvml=_no_nvml if devices_on_bus(root) else None)
    now = clock()

    def make_lane(source: Source) -> InlineLane:
        return InlineLane(source.probe, source.period_ns, clock=lambda: now, keys=source.keys)

    sampler = Sampler(sources, clock=lambda: now, make_lane=make_lane)
    if watch is not None:
        sampler.obey(SamplerCommand(watch=watch))
    sampler.prime()
    pause()
    now = clock()
    sample = sampler.take()[0]
    sampler.hardware_line()
    absent = ("sampler.", *(sources.nvidia.keys if sources.nvidia is not None else ()))
    values = {key: value for key, value in sample.values.items() if not key.startswith(absent)}
    missing = {key: reason for key, reason in sample.missing.items() if not key.startswith(absent)}
    return values, missing, sources.server.pids


def _no_nvml() -> Any:
    raise ImportError


def record(
    root: str = "/",
    *,
    watch: Watch | None = None,
    clock: Clock = time.monotonic_ns,
    pause: Callable[[], None] = lambda: time.sleep(_BETWEEN_S),
) -> Recording:
    """Keep what the sampler reads in two looks at this machine, with `pause` between. Nothing else is touched."""
    paths = _Paths(root)
    first: dict[str, bytes] = {}
    times_ns: list[int] = []

    def tell() -> int:
        times_ns.append(clock())
        return times_ns[-1]

    def between() -> None:
        first.update(_contents(root, paths.files)[0])
        pause()

    with witnessed(paths):
        values, missing, pids = two_looks(root, watch=watch, clock=tell, pause=between)
    second, refused = _contents(root, paths.files)
    folders = {path: names for path in sorted(paths.folders) if (names := _names(root, path)) is not None}
    links = {path: end for path in sorted(paths.links) if (end := _end(root, path)) is not None}
    return Recording(
        first=_without_strangers({**second, **first}, pids),
        second=_without_strangers(second, pids),
        refused=_without_strangers(refused, pids),
        folders=_without_strangers(folders, pids),
        links=_without_strangers(links, pids),
        values=values,
        missing=missing,
        pids=pids,
        times_ns=(times_ns[0], times_ns[-1]),
    )


def _contents(root: str, paths: Iterable[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return what the files hold, and the errors of those that are there but can't be read."""
    found: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    for path in sorted(paths):
        try:
            found[path] = KeptFile(under(root, path)).read_whole()[:_LARGEST]
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR):
                refused[path] = errno.errorcode.get(error.errno or 0, "EIO")
    return found, refused


def _names(root: str, folder: str) -> list[str] | None:
    try:
        return sorted(entry.name for entry in Path(under(root, folder)).iterdir())
    except OSError:
        return None


def _end(root: str, path: str) -> str | None:
    """Return where the links of `path` lead below `root`, None when there are none or they lead elsewhere."""
    whole = os.path.realpath(root)
    end = os.path.realpath(under(root, path))
    if not end.startswith(whole) or inside(whole, end) == path:
        return None
    return inside(whole, end)


_T = TypeVar("_T")
_PROCESS = re.compile(r"/proc/\d")


def _without_strangers(found: dict[str, _T], pids: Iterable[int]) -> dict[str, _T]:
    """Leave out the processes that are none of the server's: to find it, all of them were looked at."""
    mine = tuple(f"/proc/{pid}/" for pid in pids)
    return {path: kept for path, kept in found.items() if not _PROCESS.match(path) or path.startswith(mine)}
