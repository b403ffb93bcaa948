"""Programs of the system that tell what no file tells."""

from collections.abc import Callable

Run = Callable[[tuple[str, ...]], bytes]
"""Runs a program and returns what it wrote; raises OSError when that fails."""


def run_program(arguments: tuple[str, ...]) -> bytes:
    """Run a program of the system for at most three seconds. Its status tells nothing: sysctl fails for one name."""
    import subprocess  # noqa: PLC0415 - only the machines that need it pay for it

    try:
        return subprocess.run(arguments, capture_output=True, check=False, timeout=3, stdin=subprocess.DEVNULL).stdout
    except subprocess.TimeoutExpired as error:
        raise OSError(f"{arguments[0]} failed: {error}") from None
