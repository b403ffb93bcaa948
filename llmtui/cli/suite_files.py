"""Where suites are found: the user's settings folder first, then those that ship with llmtui, or any path."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmtui import wording
from llmtui.documents import DocumentError
from llmtui.suites.reading import read_suite
from llmtui.suites.schema import Suite

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NAME_LINE = re.compile(r"^name:.*$", re.MULTILINE)

SHIPPED = Path(__file__).parent.parent / "suites"


class SuiteFile(NamedTuple):
    """A suite's file as it was found; `suite` is None when `problem` says what is wrong with it."""

    name: str
    path: Path
    text: str
    suite: Suite | None
    problem: str | None = None


def list_suites(settings: Path) -> list[SuiteFile]:
    """Return all suites by name; one of the user's hides a shipped one of the same name."""
    found: dict[str, SuiteFile] = {}
    for path in _paths(settings):
        found.setdefault(path.stem, _read(path))
    return [found[name] for name in sorted(found)]


def find_suite(text: str, settings: Path) -> SuiteFile:
    """Return the suite that `text` names, which is a path or a name; raise `DocumentError` with what would be right."""
    path = Path(text)
    if text and (path.suffix in {".yaml", ".yml"} or path.exists()):
        if path.is_dir():
            raise DocumentError(f"{text} is a folder; name a file of it, or a suite that `llmtui suites` lists")
        if not path.exists():
            raise DocumentError(f"{text}: there is no such suite file")
        return _read(path)
    known = {path.stem: path for path in reversed(list(_paths(settings)))}
    if text in known:
        return _read(known[text])
    from difflib import get_close_matches

    near = get_close_matches(text, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(sorted(known))}"
    raise DocumentError(f"there is no suite `{text}`; {hint}")


def copy_suite(name: str, source: SuiteFile, settings: Path) -> Path:
    """Write a copy of `source` called `name` among the user's suites, and return its path.

    Raises `DocumentError` for a name that can't be one, a suite of that name, a wrong source and a disk that refuses.
    """
    if source.problem is not None:
        raise DocumentError(source.problem)
    if not _NAME.fullmatch(name):
        raise DocumentError(f"`{wording.visible(name)}` can't name a suite; take letters, digits, `-`, `_` and `.`")
    path = settings / "suites" / f"{name}.yaml"
    text = _NAME_LINE.sub(f"name: {name}", source.text, count=1)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise DocumentError(f"{path} is there already; take another name, or change that file") from None
    except OSError as error:
        raise DocumentError(f"{path}: can't be written: {error.strerror}") from None
    return path


def _paths(settings: Path) -> Iterator[Path]:
    yield from sorted((settings / "suites").glob("*.yaml"))
    yield from sorted(SHIPPED.glob("*.yaml"))


def _read(path: Path) -> SuiteFile:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return SuiteFile(path.stem, path, "", None, f"{path}: can't be read: {error.strerror}")
    except UnicodeDecodeError:
        return SuiteFile(path.stem, path, "", None, f"{path}: can't be read: it is no text in UTF-8")
    try:
        return SuiteFile(path.stem, path, text, read_suite(text, str(path)))
    except DocumentError as error:
        return SuiteFile(path.stem, path, text, None, str(error))
