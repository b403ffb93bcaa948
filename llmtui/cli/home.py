"""`llmtui` alone: the home screen, fed by child processes, so that it opens at once and imports no backend."""

import asyncio
import sys
from collections.abc import AsyncIterator

import msgspec

from llmtui import places
from llmtui.cli.screen import compare_rows, prepare_screen, session_texts
from llmtui.events import HardwareSnapshot, Server

SAMPLER_WITHIN_S = 5.0


def open_home(urls: tuple[str, ...]) -> int:
    """Open the home screen and return the exit code."""
    profile = prepare_screen()
    from llmtui.cli.opener import make_home
    from llmtui.tui.app import run_app

    return run_app(lambda app: make_home(app, urls), profile, places.settings_folder(), compare_rows, session_texts())


async def find_servers(urls: tuple[str, ...]) -> AsyncIterator[Server]:
    """Yield the servers as they are found, by a process of their own."""
    command = [sys.executable, "-m", "llmtui", "discover", "--json"]
    for url in urls:
        command += ["--url", url]
    child = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    if child.stdout is None:
        return
    try:
        async for line in child.stdout:
            yield msgspec.json.decode(line, type=Server)
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()


class _FirstLine(msgspec.Struct):
    hardware: HardwareSnapshot | None = None


async def find_hardware() -> HardwareSnapshot:
    """Return what the sampler finds, or the reason why it finds nothing."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "llmtui.telemetry.sampler", "--count", "1"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(SAMPLER_WITHIN_S):
            line = await child.stdout.readline() if child.stdout is not None else b""
        found = msgspec.json.decode(line, type=_FirstLine).hardware
    except (TimeoutError, msgspec.DecodeError) as error:
        return HardwareSnapshot(detection_failed={"all": f"the sampler gave no snapshot: {error}"})
    finally:
        if child.returncode is None:
            child.kill()
        await child.wait()
    return found or HardwareSnapshot(detection_failed={"all": "the sampler gave no snapshot"})
