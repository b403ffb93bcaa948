"""`llmtui sampler`: hardware readings as JSON lines, so that `ssh box llmtui sampler` shows another machine."""

import sys

import click

LEAST_INTERVAL_S = 0.05


@click.command("sampler")
@click.option("--interval", default=1.0, show_default=True, metavar="SECONDS", help="Time between samples.")
@click.option("--count", type=int, default=None, metavar="N", help="Stop after N samples.")
def command(interval: float, count: int | None) -> None:
    """Print the hardware, then a sample each interval, until stopped."""
    from llmtui.telemetry.sampler import run_sampler

    if interval < LEAST_INTERVAL_S:
        raise click.UsageError(f"--interval must be at least {LEAST_INTERVAL_S} seconds")
    try:
        raise SystemExit(run_sampler(interval, count, sys.stdout.buffer))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
