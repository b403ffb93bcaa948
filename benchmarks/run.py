"""Measures how exact llmtui is and what it costs: accuracy, start-up, the viewer, watching only, size.

Run by `make bench`; name parts to run only those: `make bench ARGS="startup viewer"`. Figures are of this machine and
this moment; the bound beside each is the project's own.
"""

import os
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import accuracy
import log_throughput
import replay
import sampling
import size
import startup
import viewer
import watching
import widgets


class Row(NamedTuple):
    """A figure, its bound, and the unit of both; None where there is no bound."""

    name: str
    value: float
    bound: float | None
    unit: str


PARTS: dict[str, Callable[[], Iterator[tuple[str, float, float | None, str]]]] = {
    "accuracy": accuracy.measure,
    "startup": startup.measure,
    "viewer": viewer.measure,
    "widgets": widgets.measure,
    "log": log_throughput.measure,
    "watching": watching.measure,
    "sampling": sampling.measure,
    "replay": replay.measure,
    "size": size.measure,
}


def main() -> int:
    """Run the parts that were named, or all, and return 1 when a bound is broken."""
    # A user's Python keeps the bytecode of what it has imported once, so the processes that are measured here do too.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    broken = 0
    print(f"{'figure':<52} {'value':>9} {'bound':>9}  unit")
    for part in sys.argv[1:] or PARTS:
        for row in (Row(*found) for found in PARTS[part]()):
            over = row.bound is not None and row.value > row.bound
            broken += over
            bound = "-" if row.bound is None else f"{row.bound:g}"
            print(f"{row.name:<52} {row.value:>9.3g} {bound:>9}  {row.unit}{'  OVER' if over else ''}", flush=True)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
