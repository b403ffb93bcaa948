"""The component in an answer: out of the fences of Markdown, or as it stands."""

import re
from typing import NamedTuple

from llmtui.quality.answers import plain_answer
from llmtui.refactoring.blocks import component_of

LONGEST = 100_000
"""Characters; a component of a hundred lines that is told in more than this is no answer."""

_FENCE = re.compile(r"^(?P<before>[ \t>]*)(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
_TAGS = frozenset({"script", "template", "style"})
_QUOTED = re.compile(r"^[ \t]*> ?")
_START = re.compile(r"^[ \t]*<(?:script|template|style)(?=[\s>])", re.MULTILINE | re.IGNORECASE)


class _Fence:
    """A block while it is open. `part`: it belongs to a component that is open around it, such as in a string."""

    def __init__(self, mark: str, around: "_Fence | None" = None, *, quoted: bool = False) -> None:
        self.mark = mark
        self._quoted = quoted
        self.part = around is not None
        self.lines: list[str] = around.lines if around else []
        self._scripts = 0

    def add(self, line: str) -> None:
        """Take a line, and count whether a script is open."""
        self.lines.append(_QUOTED.sub("", line) if self._quoted else line)
        self._scripts += line.count("<script") - line.count("</script")

    @property
    def inside_script(self) -> bool:
        """Whether the text so far ends within a script."""
        return self.part or self._scripts > 0

    def closed_by(self, mark: str, info: str) -> bool:
        """Whether a line of fence closes this block: bare, of the same sort and no shorter (CommonMark 4.5)."""
        return not info and mark[0] == self.mark[0] and len(mark) >= len(self.mark)


class Extracted(NamedTuple):
    """The component that an answer has, or the sentence that says why it has none."""

    component: str | None
    problem: str | None = None


def extract_component(answer: str) -> Extracted:
    """Return the longest block of code that has a script, else raw text that looks like a component.

    Thinking, escape sequences and control characters are gone (a tab is a space), so nothing in it can act. Of blocks
    of the same length the last one is taken.
    """
    if len(answer) > LONGEST:
        return Extracted(None, f"the answer is endless: {len(answer)} characters")
    text = plain_answer(answer)
    if not text:
        return Extracted(None, "there is no answer" if not answer.strip() else "there is no answer after the thinking")
    found = [component for block in _fenced(text) if (component := _trimmed(block)) is not None]
    if not found and (start := _START.search(text)) is not None:
        raw = _trimmed(text[start.start() :])
        found = [] if raw is None else [raw]
    if not found:
        return Extracted(None, "the answer has no component: no block of code with a <script>")
    return Extracted(max(reversed(found), key=len))


def _fenced(text: str) -> list[str]:
    """Return all blocks of code; one within another is a block of its own, and one that is not closed goes to the end.

    A line of fence within an open script, as in a string, is a part of that script.
    """
    blocks: list[list[str]] = []
    fences: list[_Fence] = []
    for line in text.split("\n"):
        found = _FENCE.match(line)
        top = fences[-1] if fences else None
        if found is None:
            if top is not None:
                top.add(line)
            continue
        mark, info = found["mark"], found["info"].strip()
        if top is not None and top.closed_by(mark, info):
            fences.pop()
            if top.part:
                top.add(line)
        elif top is not None and not info:
            top.add(line)
        else:
            around = top if top is not None and top.inside_script else None
            fences.append(_Fence(mark, around, quoted=">" in found["before"]))
            if fences[-1].part:
                fences[-1].add(line)
            else:
                blocks.append(fences[-1].lines)
    return ["\n".join(lines) for lines in blocks]


def _trimmed(text: str) -> str | None:
    """Return `text` from its first script, template or style to the end of the last one; None without a script."""
    component = component_of(text)
    blocks = [each for each in component.blocks if each.tag in _TAGS and _begins_line(text, each.start)]
    if not any(block.tag == "script" for block in blocks):
        return None
    return text[blocks[0].start : blocks[-1].end].strip() + "\n"


def _begins_line(text: str, place: int) -> bool:
    """Whether nothing but an end tag stands before `place` in its line: prose speaks of tags within its lines."""
    before = text[text.rfind("\n", 0, place) + 1 : place].strip()
    return not before or before.endswith(">")
