"""The schedules of the known-truth server: which pieces leave when and how many tokens each holds. Pure, no I/O.

A model's name chooses the schedule: `NAME` or `NAME+key=value+...`, such as `plain+gap_ms=10+tokens=200+ttft_ms=50`.
"""

import random
from collections.abc import Mapping
from typing import Literal, NamedTuple

Api = Literal["openai", "ollama"]
StepKind = Literal["role", "empty", "comment", "answer", "reasoning", "error"]
Counters = Literal["true", "none", "each", "low", "negative", "zero", "warped"]
Cut = Literal["whole", "character", "bytes"]
Ending = Literal["done", "error", "closed"]

MS = 1_000_000
BOTH: frozenset[Api] = frozenset({"openai", "ollama"})
OPENAI: frozenset[Api] = frozenset({"openai"})
OLLAMA: frozenset[Api] = frozenset({"ollama"})

SEED = 20_260_101
LONGEST_BURST = 5
MOST_TOKENS = 1_000_000
MOST_MS = 600_000

# Four characters each, which is what a token of English has on average.
WORDS = ("the ", "cat ", "sat ", "and ", "saw ", "how ", "far ", "off ", "sea ", "was ")
WIDE_WORDS = ("é→ß ", "🙂 ok ", "日本語 ", "ñandú ")


class Traits(NamedTuple):
    """What a scenario does apart from a plain stream.

    Attributes:
        what: In a few words.
        apis: Where it has a meaning.
        frame_tokens: Tokens in each frame; 0 draws 1 to `LONGEST_BURST` for each, always the same ones.
        reasoning: The field in which the first half of the tokens comes.
        extra: Frames without text: a role long before the text, empty ones, comments.
        counters: What the server says of itself.
        cut: Into which sends a frame is cut.
        newline: The line end of server-sent events.
        stall: Whether it pauses in the middle.
        ending: How the answer ends.
        gap_ms: Default gap.
    """

    what: str
    apis: frozenset[Api] = BOTH
    frame_tokens: int = 1
    reasoning: str | None = None
    extra: Literal["role", "empty", "comment"] | None = None
    counters: Counters = "true"
    cut: Cut = "whole"
    newline: str = "\n"
    stall: bool = False
    ending: Ending = "done"
    gap_ms: float = 10.0


SCENARIOS: Mapping[str, Traits] = {
    "plain": Traits("one token a frame"),
    "role": Traits("a frame with the role alone, long before the text", OPENAI, extra="role"),
    "empty": Traits("frames with an empty text before and between", extra="empty"),
    "reasoning_content": Traits("reasoning in reasoning_content", OPENAI, reasoning="reasoning_content"),
    "reasoning": Traits("reasoning in reasoning", OPENAI, reasoning="reasoning"),
    "thinking": Traits("reasoning in thinking", OLLAMA, reasoning="thinking"),
    "multi4": Traits("four tokens a frame", frame_tokens=4),
    "speculative": Traits(f"1 to {LONGEST_BURST} tokens a frame", frame_tokens=0),
    "nousage": Traits("no token counts", counters="none"),
    "usage_each": Traits("a running token count on every frame", OPENAI, counters="each"),
    "stall": Traits("a pause in the middle", stall=True),
    "utf8": Traits("characters split over two sends", cut="character"),
    "bytewise": Traits("each byte a send of its own", cut="bytes"),
    "comments": Traits("keep-alive comments between the frames", OPENAI, extra="comment"),
    "crlf": Traits("lines that end with CR LF", OPENAI, newline="\r\n"),
    "error": Traits("an error in mid-stream", ending="error"),
    "early_close": Traits("the connection closed in mid-stream", ending="closed"),
    "low_usage": Traits("a token count below the number of frames", counters="low"),
    "negative": Traits("negative and missing counters", counters="negative"),
    "zero_durations": Traits("counters of zero", OLLAMA, counters="zero"),
    "warped": Traits("counters that claim an absurd time", counters="warped"),
    "flood": Traits("as fast as the client takes it", gap_ms=0.0),
}


