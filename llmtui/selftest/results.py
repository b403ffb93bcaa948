"""The outcome of a self-test: kept in the state folder, so that `doctor` can say whether this machine measures well."""

import os
import platform
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from llmtui import __version__, places
from llmtui.selftest.rows import Row

FILE = "selftest.json"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A whole self-test. `at` is ISO 8601 in UTC, `seconds` how long it took, `load` the machine's load average before.

    A load of as many as there are cores means that other programs left no core to spare.
    """

    at: str
    host: str
    machine: str
    cores: int | None
    python: str
    clock: str
    llmtui: str
    seconds: float
    load: float | None
    passed: bool
    rows: tuple[Row, ...]

    @property
    def failures(self) -> list[Row]:
        """The rows that are out of their bounds."""
        return [row for row in self.rows if row.verdict == "FAILED"]

    @property
    def heading(self) -> str:
        """Where it ran."""
        load = "unknown" if self.load is None else f"{self.load:.1f}"
        cores = f"{self.cores or '?'} cores, load {load} before"
        return f"{self.host}: {self.machine}, {cores}, Python {self.python}, {self.clock}, llmtui {self.llmtui}"

    @property
    def verdict(self) -> str:
        """The last line."""
        took = f"{self.seconds:.0f} s"
        if self.passed:
            return f"selftest: all {len(self.rows)} figures within their bounds ({took})"
        broken = self.failures
        scenarios = ", ".join(dict.fromkeys(row.scenario for row in broken))
        advice = "; only times: run it again when the machine is idle" if all(row.timing for row in broken) else ""
        return f"selftest: {len(broken)} of {len(self.rows)} figures out of bounds ({took}): {scenarios}{advice}"


def load_average() -> float | None:
    """Return the load average over the last minute; None where the system has none."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def make_report(rows: Sequence[Row], *, seconds: float, load: float | None, clock: str) -> Report:
    """Return the report of a run that has just ended on this machine."""
    return Report(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        host=platform.node(),
        machine=f"{platform.system()} {platform.machine()}",
        cores=os.cpu_count(),
        python=platform.python_version(),
        clock=clock,
        llmtui=__version__,
        seconds=round(seconds, 1),
        load=load,
        passed=bool(rows) and all(row.verdict != "FAILED" for row in rows),
        rows=tuple(rows),
    )


def save(report: Report, folder: Path | None = None) -> Path:
    """Put `report` in place of the last one, readable by the user alone. Raises `OSError`."""
    folder = places.state_folder() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    # mkstemp makes the file 0600, and a reader sees the old report or the new one, never a part.
    descriptor, name = tempfile.mkstemp(prefix=".selftest-", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(report)))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return path


def last_result(folder: Path | None = None) -> Report | None:
    """Return the last report, or None where there is none that can be read."""
    folder = places.state_folder() if folder is None else folder
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Report)
    except (OSError, msgspec.DecodeError):
        return None


def selftest_line(folder: Path | None = None, host: str | None = None) -> str:
    """Return one sentence on the last self-test, for `doctor`."""
    report = last_result(folder)
    if report is None:
        return "selftest: never run here: llmtui selftest"
    day = report.at.partition("T")[0]
    here = host or platform.node()
    outcome = "within bounds" if report.passed else f"{len(report.failures)} figures out of bounds"
    if report.host != here:
        return f"selftest: never run on this host, {outcome} on {report.host} ({day}): llmtui selftest"
    if report.llmtui != __version__:
        return f"selftest: {outcome} on {day} with llmtui {report.llmtui}; run it again: llmtui selftest"
    return f"selftest: {outcome} on {day} (this host)"
