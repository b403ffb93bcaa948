"""The top-level blocks of a Vue component: `<script>`, `<template>`, `<style>` and others, as its compiler cuts them.

https://vuejs.org/api/sfc-spec.html: the content of a block is raw text up to its end tag, but that of a template is
HTML, in which further templates may stand.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_OPEN = re.compile(r"<(?P<tag>[A-Za-z][\w-]*+)(?P<attributes>(?:[^\"'<>]|\"[^\"]*+\"|'[^']*+')*+)>")
_COMMENT = "<!--"
_COMMENT_END = "-->"
_TEMPLATE = re.compile(r"<!--|<template(?=[\s/>])(?:[^\"'<>]|\"[^\"]*+\"|'[^']*+')*+>|</template\s*>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"(?P<name>[^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"(?P<double>[^\"]*+)\"|'(?P<single>[^']*+)'|(?P<bare>[^\s\"'<>=]++)))?"
)


class Block(NamedTuple):
    """A block: `start` to `end` with its tags; attributes without a value are empty. `closed`: it has its end tag."""

    tag: str
    attributes: dict[str, str]
    content: str
    start: int
    end: int
    closed: bool


class Component(NamedTuple):
    """The blocks of a component, and the comments between them."""

    blocks: tuple[Block, ...]
    comments: tuple[str, ...]

    def tagged(self, tag: str) -> list[Block]:
        """Return the blocks with a tag."""
        return [block for block in self.blocks if block.tag == tag]


def component_of(text: str) -> Component:
    """Cut a component into its blocks. Any text will do; what is in no block counts for nothing."""
    blocks: list[Block] = []
    comments: list[str] = []
    place = text.find("<")
    while place >= 0:
        if text.startswith(_COMMENT, place):
            end = comment_end(text, place)
            comments.append(text[place:end])
        elif (opening := _OPEN.match(text, place)) is not None:
            blocks.append(_block(text, opening))
            end = blocks[-1].end
        else:
            end = place + 1
        place = text.find("<", end)
    return Component(tuple(blocks), tuple(comments))


def comments_in(html: str) -> Iterator[str]:
    """Yield the comments of HTML, each with its marks."""
    place = html.find(_COMMENT)
    while place >= 0:
        end = comment_end(html, place)
        yield html[place:end]
        place = html.find(_COMMENT, end)


def comment_end(text: str, start: int) -> int:
    """Return where the comment that begins at `start` ends; one that is not closed goes on to the end."""
    end = text.find(_COMMENT_END, start)
    return len(text) if end < 0 else end + len(_COMMENT_END)


def _block(text: str, opening: re.Match[str]) -> Block:
    tag, attributes = opening["tag"].lower(), opening["attributes"]
    start, inner = opening.span()
    if attributes.rstrip().endswith("/"):
        return Block(tag, _attributes(attributes), "", start, inner, closed=True)
    is_html = tag == "template" and _attributes(attributes).get("lang", "html") == "html"
    found = _template_end(text, inner) if is_html else re.compile(rf"</{tag}\s*>", re.IGNORECASE).search(text, inner)
    stop, end = found.span() if found else (len(text), len(text))
    return Block(tag, _attributes(attributes), text[inner:stop], start, end, closed=found is not None)


def _template_end(text: str, place: int) -> re.Match[str] | None:
    depth = 1
    while (found := _TEMPLATE.search(text, place)) is not None:
        place = found.end()
        if found[0] == _COMMENT:
            place = comment_end(text, found.start())
        elif found[0].startswith("</"):
            depth -= 1
            if depth == 0:
                return found
        elif not found[0].endswith("/>"):
            depth += 1
    return None


def _attributes(text: str) -> dict[str, str]:
    return {
        found["name"].lower(): found["double"] or found["single"] or found["bare"] or ""
        for found in _ATTRIBUTE.finditer(text)
    }
