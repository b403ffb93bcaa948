"""Where the prompts of a load come from: the suite, a file, or made up to a length; as conversations, in turn."""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from llmtui.suites.schema import Load
from llmtui.workloads.base import Bench
from llmtui.workloads.synthetic import exact_text

MOST_PROMPTS = 4096
"""How many prompts are made or read before the first request; then they come round again."""

Turns = tuple[str, ...]
"""What the user says in one conversation, turn by turn."""


class PromptError(Exception):
    """There are no prompts to be had: one sentence that says why."""


class PromptSource:
    """Hands out conversations in their order, again and again.

    `unique` is whether each request must be made unique, since the same text comes round again.
    """

    def __init__(self, conversations: Sequence[Turns], *, unique: bool) -> None:
        self.unique = unique
        self._conversations = tuple(conversations)
        self._next = count()

    def next(self) -> Turns:
        """Return the next conversation."""
        return self._conversations[next(self._next) % len(self._conversations)]


async def prepare_prompts(spec: Load, bench: Bench, planned: int) -> PromptSource:
    """Return the prompts of a load that plans so many requests. Raises `PromptError`."""
    exact = True
    if spec.synthetic is not None:
        texts, exact = await _synthetic(spec, bench, planned)
        conversations = _in_turns(texts, spec.turns)
        # Made texts differ from their first word on, as long as they do not come round again.
        fresh = len(conversations) >= planned > 0
    else:
        conversations = _read_file(Path(spec.file), spec.turns) if spec.file else _in_turns(spec.prompts, spec.turns)
        fresh = False
    if spec.prompt_cache == "share":
        draw = random.Random("prefix")  # noqa: S311 - not a secret
        prefix, counted = await exact_text(bench, spec.shared_tokens, draw)
        exact = exact and counted
        conversations = [(f"{prefix}\n\n[{place}] {turns[0]}", *turns[1:]) for place, turns in enumerate(conversations)]
    if not exact:
        bench.warn(
            "prompt-length",
            "this server counts no tokens for others, so the lengths of the made-up prompts are estimates",
        )
    return PromptSource(conversations, unique=spec.prompt_cache == "avoid" and not fresh)


async def _synthetic(spec: Load, bench: Bench, planned: int) -> tuple[list[str], bool]:
    """Return made-up texts, and whether the server counted them all."""
    assert spec.synthetic is not None
    wanted = spec.synthetic.count
    if spec.prompt_cache == "avoid":
        wanted = min(MOST_PROMPTS, max(wanted, planned * spec.turns))
    texts = []
    exact = True
    for number in range(wanted):
        text, counted = await exact_text(bench, spec.synthetic.tokens, random.Random(number))  # noqa: S311
        texts.append(text)
        exact = exact and counted
    return texts, exact


def _in_turns(texts: Sequence[str], turns: int) -> list[Turns]:
    """Return as many conversations as there are texts, each beginning one text further than the one before."""
    return [tuple(texts[(start + turn) % len(texts)] for turn in range(turns)) for start in range(len(texts))]


def _read_file(path: Path, turns: int) -> list[Turns]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path}: the prompts can't be read: {getattr(error, 'strerror', None) or error}") from None
    conversations = []
    for where, item in _items(path, text):
        said = _user_turns(item)
        if not said:
            raise PromptError(f"{path}:{where}: no prompt here; give `prompt`, `messages` or `conversations`")
        conversations.append(said[:turns])
        if len(conversations) == MOST_PROMPTS:
            break
    if not conversations:
        raise PromptError(f"{path}: there is no prompt in this file")
    return conversations


def _items(path: Path, text: str) -> Iterator[tuple[int, Any]]:
    """Yield (line or place, item) of a file of JSON lines, or of one JSON list as ShareGPT comes."""
    if text.lstrip().startswith("["):
        try:
            yield from enumerate(json.loads(text), 1)
        except ValueError as error:
            raise PromptError(f"{path}: not valid JSON: {error}") from None
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except ValueError:
                raise PromptError(f"{path}:{number}: not valid JSON; one JSON object a line is expected") from None


def _user_turns(item: Any) -> Turns:
    """Return what the user says in an item of a file; () where that is not to be found."""
    prompt = item.get("prompt") if isinstance(item, dict) else item
    if isinstance(prompt, str):
        return (prompt,) if prompt.strip() else ()
    if not isinstance(item, dict):
        return ()
    said = item.get("messages") or item.get("conversations") or item.get("conversation")
    if not isinstance(said, list):
        return ()
    return tuple(
        text
        for turn in said
        if isinstance(turn, dict) and turn.get("role", turn.get("from")) in {"user", "human"}
        if isinstance(text := turn.get("content", turn.get("value")), str) and text.strip()
    )
