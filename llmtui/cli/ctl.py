"""`llmtui ctl`: the same commands as the keys of the screen, for scripts and for a second terminal."""

from pathlib import Path

import click

from llmtui import control, places
from llmtui.cli.rerun import share_of
from llmtui.log.library import find_session
from llmtui.log.read import LogError


@click.group("ctl")
@click.option("--session", metavar="SESSION", help="Default: the session that runs.")
@click.pass_context
def command(ctx: click.Context, session: str | None) -> None:
    """Control a running session."""
    ctx.obj = session


@command.command("pause")
@click.pass_obj
def pause(session: str | None) -> None:
    """Let no further request start."""
    _send(session, control.Pause())


@command.command("resume")
@click.pass_obj
def resume(session: str | None) -> None:
    """Let the queue go on."""
    _send(session, control.Resume())


@command.command("skip")
@click.argument("job", required=False)
@click.pass_obj
def skip(session: str | None, job: str | None) -> None:
    """Skip JOB, or the one that runs."""
    _send(session, control.Skip(job=job))


@command.command("rerun")
@click.argument("jobs", nargs=-1)
@click.option("--bad", is_flag=True, help="What failed, was throttled or client-bound, or is an outlier.")
@click.pass_obj
def rerun(session: str | None, jobs: tuple[str, ...], *, bad: bool) -> None:
    """Queue new iterations of JOBS."""
    if bad == bool(jobs):
        raise click.UsageError("name the jobs to run again, or give --bad")
    if bad:
        from llmtui.cli.rerun import name_bad_jobs

        jobs = name_bad_jobs(_log_of(session))
        if not jobs:
            return
    _send(session, control.Rerun(jobs=jobs))


@command.command("clone")
@click.argument("job")
@click.argument("changes", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.pass_obj
def clone(session: str | None, job: str, changes: tuple[str, ...]) -> None:
    """Queue JOB again with other parameters, such as max_tokens=64."""
    from llmtui.cli.rerun import changes_of

    _send(session, control.Clone(job=job, set=changes_of(changes)))


@command.command("move")
@click.argument("job")
@click.argument("steps", type=click.IntRange(min=1), default=1)
@click.option("--up/--down", "up", default=True, help="Earlier, which it is if not given, or later.")
@click.pass_obj
def move(session: str | None, job: str, steps: int, *, up: bool) -> None:
    """Let JOB, which waits, run earlier or later by so many STEPS."""
    _send(session, control.Move(job=job, steps=-steps if up else steps))


@command.command("repeat")
@click.argument("jobs", nargs=-1, required=True)
@click.option("--within", type=float, default=2.0, metavar="PERCENT", help="How exactly; 2 if not given.")
@click.pass_obj
def repeat(session: str | None, jobs: tuple[str, ...], within: float) -> None:
    """Run JOBS again until their rates are known to that many percent."""
    _send(session, control.Repeat(jobs=jobs, within=share_of(within)))


@command.command("stop")
@click.option("--after-job", is_flag=True, help="Let the job that runs come to its end.")
@click.pass_obj
def stop(session: str | None, *, after_job: bool) -> None:
    """End the session."""
    _send(session, control.Stop(now=not after_job))


@command.command("mark")
@click.argument("label")
@click.pass_obj
def mark(session: str | None, label: str) -> None:
    """Put a marker into the log."""
    if not label.strip():
        raise click.UsageError("a marker needs a LABEL, such as `llmtui ctl mark 'window opened'`")
    _send(session, control.Mark(label=label))


@command.command("status")
@click.pass_obj
def status(session: str | None) -> None:
    """Say how far the queue is."""
    _send(session, control.Status())


def _log_of(session: str | None) -> Path:
    try:
        return find_session(session, places.sessions_folder())
    except (LogError, places.PlaceError) as error:
        raise click.ClickException(str(error)) from None


def _send(session: str | None, message: control.Command) -> None:
    log = _log_of(session)
    try:
        reply = control.send_command(places.control_path(log), message)
    except (control.ControlError, places.PlaceError) as error:
        raise click.ClickException(f"{log.stem}: {error}") from None
    if not reply.ok:
        raise click.ClickException(reply.text)
    click.echo(reply.text)
