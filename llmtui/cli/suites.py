"""`llmtui suites`: list, show, check and begin suites."""

import click

from llmtui import places, wording
from llmtui.cli.room import columns
from llmtui.cli.suite_files import SHIPPED, copy_suite, find_suite, list_suites
from llmtui.documents import DocumentError
from llmtui.text_table import Fit, render


@click.group("suites", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the suites, shipped and your own."""
    if ctx.invoked_subcommand is not None:
        return
    files = list_suites(places.settings_folder())
    rows = [
        (file.name, wording.visible(file.suite.title if file.suite else "wrong, see below"), str(file.path))
        for file in files
    ]
    for line in render(("suite", "title", "file"), rows, width=columns(), fit=Fit(whole=("suite",))):
        click.echo(line)
    for file in files:
        if file.problem is not None:
            click.echo(file.problem)
    click.echo(f"your own belong in {places.settings_folder() / 'suites'}")


@command.command("show")
@click.argument("suite")
def show(suite: str) -> None:
    """Print SUITE as it stands in its file."""
    try:
        file = find_suite(suite, places.settings_folder())
    except DocumentError as error:
        raise click.ClickException(str(error)) from None
    if file.problem is not None and not file.text:
        raise click.ClickException(file.problem)
    click.echo(file.text, nl=False)


@command.command("check")
@click.argument("suite")
def check(suite: str) -> None:
    """Say whether SUITE is right, or what is wrong with it."""
    try:
        file = find_suite(suite, places.settings_folder())
    except DocumentError as error:
        raise click.ClickException(str(error)) from None
    if file.problem is not None or file.suite is None:
        raise click.ClickException(file.problem or "not a suite")
    click.echo(f"{file.path}: right; {len(file.suite.workloads)} workloads, {file.suite.iterations} iterations")


@command.command("new")
@click.argument("name")
@click.option("--from", "source", metavar="SUITE", default="quick", help="The suite to begin with; quick if not given.")
def new(name: str, source: str) -> None:
    """Begin a suite of your own, called NAME, as a copy of another one."""
    try:
        path = copy_suite(name, find_suite(source, places.settings_folder()), places.settings_folder())
    except DocumentError as error:
        raise click.ClickException(str(error)) from None
    if (SHIPPED / f"{name}.yaml").exists():
        click.echo(f"note: it takes the place of the suite {name} that ships with llmtui")
    click.echo(f"{path}\nchange it, then: llmtui suites check {name}, llmtui run {name}\nall keys: llmtui suites keys")


@command.command("keys")
def keys() -> None:
    """Print every key that a suite can have, as Markdown."""
    from llmtui.suites.reference import render_reference

    click.echo(render_reference(), nl=False)
