"""`llmtui`: the commands by name, each loaded when it is called, so that `--help` is light."""

import codecs
import importlib
import sys
from typing import Any, NoReturn

import click

from llmtui import __version__
from llmtui.cli.addresses import ServerAddress
from llmtui.collector import loading
from llmtui.places import PlaceError
from llmtui.text_table import CUT, CUT_PLAIN

_COMMANDS = {
    "run": "Run a suite: llmtui run quick",
    "attach": "Watch a session that runs, and control it",
    "tail": "Write a session's log to the output as it grows, for another host",
    "resume": "Go on with a session whose engine was cut off",
    "rerun": "Run jobs of a finished session again, in a new one",
    "replay": "Play a session again",
    "compare": "Say whether two sessions differ, and how surely",
    "check": "Fail when a session is slower than its baseline, for CI",
    "advise": "Rate what sessions measured, and say which model fits which use",
    "history": "Show a figure over all sessions of a suite",
    "report": "Write the tables and pages of a session into a folder",
    "export": "Write a session as JSON, CSV or Markdown",
    "sessions": "List, tag, import or delete sessions",
    "suites": "List, show or check suites",
    "ctl": "Control a running session: pause, resume, skip, rerun, clone, move, stop, mark",
    "discover": "Look for servers",
    "selftest": "Prove on this machine that the figures are right",
    "doctor": "Say what was found on this machine, and what was not",
    "sampler": "Hardware readings as JSON lines",
}


class _LazyGroup(click.Group):
    """Imports `llmtui.cli.NAME` only when NAME is called; the help needs no more than the texts above."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        with loading():
            importlib.import_module("llmtui.lean_msgspec")
            module = importlib.import_module(f"llmtui.cli.{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a folder that can't be used is a sentence for whichever it was."""
        try:
            return super().invoke(ctx)
        except PlaceError as error:
            raise click.ClickException(str(error)) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in _COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, _COMMANDS, n=1)
            hint = f"did you mean `llmtui {near[0]}`?" if near else f"the commands are {', '.join(_COMMANDS)}"
            ctx.fail(f"there is no command `{name}`; {hint}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, "-V", "--version", message="llmtui %(version)s")
@click.option("--url", "urls", multiple=True, metavar="URL", type=ServerAddress(), help="Also look for a server here.")
@click.pass_context
def llmtui(ctx: click.Context, urls: tuple[str, ...]) -> None:
    """Benchmarks for local LLM servers, live in the terminal.

    Without a command the screen opens and shows the servers, suites and sessions that were found.
    """
    if ctx.invoked_subcommand is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            click.echo(ctx.get_help())
            return
        from llmtui.cli.home import open_home

        ctx.exit(open_home(urls))


def _escaped(error: UnicodeError) -> tuple[str | bytes, int]:
    """Replace what the terminal can't show: the sign of what was cut by one as wide, all else by its escape."""
    if isinstance(error, UnicodeEncodeError) and error.object[error.start] == CUT:
        return CUT_PLAIN, error.start + 1
    return codecs.backslashreplace_errors(error)


def main() -> NoReturn:
    """Run the command line; text that the terminal can't show is escaped instead of failing."""
    codecs.register_error("llmtui", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="llmtui")
    llmtui(prog_name="llmtui")
    raise SystemExit(0)
