"""`llmtui sessions tag`, `untag`, `rename` and `note`: what people add to a session, beside its log."""

from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from llmtui import places
from llmtui.log.library import find_by_name, find_session
from llmtui.log.read import LogError
from llmtui.log.session_path import SUFFIX
from llmtui.log.sidecar import Sidecar, SidecarError, change_sidecar, checked_name, checked_note, checked_tags


@click.command("tag")
@click.argument("session")
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
def tag(session: str, tags: tuple[str, ...]) -> None:
    """Add TAGs to SESSION."""
    path, sidecar = _change(
        session, lambda now: msgspec.structs.replace(now, tags=tuple(dict.fromkeys((*now.tags, *checked_tags(tags)))))
    )
    click.echo(f"{path.stem}: tags {', '.join(sidecar.tags)}")


@click.command("untag")
@click.argument("session")
@click.argument("tags", nargs=-1, required=True, metavar="TAG...")
def untag(session: str, tags: tuple[str, ...]) -> None:
    """Take TAGs from SESSION."""

    def without(now: Sidecar) -> Sidecar:
        unknown = [text for text in tags if text not in now.tags]
        if unknown:
            raise SidecarError(f"it has no tag {', '.join(unknown)}; its tags are {', '.join(now.tags) or 'none'}")
        return msgspec.structs.replace(now, tags=tuple(text for text in now.tags if text not in tags))

    path, sidecar = _change(session, without)
    click.echo(f"{path.stem}: tags {', '.join(sidecar.tags) or 'none'}")


@click.command("rename", short_help="Give SESSION a NAME by which it is found.")
@click.argument("session")
@click.argument("name")
def rename(session: str, name: str) -> None:
    """Give SESSION a NAME by which it is found; an empty one takes the name away. Its id stays."""
    try:
        wanted = checked_name(name)
    except SidecarError as error:
        raise click.ClickException(str(error)) from None
    path = _find(session)
    taken = [] if wanted is None else [other for other in _called(wanted) if other.resolve() != path.resolve()]
    if taken:
        raise click.ClickException(f"{taken[0].stem} is called `{wanted}`; choose another name")
    path, sidecar = _change(session, lambda now: msgspec.structs.replace(now, name=wanted))
    click.echo(f"{path.stem}: {f'called {sidecar.name}' if sidecar.name else 'has no name'}")


def _called(name: str) -> list[Path]:
    """Return the sessions that have this name or id."""
    folder = places.sessions_folder()
    own = folder / f"{name}{SUFFIX}"
    return [*find_by_name(name, folder), *([own] if own.exists() else [])]


@click.command("note", short_help="Put a note on SESSION, in place of the old one.")
@click.argument("session")
@click.argument("text")
def note(session: str, text: str) -> None:
    """Put the note TEXT on SESSION in place of the old one; an empty TEXT takes it away."""
    path, sidecar = _change(session, lambda now: msgspec.structs.replace(now, note=checked_note(text)))
    click.echo(f"{path.stem}: {'noted' if sidecar.note else 'has no note'}")


COMMANDS = (tag, untag, rename, note)


def _find(session: str) -> Path:
    try:
        return find_session(session, places.sessions_folder())
    except LogError as error:
        raise click.ClickException(str(error)) from None


def _change(session: str, change: Callable[[Sidecar], Sidecar]) -> tuple[Path, Sidecar]:
    path = _find(session)
    try:
        return path, change_sidecar(path, change)
    except SidecarError as error:
        raise click.ClickException(f"{path.stem}: {error}") from None
