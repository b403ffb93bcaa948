"""`llmtui report SESSION`: write the files of a session, made anew from its log."""

from pathlib import Path

import click

from llmtui import places
from llmtui.log.fold import fold_log
from llmtui.log.library import find_session
from llmtui.log.read import LogError
from llmtui.log.session_path import files_folder


@click.command("report")
@click.argument("session")
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Write into FOLDER, new or empty.")
def command(session: str, out: Path | None) -> None:
    """Write the tables and pages of SESSION, each made whole from its log: `student.csv`, reports, and a README.

    Without --out they are beside the log, where a run that is watched writes them too.
    """
    from llmtui.reports.files.folder import FolderError, write_files
    from llmtui.reports.files.registry import all_files

    try:
        path = find_session(session, places.sessions_folder())
        log = fold_log(path)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    for notice in log.notices:
        click.echo(f"note: {path.stem}: {notice}", err=True)
    state = log.state
    files = all_files(state)
    if not files:
        raise click.ClickException(
            f"{path.stem} has no files: none of its jobs is of a kind that has some; "
            f"what it measured: llmtui export {path.stem}"
        )
    try:
        written = write_files(
            files_folder(path) if out is None else out,
            state.header.session if state.header else path.stem,
            files,
            exact=True,
        )
    except FolderError as error:
        raise click.ClickException(str(error)) from None
    for file in written:
        click.echo(str(file))
