"""Opening the Textual screen: the terminal's profile first, since Textual reads the environment when it is imported."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from llmtui import control, places
from llmtui.cli.filed_log import FiledLog
from llmtui.documents import DocumentError
from llmtui.log.follow import LogFollower
from llmtui.log.read import LogError
from llmtui.settings import read_settings
from llmtui.tui.profile import Profile, ProfileError, detect_here, prepare_textual

if TYPE_CHECKING:
    from llmtui.log.blocks import LogBlocks
    from llmtui.state.session import SessionState
    from llmtui.tui.copying import SessionTexts
    from llmtui.tui.screens.compare import Compared
    from llmtui.tui.screens.view import Again, Opened, Order


def prepare_screen() -> Profile:
    """Return this terminal's profile, and set what Textual reads. Raises `click.ClickException`."""
    try:
        settings = read_settings(places.settings_folder())
        profile = detect_here(glyphs=settings.glyphs, theme=settings.theme)
    except (DocumentError, ProfileError) as error:
        raise click.ClickException(str(error)) from None
    prepare_textual(profile, os.environ)
    return profile


def show_session(log: Path, *, controlled: bool = True, out: Path | None = None) -> int:
    """Show a session that is live, or was; one that is not `controlled` came through a pipe, and is only watched.

    Its tables and pages go to `out`, None: beside its log.
    """
    profile = prepare_screen()
    from llmtui.tui.app import view_session

    follower = FiledLog(log, out) if controlled else LogFollower(log)
    try:
        send = sender(log) if controlled and follower.writer_alive() else None
    except places.PlaceError as error:
        raise click.ClickException(str(error)) from None
    return view_session(
        follower,
        send,
        replay=False,
        profile=profile,
        settings_folder=places.settings_folder(),
        state_folder=places.state_folder(),
        compare=compare_rows,
        again=again_from(log) if controlled else None,
        texts=session_texts(),
    )


def show_replay(log: "LogBlocks", speed: float | None) -> int:
    """Play a session again."""
    profile = prepare_screen()
    from llmtui.tui.app import view_session
    from llmtui.tui.playback import Playback

    return view_session(
        Playback(log, speed),
        None,
        replay=True,
        profile=profile,
        settings_folder=places.settings_folder(),
        state_folder=places.state_folder(),
        compare=compare_rows,
        again=again_from(log.path),
        texts=session_texts(),
    )


def compare_rows(state: "SessionState", jobs: Sequence[str]) -> "Compared":
    """Return the comparison of rows of a session; all that it takes is loaded only when it is asked for."""
    from llmtui.cli.compared import compare_rows as compare

    return compare(state, jobs)


def session_texts() -> "SessionTexts":
    """Return what makes the texts that are copied."""
    from llmtui.cli.copies import ReportTexts

    return ReportTexts()


def sender(log: Path) -> Callable[[control.Command], Awaitable[control.Reply]]:
    """Return a function that sends commands to the engine that writes `log`."""
    from llmtui.control_socket import send_command_async

    return partial(send_command_async, places.control_path(log))


def again_from(parent: Path) -> "Again":
    """Return a function that runs jobs of the session `parent` again, in a new session."""

    async def again(order: "Order") -> "Opened":
        from llmtui.cli.launch import LaunchError, start_again
        from llmtui.tui.screens.view import AgainError, Opened

        try:
            launched = await asyncio.to_thread(
                start_again, parent, order.jobs, changes=order.changes, within=order.within
            )
            return Opened(FiledLog(launched.log), sender(launched.log), again_from(launched.log))
        except (LaunchError, LogError, places.PlaceError) as error:
            raise AgainError(str(error)) from None
        except OSError as error:
            raise AgainError(f"{error.filename or 'the session'}: {error.strerror}") from None

    return again
