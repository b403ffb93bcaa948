"""`llmtui sampler`: hardware readings as JSON lines, so that `ssh box llmtui sampler` shows another machine."""

import sys

import click

LEAST_INTERVAL_S = 0.05
MOST_INTERVAL_S = 86_400.0


@click.command("sampler")
@click.option("--interval", default=1.0, show_default=True, metavar="SECONDS", help="Time between samples.")
@click.option("--count", type=click.IntRange(min=1), default=None, metavar="N", help="Stop after N samples.")
@click.option("--once", is_flag=True, help="Print one sample with its rates, from two looks an interval apart.")
def command(interval: float, count: int | None, *, once: bool) -> None:
    """Print the hardware, then a sample each interval, until stopped."""
    from llmtui.telemetry.sampler import print_once, run_sampler

    if not LEAST_INTERVAL_S <= interval <= MOST_INTERVAL_S:
        raise click.UsageError(
            f"--interval is {interval:g}; it takes {LEAST_INTERVAL_S} to {MOST_INTERVAL_S:g} seconds"
        )
    if once and count is not None:
        raise click.UsageError("--once is one sample; leave out --count")
    try:
        if once:
            print_once(interval, sys.stdout.buffer)
            return
        raise SystemExit(run_sampler(interval, count, sys.stdout.buffer))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
