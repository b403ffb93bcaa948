"""`llmtui rerun SESSION [JOBS...]`: run jobs of a session that has ended again, in a new one."""

from collections.abc import Sequence
from pathlib import Path

import click

from llmtui import places
from llmtui.cli.launch import LaunchError, start_again
from llmtui.cli.run import watch
from llmtui.documents import DocumentError
from llmtui.events import JobQueued
from llmtui.log.library import find_session
from llmtui.log.read import LogError, LogReader


@click.command("rerun")
@click.argument("session")
@click.argument("jobs", nargs=-1)
@click.option(
    "--bad", is_flag=True, help="What failed or lacked its server, was throttled or client-bound, or is an outlier."
)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a parameter of these jobs.")
@click.option("--within", type=float, metavar="PERCENT", help="Repeat each until its rate is known so exactly.")
@click.option("--plain", is_flag=True, help="One line an event instead of the screen.")
@click.option("--detach", is_flag=True, help="Start it and leave; `llmtui attach` shows it.")
def command(
    session: str,
    jobs: tuple[str, ...],
    *,
    bad: bool,
    settings: tuple[str, ...],
    within: float | None,
    plain: bool,
    detach: bool,
) -> None:
    """Run JOBS of SESSION again (default: all of them) on the same targets and models, in a new session.

    The new session names this one as its parent; its jobs are further iterations, or with --set variants.
    """
    if plain and detach:
        raise click.UsageError("--plain and --detach exclude each other")
    if bad and jobs:
        raise click.UsageError("name the jobs to run again, or give --bad")
    share = None if within is None else share_of(within)
    changes = changes_of(settings)
    try:
        log = find_session(session, places.sessions_folder())
        wanted = name_bad_jobs(log) if bad else jobs or _all_jobs(log)
        if bad and not wanted:
            return
        launched = start_again(log, wanted, changes=changes, within=share)
    except (LogError, LaunchError, places.PlaceError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'the session'} can't be used: {error.strerror}") from None
    watch(launched, plain=plain, detach=detach)


def share_of(within: float) -> float:
    """Return the percentage that was given by --within as a share. Raises `click.UsageError` for what is none."""
    if not 0 < within < 100:  # noqa: PLR2004 - percent
        raise click.UsageError(f"--within is {within:g}; it takes a percentage between 0 and 100, such as 2")
    return within / 100


def name_bad_jobs(log: Path) -> tuple[str, ...]:
    """Say which jobs of a session should be run again, each with its reason, and return them.

    Raises `click.ClickException` for a log that can't be read.
    """
    from llmtui.log.fold import fold_log
    from llmtui.state.reruns import bad_jobs, sentence

    try:
        state = fold_log(log).state
    except LogError as error:
        raise click.ClickException(str(error)) from None
    found = bad_jobs(state)
    if not found:
        click.echo("nothing failed, was throttled or client-bound, or is an outlier among its iterations")
        return ()
    click.echo(f"again: {sentence(found)}")
    return tuple(bad.job for bad in found)


def changes_of(settings: Sequence[str]) -> dict[str, str]:
    """Return the changes that were given as KEY=VALUE. Raises `click.ClickException`."""
    from llmtui.suites.changes import parse_change

    try:
        return dict(parse_change(setting) for setting in settings)
    except DocumentError as error:
        raise click.ClickException(str(error)) from None


def _all_jobs(log: Path) -> tuple[str, ...]:
    return tuple(event.job for events in LogReader(log, bulk=False) for event in events if isinstance(event, JobQueued))
