"""Themes from YAML: those that ship with llmtui, and the user's own in the settings folder."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from textual.theme import Theme

from llmtui.documents import DocumentError
from llmtui.yaml_documents import read_document

SHIPPED = Path(__file__).parent.parent / "themes"
DEFAULT = "dark"
PREFIX = "llmtui-"

_COLOURS = ("secondary", "accent", "foreground", "background", "surface", "panel", "success", "warning", "error")


class ThemeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A theme: colours as `#rrggbb` or names of the terminal's own palette (`ansi_red`).

    `ansi` leaves foreground and background to the terminal, so that the user's palette rules.
    """

    name: str
    title: str = ""
    dark: bool = True
    ansi: bool = False
    primary: str
    secondary: str | None = None
    accent: str | None = None
    foreground: str | None = None
    background: str | None = None
    surface: str | None = None
    panel: str | None = None
    success: str | None = None
    warning: str | None = None
    error: str | None = None
    variables: dict[str, str] = {}


def load_themes(user_folder: Path | None = None) -> dict[str, Theme]:
    """Return all themes by name; one of the user's replaces a shipped one. Raises `DocumentError`."""
    themes = {}
    for path in _paths(user_folder):
        try:
            file = read_document(path.read_text(encoding="utf-8"), str(path), ThemeFile)
            themes[file.name] = _convert(file)
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise DocumentError(f"{path}: {error}") from None
    return themes


def _paths(user_folder: Path | None) -> Iterator[Path]:
    yield from sorted(SHIPPED.glob("*.yaml"))
    if user_folder is not None:
        yield from sorted((user_folder / "themes").glob("*.yaml"))


def _convert(file: ThemeFile) -> Theme:
    colours = {name: getattr(file, name) for name in _COLOURS}
    # The name gets a prefix so that it can't meet one of Textual's own.
    return Theme(
        name=f"{PREFIX}{file.name}",
        primary=file.primary,
        dark=file.dark,
        ansi=file.ansi,
        variables=file.variables,
        **colours,
    )
