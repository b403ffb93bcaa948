"""What is wrong with a document, in one sentence: the path of a value, its types in plain words, the nearest key."""

import re
from collections.abc import Iterator

import msgspec

Path = tuple[str | int, ...]

_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")

_IN_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping of keys",
    "null": "nothing",
}


class DocumentError(Exception):
    """A document that can't be used: one sentence with file, line and path."""


def type_problem(error: msgspec.ValidationError) -> str:
    """Return where a value is wrong, and how, with its types in plain words."""
    text, path = parted(error)
    return f"`{shown_path(path)}`: {text}" if path else text


def parted(error: msgspec.ValidationError) -> tuple[str, Path]:
    """Return what is wrong with a value, and its path."""
    text, _, where = str(error).partition(" - at `")

    def words(match: re.Match[str]) -> str:
        kinds = match[1].split(" | ")
        return " or ".join(_IN_WORDS[kind] for kind in kinds) if all(kind in _IN_WORDS for kind in kinds) else match[0]

    text = re.sub(r"^Object contains unknown field (`.*`)$", r"there is no key \1", text)
    text = re.sub(r"`([a-z |]+)`", words, text)
    return f"{text[0].lower()}{text[1:]}", tuple(_path_parts(where.rstrip("`")))


def nearest_key(word: str, known: list[str]) -> str:
    """Return the end of a sentence about an unknown key: the one that was probably meant, else all that there are."""
    from difflib import get_close_matches  # noqa: PLC0415 - for a wrong key only

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean `{near[0]}`?"
    return f"; known keys are {', '.join(f'`{name}`' for name in known)}"


def _path_parts(text: str) -> Iterator[str | int]:
    for match in _PART.finditer(text.removeprefix("$")):
        name, index, every = match.groups()
        if name is not None:
            yield name
        elif index is not None:
            yield int(index)
        elif every is not None:
            return


def shown_path(path: Path) -> str:
    """Return a path as people write it: `workloads[0].max_tokens`."""
    text = ""
    for part in path:
        text = f"{text}[{part}]" if isinstance(part, int) else joined(text, part)
    return text


def joined(path: str, key: str) -> str:
    """Return the path of `key` below `path`."""
    return f"{path}.{key}" if path else key
