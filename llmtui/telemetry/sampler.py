"""The sampler: a process that reads the machine's figures and writes them as lines of JSON.

    python -m llmtui.telemetry.sampler --interval-ms 500

It is a process of its own because a graphics driver can hang or crash and take its caller along. It ends when its
stdout is closed or its parent is gone.
"""

import os
import sys
import time
from typing import BinaryIO

from llmtui.telemetry.base import Clock
from llmtui.telemetry.inbox import Inbox
from llmtui.telemetry.lanes import STALE_NS, Lane
from llmtui.telemetry.once import take_once
from llmtui.telemetry.sample_lines import SamplerCommand, SamplerLine, Watch, encode
from llmtui.telemetry.sampler_options import USAGE, OptionError, read_options
from llmtui.telemetry.sampling import SHORTEST_S, Sampler
from llmtui.telemetry.sources import Source, find_sources

_FIRST_S = 0.25
"""The first sample comes this soon: rates need a moment to grow."""


def run_sampler(
    interval_s: float = 1.0,
    count: int | None = None,
    out: BinaryIO | None = None,
    *,
    root: str = "/",
    watch: Watch | None = None,
    cpu_sensor: str | None = None,
    stale_s: float = STALE_NS / 1e9,
    inbox: Inbox | None = None,
    parent: int | None = None,
    clock: Clock = time.monotonic_ns,
) -> int:
    """Sample until `count` lines are written, stdout is closed, or the parent is no longer `parent`; return 0.

    `interval_s` is at least 0.05. `inbox` brings commands; without one stdin is read if it is a pipe.
    """
    out = out or sys.stdout.buffer
    inbox = inbox or Inbox.of_stdin()
    sources = find_sources(root, cpu_sensor=cpu_sensor)
    stale_ns = int(stale_s * 1e9)

    def make_lane(source: Source) -> Lane:
        return Lane(source.probe, source.period_ns, clock=clock, keys=source.keys, stale_ns=stale_ns)

    sampler = Sampler(sources, clock=clock, make_lane=make_lane, interval_s=max(SHORTEST_S, interval_s))
    if watch is not None:
        sampler.obey(SamplerCommand(watch=watch))
    try:
        sampler.prime()
        _write(out, [sampler.hardware_line()])
        _loop(sampler, count, out, inbox=inbox, parent=parent, clock=clock)
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    return 0


def print_once(interval_s: float, out: BinaryIO, *, root: str = "/") -> None:
    """Write one sample, with the rates of the `interval_s` seconds before it, as one line."""
    sample = next(line for line in take_once(find_sources(root), between_s=interval_s) if line.wall is not None)
    _write(out, [sample])


def _loop(
    sampler: Sampler, count: int | None, out: BinaryIO, *, inbox: Inbox, parent: int | None, clock: Clock
) -> None:
    due_ns = clock() + int(min(_FIRST_S, sampler.interval_s) * 1e9)
    taken = 0
    while count is None or taken < count:
        left_s = (due_ns - clock()) / 1e9
        if left_s > 0:
            before = sampler.interval_s
            for command in inbox.wait(left_s):
                sampler.obey(command)
            if sampler.interval_s < before:
                due_ns = min(due_ns, clock() + int(sampler.interval_s * 1e9))
            continue
        if parent is not None and os.getppid() != parent:
            return
        _write(out, sampler.take())
        taken += 1
        # Samples that were missed are not made up for: they would all tell of the same moment.
        interval_ns = int(sampler.interval_s * 1e9)
        due_ns += interval_ns * max(1, 1 + (clock() - due_ns) // interval_ns)


def _write(out: BinaryIO, lines: list[SamplerLine]) -> None:
    out.write(b"".join(encode(line) for line in lines))
    out.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run as the engine's child."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--help" in arguments or "-h" in arguments:
        sys.stdout.write(USAGE)
        sys.stdout.flush()
        return 0
    try:
        given = read_options(arguments)
    except OptionError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    watch = Watch(port=given.port, pid=given.pid) if given.port or given.pid else None
    if given.once:
        _write(sys.stdout.buffer, take_once(find_sources(given.root, cpu_sensor=given.cpu_sensor), watch=watch))
        return 0
    return run_sampler(
        given.interval_ms / 1000,
        given.count,
        root=given.root,
        watch=watch,
        cpu_sensor=given.cpu_sensor,
        stale_s=given.stale_ms / 1000,
        parent=os.getppid() if given.parent is None else given.parent,
    )


if __name__ == "__main__":
    code = main()
    # A driver's thread may still hang in the kernel; waiting for it would keep this process alive.
    os._exit(code)
