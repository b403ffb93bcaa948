"""Which characters a terminal can show, decided once: braille, blocks or plain ASCII."""

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

Tier = Literal["braille", "block", "ascii"]
TIERS: tuple[Tier, ...] = get_args(Tier)

_LINUX_CONSOLE = re.compile(r"/dev/tty\d")


class Glyphs(NamedTuple):
    """The characters of one tier. A status is never a colour alone: glyph and word stand beside it."""

    tier: Tier
    done: str
    failed: str
    skipped: str
    running: str
    queued: str
    paused: str
    marker: str
    more: str
    rule: str
    tick: str
    bar: str


_FULL = {
    "done": "✓",
    "failed": "✗",
    "skipped": "⤼",
    "running": "▶",
    "queued": "·",
    "paused": "‖",
    "marker": "◆",
    "more": "»",
    "rule": "─",
    "tick": "┴",
    "bar": "│",
}
_PLAIN = {
    "done": "+",
    "failed": "x",
    "skipped": "/",
    "running": ">",
    "queued": ".",
    "paused": "=",
    "marker": "*",
    "more": ">",
    "rule": "-",
    "tick": "+",
    "bar": "|",
}


def glyphs_of(tier: Tier) -> Glyphs:
    """Return the characters of a tier."""
    return Glyphs(tier=tier, **(_PLAIN if tier == "ascii" else _FULL))


def choose_tier(environ: Mapping[str, str], encoding: str | None, tty: str | None, *, remote: bool = False) -> Tier:
    """Return the best tier for a terminal that nobody chose one for.

    A narrow encoding or the Linux console, whose font has no braille, gets ASCII; a remote line gets blocks, which cost
    half the bytes of braille.
    """
    if not (encoding or "").lower().replace("-", "").startswith("utf"):
        return "ascii"
    if environ.get("TERM") == "linux" or (tty is not None and _LINUX_CONSOLE.fullmatch(tty)):
        return "ascii"
    return "block" if remote else "braille"
