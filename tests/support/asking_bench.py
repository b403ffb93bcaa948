"""A bench for workloads that ask one request after another: its clock moves by what it answers, so nothing waits."""

from collections.abc import Callable
from typing import Any, NamedTuple

from llmtui.events import Criterion, Figures
from llmtui.workloads.base import Generation

MS = 1_000_000
S = 1_000_000_000


class Reply(NamedTuple):
    """An answer: its text, when its first token came, and its rate. With a `problem` (its kind) there is none."""

    text: str = "an answer"
    reasoning: str = ""
    ttft_s: float = 0.1
    rate: float | None = 50.0
    tokens: int | None = 11
    prompt_tokens: int | None = 100
    problem: str | None = None
    finish: str = "stop"


class Asked(NamedTuple):
    """A request as the bench was given it, at a second of the session."""

    messages: tuple[tuple[str, str], ...]
    options: dict[str, Any]
    at_s: float


class Memory:
    """What the sensors of the server's memory say: `grows` more bytes at each look."""

    def __init__(self, clock: Callable[[], int], keys: tuple[str, ...], start: float, grows: float) -> None:
        self._clock, self._keys, self._value, self._grows = clock, keys, start, grows

    def latest(self) -> dict[str, tuple[int, float]]:
        self._value += self._grows
        return {key: (self._clock(), self._value) for key in self._keys}


class Verdict(NamedTuple):
    verdict: str
    sentence: str
    evidence: tuple[str, ...]
    criteria: tuple[Criterion, ...]

    def passed(self) -> dict[str, bool | None]:
        return {criterion.name: criterion.passed for criterion in self.criteria}


class AskingBench:
    """Implements what such workloads need of `llmtui.workloads.base.Bench`; `script` answers the n-th request (from 1)."""

    def __init__(
        self,
        script: Callable[[int, Asked], Reply] = lambda _number, _asked: Reply(),
        *,
        count: Callable[[str], int | None] = lambda _text: None,
        memory: tuple[str, ...] = ("server.memory.private",),
        start: float = 1e9,
        grows: float = 0.0,
        blind: str | None = None,
    ) -> None:
        self._script, self._count, self._now = script, count, 0
        self.sensors = Memory(self.now, memory, start, grows)
        self.blind = blind
        self.asked: list[Asked] = []
        self.scores: list[tuple[str, dict[str, Any]]] = []
        self.verdicts: list[Verdict] = []
        self.warnings: list[str] = []
        self.told: list[tuple[str, int, int]] = []

    @property
    def verdict(self) -> Verdict:
        (only,) = self.verdicts
        return only

    def now(self) -> int:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += round(seconds * S)

    async def apart(self, work: Callable[[], Any]) -> Any:
        return work()

    async def count_tokens(self, text: str) -> int | None:
        return self._count(text)

    async def generate(self, messages, **options) -> Generation:
        asked = Asked(messages, options, self._now / S)
        self.asked.append(asked)
        reply = self._script(len(self.asked), asked)
        sent = self._now
        first = round(reply.ttft_s * S)
        further = (reply.tokens - 1) / reply.rate if reply.tokens and reply.rate else 0.0
        self._now += first + round(further * S) + MS
        silent = reply.problem is not None or reply.tokens == 0
        figures = Figures(
            ttft_ns=None if silent else first,
            e2e_ns=None if silent else first + round(further * S),
            tokens=None if silent else reply.tokens,
            tokens_basis=None if silent else "server",
            prompt_tokens=reply.prompt_tokens,
            decode_rate=None if silent else reply.rate,
            tpot_ns=None if silent or not reply.rate else 1e9 / reply.rate,
        )
        return Generation(
            status="failed" if reply.problem else "done",
            text="" if silent else reply.text,
            reasoning="" if silent else reply.reasoning,
            figures=figures,
            request=f"j1.{len(self.asked)}",
            sent_ns=sent,
            ended_ns=self._now,
            finish_reason=None if reply.problem else reply.finish,
            problem=reply.problem and f"it was {reply.problem}",
            problem_kind=reply.problem,
        )

    def progress(self, phase, done, total, note=None):
        self.told.append((phase, done, total))

    def answer_scored(self, request, **score):
        self.scores.append((request, score))

    def verdict_reached(self, verdict, sentence, evidence, criteria):
        self.verdicts.append(Verdict(verdict, sentence, evidence, criteria))

    def warn(self, code, text):
        self.warnings.append(text)
