"""`llmtui tail SESSION`: the log's own lines, for `llmtui attach -` at the other end of an SSH line."""

import os
import sys
import time
from contextlib import closing
from pathlib import Path

import click

from llmtui import places
from llmtui.log.library import find_session
from llmtui.log.read import LogError, require_log
from llmtui.log.tail import LogTail
from llmtui.wording import visible

POLL_S = 0.1


@click.command("tail")
@click.argument("session")
@click.option("--from-start", is_flag=True, help="Also the tokens and samples of the jobs that have ended.")
def command(session: str, *, from_start: bool) -> None:
    """Write the log of SESSION to the output, and what is added to it until the session ends.

    From another host: ssh box llmtui tail last | llmtui attach -
    """
    try:
        log = find_session(session, places.sessions_folder())
        require_log(log)
        tail = LogTail(log, from_start=from_start)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    with closing(tail):
        try:
            _follow(tail, log)
        except BrokenPipeError:
            # Nobody reads any more; what is still buffered must not fail a second time when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except KeyboardInterrupt:
            raise SystemExit(0) from None


def _follow(tail: LogTail, log: Path) -> None:
    while not tail.finished:
        # Asked before reading: what a dying engine wrote last is then still read.
        alive = tail.writer_alive()
        lines = tail.poll()
        if lines:
            _write(lines)
        elif lines is None and not alive:
            _write(tail.torn())
            click.echo(
                f"the engine ended without closing the session; go on with it by: llmtui resume {log.stem}", err=True
            )
            return
        elif lines is None:
            time.sleep(POLL_S)


def _write(lines: bytes) -> None:
    """Write lines as they are; to a terminal, without anything that it would obey."""
    if sys.stdout.isatty():
        sys.stdout.write("".join(f"{visible(line)}\n" for line in lines.decode("utf-8", "replace").split("\n")[:-1]))
        sys.stdout.flush()
        return
    sys.stdout.buffer.write(lines)
    sys.stdout.buffer.flush()
