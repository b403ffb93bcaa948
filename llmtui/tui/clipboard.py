"""Copying: by OSC 52 to the terminal, through tmux where there is one, and always into a file as well."""

import base64
import os
from collections.abc import Callable, Mapping
from pathlib import Path

LONGEST_SEQUENCE = 74_994
"""Bytes of base64 that terminals take by OSC 52; xterm's limit is the smallest that is common."""


def copy_text(text: str, write: Callable[[str], None], folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Copy `text` and return a sentence that says where it went."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "clipboard.txt"
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
    encoded = base64.b64encode(text.encode()).decode()
    if len(encoded) > LONGEST_SEQUENCE:
        return f"too long for the terminal's clipboard; it is in {path}"
    sequence = f"\x1b]52;c;{encoded}\x07"
    if environ.get("TMUX"):
        # tmux passes on only what is wrapped, with every escape doubled.
        sequence = "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
        write(sequence)
        return f"copied through tmux (needs `set -g allow-passthrough on`), and to {path}"
    write(sequence)
    return f"copied to the terminal's clipboard, and to {path}"
