"""Copying: by OSC 52 to the terminal, through tmux where there is one, and always into a file as well."""

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from llmtui.log.private_file import replace_file

LONGEST_SEQUENCE = 74_994
"""Bytes of base64 that terminals take by OSC 52; xterm's limit is the smallest that is common."""

FILE = "clipboard.txt"


def copy_text(
    text: str,
    write: Callable[[str], None],
    folder: Path,
    environ: Mapping[str, str] = os.environ,
    *,
    name: str = FILE,
) -> str:
    """Copy `text`, to the terminal and to the file `name` in `folder`, and return what says where it went.

    It begins in small letters, so that what was copied can stand before it. Never raises: a copy that no file takes may
    still be in the terminal's clipboard.
    """
    data = text.encode("utf-8", "replace")
    path = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, data)
        kept, reason = str(path), ""
    except OSError as error:
        kept, reason = "", f"{path} can't be written: {error.strerror}"
    encoded = base64.b64encode(data).decode()
    if len(encoded) > LONGEST_SEQUENCE:
        return (
            f"too long for the terminal's clipboard; it is in {kept}"
            if kept
            else f"not copied: it is long, and {reason}"
        )
    sequence = f"\x1b]52;c;{encoded}\x07"
    tmux = bool(environ.get("TMUX"))
    # tmux passes on only what is wrapped, with every escape doubled.
    write("\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if tmux else sequence)
    where = "through tmux (needs `set -g allow-passthrough on`)" if tmux else "to the terminal's clipboard"
    return f"copied {where}, and to {kept}" if kept else f"copied {where}; {reason}"
