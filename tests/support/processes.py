"""Waiting for processes to end."""

import asyncio
import time

import psutil


def is_gone(pid: int) -> bool:
    """Whether a process has ended; in a container nobody may be there to bury it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def wait_until_gone(pid: int, within_s: float = 20.0) -> None:
    ends_at = time.monotonic() + within_s
    while not is_gone(pid):
        assert time.monotonic() < ends_at, f"process {pid} still lives"
        await asyncio.sleep(0.02)
