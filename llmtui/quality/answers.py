"""What a model wrote, as a reader takes it: without thinking aloud, decoration and escapes, and where it ends."""

import re

from llmtui.wording import visible

LONGEST = 20_000
"""Characters; an answer to a short question that is longer than this is no answer."""

SHORT_LINE = 6
"""Words; a first line of no more than these is the answer itself, and what follows explains it."""

_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?|\x9b[0-?]*[ -/]*[@-~]")
_THOUGHT = re.compile(r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
_THOUGHT_END = re.compile(r"</(?:think|thinking|thought|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w+-]*[ \t]*$", re.MULTILINE)
_DECORATION = re.compile(r"\\boxed\{([^{}]*)\}|\\text\{([^{}]*)\}|\*{1,3}|__|`|\\[()\[\]]")
_EXPLICIT = re.compile(r"\banswers?\b[^.\n:=]{0,80}?(?:\bis\b|\bare\b|:|=)[\s:]*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_REASON = re.compile(r"\b(?:because|since)\b", re.IGNORECASE)
_DENIED = re.compile(
    r"\b(?:not|isn't|never|rather than|instead of)\s+(?:the\s+|an?\s+)?\(?[$€£]?[\w.,-]*\w\)?", re.IGNORECASE
)


def plain_answer(text: str) -> str:
    """Return the answer as it was meant to be read; an answer that never got beyond thinking is empty.

    Thinking between tags goes, and so does what stands before a closing tag alone. Escape sequences and control
    characters become spaces, so that nothing is glued together or overwritten as a terminal would do it.
    """
    text = _THOUGHT.sub(" ", text)
    text = _THOUGHT_END.split(text)[-1]
    text = _ESCAPE.sub(" ", text.replace("\r\n", "\n"))
    return "".join(c if c.isprintable() or c == "\n" else " " for c in text).strip()


def undecorated(text: str) -> str:
    """Return `text` without the marks of Markdown and LaTeX and without the fences around code."""
    text = _FENCE.sub("", text)
    return _DECORATION.sub(lambda found: found[1] or found[2] or "", text).strip()


def lines_of(text: str) -> list[str]:
    """Return the lines that have something in them."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def explicit_statements(text: str) -> list[str]:
    """Return what follows each `the answer is` or `answer:`, to the end of its sentence and without its reasons."""
    found = []
    for match in _EXPLICIT.finditer(text):
        rest = text[match.end() :].partition("\n")[0]
        statement = essence(_SENTENCE_END.split(rest)[0])
        if statement:
            found.append(statement)
    return found


def statements_of(text: str) -> list[str]:
    """Return where the answer stands, best first: said to be the answer, else a short first line, and the last one."""
    text = undecorated(text)
    explicit = explicit_statements(text)
    if explicit:
        return explicit
    lines = lines_of(text)
    if len(lines) > 1 and len(lines[0].split()) <= SHORT_LINE and not lines[0].endswith(":"):
        return [essence(lines[0]), essence(lines[-1])]
    return [essence(lines[-1])] if lines else []


def essence(statement: str) -> str:
    """Return a statement without its reasons and without what it says is not so."""
    return _DENIED.sub(" ", _REASON.split(statement)[0]).strip()


def shown(text: str, longest: int = 60) -> str:
    """Return the beginning of `text` for a sentence about it; nothing in it can act."""
    flat = visible(" ".join(text.split()))
    return f"`{flat if len(flat) <= longest else flat[: longest - 3] + '...'}`"
