"""Wrapping a growing text to a width in terminal cells, piece by piece. Pure."""

from rich.cells import get_character_cell_size

from llmtui.wording import visible

TAB = "    "


class WrappedText:
    """Lines of at most `width` cells. `append` changes the last line and adds new ones; earlier lines never change.

    Each line belongs to a `kind`, so that reasoning can look different from the answer. Control characters become
    visible signs. At most `most_lines` are kept; `dropped` counts those that went at the top.
    """

    def __init__(self, width: int, most_lines: int = 4000) -> None:
        self.width = max(1, width)
        self.lines: list[tuple[str, str]] = []
        self.dropped = 0
        self._most_lines = most_lines
        self._open = False
        self._cells = 0

    def append(self, text: str, kind: str) -> int:
        """Add `text` and return the first line (counted with the dropped ones) that changed."""
        if self._open and self.lines and self.lines[-1][0] != kind:
            self._open = False
        first = self.dropped + len(self.lines) - (1 if self._open else 0)
        for number, part in enumerate(text.replace("\r\n", "\n").split("\n")):
            if number:
                if not self._open:
                    self.lines.append((kind, ""))
                self._open = False
            if part:
                self._extend(part.replace("\t", TAB), kind)
        self._drop()
        return max(first, self.dropped)

    def end_line(self) -> None:
        """Let the next text begin on a line of its own."""
        self._open = False

    def _extend(self, text: str, kind: str) -> None:
        for character in visible(text):
            size = get_character_cell_size(character)
            if not self._open:
                self.lines.append((kind, ""))
                self._open, self._cells = True, 0
            while self._cells and self._cells + size > self.width:
                self._break(kind)
            self.lines[-1] = (kind, self.lines[-1][1] + character)
            self._cells += size

    def _break(self, kind: str) -> None:
        """Begin a new line, and take the last word along unless it fills the line alone."""
        line = self.lines[-1][1]
        space = line.rfind(" ")
        carried = line[space + 1 :] if 0 <= space < len(line) - 1 else ""
        if carried:
            self.lines[-1] = (kind, line[: space + 1])
        self.lines.append((kind, carried))
        self._cells = sum(get_character_cell_size(character) for character in carried)

    def _drop(self) -> None:
        surplus = len(self.lines) - self._most_lines
        if surplus > 0:
            del self.lines[:surplus]
            self.dropped += surplus