class Scenario(NamedTuple):
    """A scenario with its figures.

    Attributes:
        name: As in `SCENARIOS`.
        ttft_ns: From the last byte of the request to the first piece with text.
        gap_ns: From one token to the next; for `speculative` from one frame to the next.
        tokens: In the whole answer, reasoning included.
        stall_ns: The pause of `stall`.
        slots: None times each answer from its own request. 1 puts all answers on one beat of `gap_ns`, as a server does
            that decodes them together; n spreads them over n places of that beat.
    """

    name: str
    ttft_ns: int
    gap_ns: int
    tokens: int
    stall_ns: int
    slots: int | None

    @property
    def traits(self) -> Traits:
        """What it does."""
        return SCENARIOS[self.name]

    def limited(self, most: int | None) -> "Scenario":
        """Return it with at most `most` tokens, as a request may ask."""
        return self if most is None or most < 1 else self._replace(tokens=min(self.tokens, most))


class Step(NamedTuple):
    """One frame to come: when, counted from the request; the text and tokens in it; all tokens with this one."""

    offset_ns: int
    kind: StepKind
    text: str = ""
    tokens: int = 0
    total: int = 0


def read_scenario(model: str) -> Scenario:
    """Read a model's name; a tag such as ":latest" is left out. `ValueError` with one sentence for a name that is none.

    Keys: ttft_ms (100), gap_ms (10), tokens (64), stall_ms (500), slots.
    """
    name, *settings = model.partition(":")[0].split("+")
    if name not in SCENARIOS:
        raise ValueError(f"there is no scenario `{name}`; there are: {', '.join(SCENARIOS)}")
    values = {"ttft_ms": 100.0, "gap_ms": SCENARIOS[name].gap_ms, "tokens": 64.0, "stall_ms": 500.0, "slots": 0.0}
    for setting in settings:
        key, _, text = setting.partition("=")
        if key not in values:
            raise ValueError(f"`{setting}` sets nothing; write one of {', '.join(values)} as key=value")
        values[key] = _number(setting, text, MOST_TOKENS if key in {"tokens", "slots"} else MOST_MS)
    return Scenario(
        name,
        ttft_ns=round(values["ttft_ms"] * MS),
        gap_ns=round(values["gap_ms"] * MS),
        tokens=max(1, int(values["tokens"])),
        stall_ns=round(values["stall_ms"] * MS),
        slots=int(values["slots"]) or None,
    )


def plan_steps(scenario: Scenario) -> list[Step]:
    """Return the frames of an answer in their order, without the one that ends it."""
    steps = [*_before_text(scenario), *_with_text(scenario)]
    if scenario.traits.ending == "done":
        return steps
    kept = [step for step in steps if step.total <= max(1, scenario.tokens // 2)]
    if scenario.traits.ending == "error":
        kept.append(Step(kept[-1].offset_ns + scenario.gap_ns, "error"))
    return kept


def _before_text(scenario: Scenario) -> list[Step]:
    if scenario.traits.extra == "role":
        return [Step(scenario.ttft_ns // 10, "role")]
    if scenario.traits.extra == "empty":
        return [Step(scenario.ttft_ns * place // 4, "empty") for place in (1, 2, 3)]
    if scenario.traits.extra == "comment":
        return [Step(scenario.ttft_ns // 2, "comment")]
    return []


def _with_text(scenario: Scenario) -> list[Step]:
    traits = scenario.traits
    draw = random.Random(SEED)  # noqa: S311 - the same bursts every time, not a secret
    words = WIDE_WORDS if traits.cut == "character" else WORDS
    reasoning = scenario.tokens // 2 if traits.reasoning else 0
    steps: list[Step] = []
    at, total = scenario.ttft_ns, 0
    while total < scenario.tokens:
        limit = reasoning if total < reasoning else scenario.tokens
        tokens = min(traits.frame_tokens or draw.randint(1, LONGEST_BURST), limit - total)
        text = "".join(words[place % len(words)] for place in range(total, total + tokens))
        if traits.stall and total < scenario.tokens // 2 <= total + tokens:
            at += scenario.stall_ns
        steps.append(Step(at, "reasoning" if total < reasoning else "answer", text, tokens, total + tokens))
        total += tokens
        if traits.extra in {"empty", "comment"} and total < scenario.tokens:
            steps.append(
                Step(at + scenario.gap_ns // 2, "empty" if traits.extra == "empty" else "comment", "", 0, total)
            )
        at += scenario.gap_ns * (traits.frame_tokens or 1)
    return steps


def _number(setting: str, text: str, most: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= most:
        raise ValueError(f"`{setting}` needs a number from 0 to {most}")
    return value
