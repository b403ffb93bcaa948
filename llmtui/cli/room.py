"""How wide the tables of a command may be."""

import os
import sys
from collections.abc import Mapping
from typing import Protocol

USUAL = 80
"""Columns of a terminal that does not tell."""


class Output(Protocol):
    """Where a command prints."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""

    def fileno(self) -> int:
        """Its descriptor."""


def columns(output: Output | None = None, environ: Mapping[str, str] = os.environ) -> int | None:
    """Return what COLUMNS says, else the columns of the terminal; None for a pipe or a file, which take any width.

    What is piped goes to another program, which shall have all that there is.
    """
    given = environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    output = sys.stdout if output is None else output
    if not output.isatty():
        return None
    try:
        return os.get_terminal_size(output.fileno()).columns or USUAL
    except OSError:
        return USUAL
