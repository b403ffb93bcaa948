"""What the terminal and the line to it allow, found out before Textual is imported, which reads some of it then."""

import os
import sys
from collections.abc import Mapping, MutableMapping
from typing import NamedTuple

from llmtui.tui.glyphs import TIERS, Tier, choose_tier

LOCAL_FRAME_S = 0.1
REMOTE_FRAME_S = 0.25
LOCAL_FPS = 30
REMOTE_FPS = 15


class Profile(NamedTuple):
    """How to draw: seconds between frames, frames per second that Textual may send, glyphs, mouse, theme by name."""

    remote: bool
    frame_s: float
    fps: int
    tier: Tier
    mouse: bool
    theme: str | None


class ProfileError(Exception):
    """A setting that does not exist: one sentence with those that do."""


def detect_profile(
    environ: Mapping[str, str] = os.environ,
    *,
    encoding: str | None = None,
    tty: str | None = None,
    glyphs: str | None = None,
    theme: str | None = None,
) -> Profile:
    """Return the profile of this terminal. What the user chose beats what is detected."""
    remote = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    wanted = glyphs or environ.get("LLMTUI_GLYPHS")
    if wanted and wanted not in TIERS:
        raise ProfileError(f"there are no glyphs `{wanted}`; there are: {', '.join(TIERS)}")
    chosen: Tier | None = next((tier for tier in TIERS if tier == wanted), None)
    colourless = bool(environ.get("NO_COLOR"))
    return Profile(
        remote=remote,
        frame_s=REMOTE_FRAME_S if remote else LOCAL_FRAME_S,
        fps=REMOTE_FPS if remote else LOCAL_FPS,
        tier=chosen or choose_tier(environ, encoding, tty, remote=remote),
        mouse=not remote or bool(environ.get("LLMTUI_MOUSE")),
        theme="ansi" if colourless else theme or environ.get("LLMTUI_THEME") or None,
    )


def detect_here(*, glyphs: str | None = None, theme: str | None = None) -> Profile:
    """Return the profile of the terminal on standard output."""
    stream = sys.__stdout__
    try:
        tty = os.ttyname(stream.fileno()) if stream is not None else None
    except (OSError, ValueError):
        tty = None
    return detect_profile(encoding=stream.encoding if stream else None, tty=tty, glyphs=glyphs, theme=theme)


def prepare_textual(profile: Profile, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set what Textual reads when it is imported; what the user set stays."""
    environ.setdefault("TEXTUAL_FPS", str(profile.fps))
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    if "NO_COLOR" in environ and not environ["NO_COLOR"]:
        # The convention asks for a value; Textual looks only whether the name is there.
        del environ["NO_COLOR"]
    # A size that was exported once is wrong after the first resize; the terminal itself knows its size.
    for name in ("COLUMNS", "LINES"):
        environ.pop(name, None)
