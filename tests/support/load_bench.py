"""A bench whose server answers after scripted times, on a loop whose clock jumps from one timer to the next.

Nothing here waits for real: ten minutes under load take a moment, and every moment in a test is exact.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from llmtui.engine.gate import Gate
from llmtui.events import Figures, ServerTimings, Usage
from llmtui.workloads.base import Generation

MS = 1_000_000
S = 1_000_000_000


class _JumpingSelector(selectors.DefaultSelector):
    """Lets the time pass for which the loop would sleep; nothing but timers may wake such a loop."""

    def __init__(self):
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        assert timeout is not None, "every task waits for another one: nothing will ever happen again"
        self.now_s += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop that has its own time, in seconds from 0."""

    def __init__(self):
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now_s


def run_virtual(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end on a virtual loop."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


class Reply(NamedTuple):
    """How the server answers: `tokens` pieces come evenly from `ttft_s` to `e2e_s` after the request was sent.

    Each piece holds `tokens_per_chunk` of the server's tokens, which it tells when the answer is whole.
    With a `problem` (its kind) it fails at `e2e_s` instead. `late_s` is how much later than asked the request is sent.
    """

    e2e_s: float = 1.0
    ttft_s: float = 0.1
    tokens: int = 10
    problem: str | None = None
    late_s: float = 0.0
    prompt_tokens: int | None = 100
    cached_tokens: int | None = None
    tokens_per_chunk: int = 1


class Sent(NamedTuple):
    """A request as the bench was given it; `in_flight` counts it too."""

    number: int
    messages: tuple[tuple[str, str], ...]
    options: dict[str, Any]
    asked_ns: int
    in_flight: int

    @property
    def due_ns(self) -> int | None:
        return self.options["due_ns"]

    @property
    def step(self) -> int:
        return self.options["step"]

    @property
    def prompt(self) -> str:
        return self.messages[-1][1]


class LoadBench:
    """Implements `llmtui.workloads.base.Bench`. `script` gives the reply to a request; `count` counts a text's tokens.

    `flights` has (moment, requests in flight) after each change.
    """

    def __init__(
        self,
        script: Callable[[Sent], Reply] = lambda _sent: Reply(),
        count: Callable[[str], int | None] = lambda _text: None,
    ) -> None:
        self.gate = Gate(clock=self.now)
        self.sent: list[Sent] = []
        self.flights: list[tuple[int, int]] = []
        self.in_flight = 0
        self.cancelled = 0
        self.cut_short: list[Generation] = []
        self.counted: list[str] = []
        self.slept: list[float] = []
        self.scores: list[tuple[str, dict[str, Any]]] = []
        self.steps: list[Any] = []
        self.capacity: list[Any] = []
        self.warnings: list[tuple[str, str]] = []
        self.told: list[tuple[str, int, int]] = []
        self._script = script
        self._count = count
        self._lines = 0

    @property
    def most(self) -> int:
        """The most requests that were in flight at once."""
        return max((count for _, count in self.flights), default=0)

    def _flies(self, change: int) -> None:
        self.in_flight += change
        self.flights.append((self.now(), self.in_flight))

    async def generate(
        self,
        messages,
        *,
        max_tokens,
        temperature=None,
        seed=None,
        stop=(),
        options=None,
        unique=False,
        due_ns=None,
        step=0,
    ) -> Generation:
        await self.gate.passage()
        asked_ns = self.now()
        told = {"max_tokens": max_tokens, "temperature": temperature, "seed": seed, "stop": stop, "options": options}
        self._flies(1)
        sent = Sent(
            len(self.sent) + 1,
            messages,
            {**told, "unique": unique, "due_ns": due_ns, "step": step},
            asked_ns,
            self.in_flight,
        )
        self.sent.append(sent)
        reply = self._script(sent)
        try:
            await asyncio.sleep(reply.late_s + reply.e2e_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            self.cut_short.append(self._generation(sent, reply, due_ns, cut_ns=self.now()))
            raise
        finally:
            self._flies(-1)
        return self._generation(sent, reply, due_ns)

    def _generation(self, sent: Sent, reply: Reply, due_ns: int | None, cut_ns: int | None = None) -> Generation:
        sent_ns = sent.asked_ns + round(reply.late_s * S)
        first, last = (sent_ns + round(seconds * S) for seconds in (reply.ttft_s, reply.e2e_s))
        times = [first + (last - first) * place // max(1, reply.tokens - 1) for place in range(reply.tokens)]
        if reply.problem is not None:
            times = []
        if cut_ns is not None:
            times = [at for at in times if at <= cut_ns]
        figures = Figures(
            ttft_ns=times[0] - sent_ns if times else None,
            e2e_ns=times[-1] - sent_ns if times else None,
            tpot_ns=(last - first) / (len(times) - 1) if len(times) > 1 else None,
            tokens=len(times) * (1 if cut_ns is not None else reply.tokens_per_chunk) or None,
            prompt_tokens=reply.prompt_tokens,
        )
        return Generation(
            status="cancelled" if cut_ns is not None else "failed" if reply.problem else "done",
            text=f"answer {sent.number}",
            reasoning="",
            figures=figures,
            due_ns=sent.asked_ns if due_ns is None else due_ns,
            sent_ns=sent_ns,
            ended_ns=self.now(),
            arrivals_ns=tuple(times),
            usage=Usage(prompt_tokens=reply.prompt_tokens, cached_tokens=reply.cached_tokens),
            timings=ServerTimings(cached_tokens=reply.cached_tokens),
            problem=f"it was {reply.problem}" if reply.problem else None,
            problem_kind=reply.problem,
        )

    async def count_tokens(self, text):
        self.counted.append(text)
        return self._count(text)

    def now(self) -> int:
        return round(asyncio.get_running_loop().time() * S)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(seconds)
        await self.gate.passage()

    async def passage(self):
        await self.gate.passage()

    async def apart(self, work):
        return work()

    def paused_ns(self):
        return self.gate.closed_ns()

    def unique_line(self):
        self._lines += 1
        return f"[line {self._lines}]\n"

    def progress(self, phase, done, total, note=None):
        self.told.append((phase, done, total))

    def answer_scored(self, request, **score):
        self.scores.append((request, score))

    def step_finished(self, step, load, window, figures, notes=()):
        self.steps.append(Step(step, load, window, figures, tuple(notes)))

    def capacity_found(self, load, sentence):
        self.capacity.append((load, sentence))

    def warn(self, code, text):
        self.warnings.append((code, text))


class Step(NamedTuple):
    """What the workload logged of a level."""

    step: int
    load: Any
    window: Any
    figures: Any
    notes: tuple[str, ...]
