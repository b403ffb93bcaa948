"""`llmtui sessions import FILE`: another tool's log as a session, to be listed, compared and exported like our own."""

from pathlib import Path

import click

from llmtui import places, wording
from llmtui.log.foreign import KNOWN, ForeignLogError, import_file


@click.command("import", help=f"Make a session of another tool's log. Known are {KNOWN}.")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--model", metavar="NAME", help="The model, where the log does not say it.")
def import_(file: Path, model: str | None) -> None:
    """Make a session of another tool's log."""
    try:
        imported = import_file(file, places.sessions_folder(), model)
    except ForeignLogError as error:
        raise click.ClickException(wording.visible(str(error))) from None
    requests = sum(len(job.requests) for job in imported.run.jobs)
    click.echo(f"{imported.path.stem}: {requests} requests of {imported.run.tool}")
    if imported.unread:
        click.echo(f"note: {imported.unread} lines could not be read", err=True)


COMMANDS = (import_,)
