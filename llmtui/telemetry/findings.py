"""One sample by a child of its own, so that a driver that crashes takes only the child along."""

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from llmtui.events import HardwareSnapshot
from llmtui.telemetry.sample_lines import SamplerLine, ServerProcesses, decode_line
from llmtui.telemetry.verdicts import Findings

WITHIN_S = 15.0
"""Two looks, a second apart, each of which may wait three seconds for a driver that hangs."""


def once_command(port: int | None = None) -> list[str]:
    """Return the command line of a sampler that takes one sample, and looks for the server on `port`."""
    command = [sys.executable, "-m", "llmtui.telemetry.sampler", "--once"]
    return command if port is None else [*command, "--port", str(port)]


async def find(
    url: str | None = None, port: int | None = None, *, command: Sequence[str] | None = None, within_s: float = WITHIN_S
) -> Findings:
    """Return what a sampler finds here; `url` names the server that listens on `port`. What fails has its reason."""
    lines, failed = await _lines(list(command or once_command(port)), within_s)
    hardware = next((line.hardware for line in lines if line.hardware is not None), None)
    if hardware is None:
        hardware = HardwareSnapshot(detection_failed={"all": failed or "the sampler gave no snapshot"})
    sample = next((line for line in lines if line.wall is not None), None)
    server = next((line.processes for line in lines if line.processes is not None), None)
    if url is not None:
        missing = server.missing if server is not None else failed or "the sampler did not say why"
        server = ServerProcesses(target=url, processes=server.processes if server else (), missing=missing)
    return Findings(hardware, sample.values if sample else {}, sample.missing if sample else {}, server)


async def _lines(command: list[str], within_s: float) -> tuple[list[SamplerLine], str | None]:
    """Return the child's lines, and why there are none."""
    try:
        child = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        return [], f"the sampler can't be started: {error.strerror}"
    try:
        async with asyncio.timeout(within_s):
            output, _ = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        return [], f"the sampler was not done within {within_s:.0f} s: a driver hangs; see `sudo dmesg`"
    try:
        lines = [decode_line(line) for line in output.splitlines()]
    except msgspec.DecodeError:
        return [], "the sampler wrote something that is no sample"
    code = child.returncode or 0
    if code < 0:
        return lines, f"the sampler was ended by signal {-code}: a graphics driver crashes; see `sudo dmesg`"
    return lines, f"the sampler ended with exit code {code}" if code else None
