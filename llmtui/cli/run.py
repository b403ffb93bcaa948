"""`llmtui run SUITE`: start an engine and watch it."""

import math
import sys
from pathlib import Path

import click

from llmtui import places
from llmtui.cli.addresses import ServerAddress, named_models
from llmtui.cli.launch import Launched, LaunchError, start_engine
from llmtui.cli.suite_files import SuiteFile, find_suite
from llmtui.collector import loading
from llmtui.documents import DocumentError
from llmtui.settings import read_settings
from llmtui.suites.reading import ONLY, read_suite

_MODEL_HELP = "A model by its server's name for it."
_URL_HELP = "Measure this server instead of the suite's."


@click.command("run")
@click.argument("suite")
@click.option("-m", "--model", "models", multiple=True, metavar="MODEL", callback=named_models, help=_MODEL_HELP)
@click.option("--url", "urls", multiple=True, metavar="URL", type=ServerAddress(), help=_URL_HELP)
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="Change a value of the suite.")
@click.option("--workload", metavar="NAME", help="Only this workload of the suite.")
@click.option("--concurrency", metavar="N,N,...", help="Put the prompts under load: so many requests in flight.")
@click.option("--rate", metavar="R,R,...", help="Put the prompts under load: so many requests a second.")
@click.option("--plain", is_flag=True, help="One line an event instead of the screen.")
@click.option("--detach", is_flag=True, help="Start it and leave; `llmtui attach` shows it.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Write its tables and pages there.")
def command(
    suite: str,
    *,
    models: tuple[str, ...],
    urls: tuple[str, ...],
    settings: tuple[str, ...],
    workload: str | None,
    concurrency: str | None,
    rate: str | None,
    plain: bool,
    detach: bool,
    out: Path | None,
) -> None:
    """Run SUITE, a name (see `llmtui suites`) or a YAML file.

    With --plain the exit code is 0 when all was done, 1 when a job failed or did not pass, 3 when the machine
    overheated, 4 when the sensor that watched it was lost, 5 when of several models none answered, 6 when no job could
    be run here, 130 when it was stopped.
    """
    if plain and detach:
        raise click.UsageError("--plain and --detach exclude each other")
    if out is not None:
        _check_out(out, detach=detach)
    overrides = _overrides(settings) | _levels(concurrency, rate)
    if workload is not None:
        overrides[ONLY] = workload
    launched = launch(suite, overrides=overrides, models=models, urls=urls)
    watch(launched, plain=plain, detach=detach, out=out)


def watch(launched: Launched, *, plain: bool, detach: bool, out: Path | None = None) -> None:
    """Show a session that was just started, and exit with its code; with `detach` only say how to watch it.

    Its tables and pages go to `out`, None: beside its log.
    """
    if detach:
        click.echo(f"session {launched.log.stem} runs; watch it by: llmtui attach {launched.log.stem}")
        return
    if plain or not can_show_screen():
        with loading():
            from llmtui.cli.follow_plain import follow_plain

        raise SystemExit(follow_plain(launched.log, engine=launched.engine, out=out))
    from llmtui.cli.screen import show_session

    raise SystemExit(show_session(launched.log, out=out))


def launch(
    suite: str, *, overrides: dict[str, str], models: tuple[str, ...] = (), urls: tuple[str, ...] = ()
) -> Launched:
    """Check everything that can be checked before an engine runs, then start it. Raises `click.ClickException`."""
    try:
        file = checked(find_suite(suite, places.settings_folder()), overrides)
        read_settings(places.settings_folder())
        return start_engine(file, overrides=overrides, models=models, urls=urls)
    except (DocumentError, LaunchError, places.PlaceError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename or 'the session'} can't be used: {error.strerror}") from None


def checked(file: SuiteFile, overrides: dict[str, str]) -> SuiteFile:
    """Return `file` with its suite as it is under `overrides`; raise `DocumentError` for one that is not right."""
    if file.problem is not None:
        raise DocumentError(file.problem)
    return file._replace(suite=read_suite(file.text, str(file.path), overrides)) if overrides else file


def _check_out(out: Path, *, detach: bool) -> None:
    """Refuse a folder that is not free before anything is measured."""
    if detach:
        raise click.UsageError("with --detach nobody writes files; afterwards: llmtui report SESSION --out FOLDER")
    from llmtui.reports.files.folder import FolderError, check_folder, check_writable

    try:
        check_folder(out, None)
        check_writable(out)
    except FolderError as error:
        raise click.ClickException(str(error)) from None


def can_show_screen() -> bool:
    """Whether the Textual screen has a terminal to live in."""
    import os

    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _levels(concurrency: str | None, rate: str | None) -> dict[str, str]:
    """Return the override of a list of levels such as `1,2,4,8`."""
    if concurrency is not None and rate is not None:
        raise click.UsageError("--concurrency and --rate exclude each other")
    for name, given, kind in (("concurrency", concurrency, int), ("rate", rate, float)):
        if given is None:
            continue
        try:
            levels = [kind(part) for part in given.split(",")]
            wrong = not all(map(math.isfinite, levels))
        except ValueError:
            wrong = True
        if wrong:
            raise click.UsageError(f"--{name} takes numbers such as 1,2,4, not `{given}`")
        return {name: str(levels)}
    return {}


def _overrides(settings: tuple[str, ...]) -> dict[str, str]:
    overrides = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not key:
            raise click.UsageError(f"--set takes KEY=VALUE, such as --set iterations=3, not `{setting}`")
        overrides[key] = value
    return overrides
