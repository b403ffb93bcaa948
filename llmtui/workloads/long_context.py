"""Workload `long_context`: contexts of growing size, each filled with a text that hides two facts.

Sends: for each size a text of our own, exact by the server's tokenizer where it has one, with a question, and in the
same conversation a second question, for which the text is in the prompt cache. Ollama and LM Studio load the model
anew with a window of the size. Measures: the loading, the figures of both requests, and what came back from the swap.
Judges: whether each context was loaded in time and the memory sufficed; the answers are scored, and judge nothing. It
stops at the first size that the server or the memory can't hold.
"""

import re

from llmtui import wording
from llmtui.events import ContextOutcome, ContextTried, Model
from llmtui.metrics.context_verdict import ContextLimit, MeasuredContext, judge_contexts
from llmtui.quality.judging import score_answer
from llmtui.quality.town import scorer_of
from llmtui.suites.kinds.long_context import LongContext, sizes_of
from llmtui.workloads.base import Bench, Generation, ModelLoad, NeedsOnlyServer, Outcome
from llmtui.workloads.filled_context import FilledContext, fill_context
from llmtui.workloads.memory_watch import NOT_READ, MemorySpan, MemoryWatch

CATEGORIES = ("first question", "second question")
"""How the requests to one context are named in the log, in their order."""

WINDOW_OPTIONS = {"ollama": "num_ctx", "lmstudio": "context_length"}
"""The option by which a kind of server loads a model with another window; all others have one window for all sizes."""

IN_REQUESTS = frozenset({"ollama"})
"""Kinds of server that need the option in each request too, or they load the model once more."""

NO_MEMORY = re.compile(
    r"out of memory|more (?:system |gpu )?memory|(?:not enough|insufficient|lack of) (?:\w+ )?memory|failed to allocate"
    r"|unable to allocate|cudamalloc|bad_alloc",
    re.IGNORECASE,
)


class LongContextWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.LongContext`."""

    async def run(self, spec: LongContext, bench: Bench) -> Outcome:
        """Try size after size until one is too much, and judge those that were measured."""
        return await _Run(spec, bench).run()


class _Run:
    """One run: the sizes measured so far, and why it went no further."""

    def __init__(self, spec: LongContext, bench: Bench) -> None:
        self._spec = spec
        self._bench = bench
        self._window_option = WINDOW_OPTIONS.get(bench.server_kind)
        self._measured: list[MeasuredContext] = []
        self._stop: ContextLimit | None = None
        self._model: Model | None = None
        self._characters_per_token: float | None = None

    async def run(self) -> Outcome:
        sizes = sizes_of(self._spec)
        self._model = await self._bench.describe_model()
        self._bench.progress("measuring", 0, 2 * len(sizes))
        for place, size in enumerate(sizes):
            if (too_large := self._too_large(size)) is not None:
                self._stop = self._stop or ContextLimit("does not fit", too_large)
                self._tell(size, "does not fit", too_large)
            elif self._stop is not None:
                self._tell(size, "not tried", f"{self._last_text()}{self._stop.reason}")
            else:
                await self._try(size, 2 * place)
            self._bench.progress("measuring", 2 * place + 2, 2 * len(sizes))
        return self._outcome()

    def _last_text(self) -> str:
        return f"after {self._measured[-1].size} tokens: " if self._measured else ""

    def _too_large(self, size: int) -> str | None:
        """Return why the server can't hold so many tokens, as far as it says; None where it has to be tried."""
        if self._stop is not None and self._stop.outcome == "does not fit":
            return self._stop.reason
        model = self._model
        window = model.context if model and self._window_option is None else None
        trained = model.trained if model else None
        if window is not None and size > window:
            whole = f", all that the model was trained for ({trained})" if trained and window >= trained else ""
            advice = "" if whole else "; start the server with a larger one"
            return f"the server gives a request {window} tokens of context{whole}{advice}"
        if trained is not None and size > trained:
            return f"the model was trained for {trained} tokens"
        return None

    # --- one size --------------------------------------------------------------------------------------------------

    async def _try(self, size: int, done: int) -> None:
        async with MemoryWatch(self._bench) as memory:
            load = await self._load(size)
            if load.problem is not None:
                await memory.look_again()
                self._give_up(size, load.problem, load.problem_kind, memory.span())
                return
            filled = await fill_context(self._bench, self._spec, size, self._characters_per_token)
            first = await self._ask(filled, size)
            self._bench.progress("measuring", done + 1, 2 * len(sizes_of(self._spec)))
            if first.status != "done":
                if first.problem_kind != "context_full":
                    await memory.look_again()
                self._give_up(size, first.problem or "", first.problem_kind, memory.span(), filled, load, first)
                return
            self._learn(filled, first)
            second = await self._ask(filled, size, first)
            span = memory.span()
        load_ns = None if first.figures.ttft_ns is None else first.figures.ttft_ns + (load.load_ns or 0)
        self._measured.append(MeasuredContext(size, load_ns, span.swapped_in, span.ran_out))
        lost = None if second.status == "done" else f"the second question got no answer: {second.problem}"
        self._tell(size, "measured", lost, filled=filled, load=load, span=span, asked=(first, second))
        self._look(load_ns, span, lost)

    async def _load(self, size: int) -> ModelLoad:
        """Load the model with a window of `size` where the server does so."""
        if self._window_option is None:
            return ModelLoad()
        self._bench.progress("loading", 0, 0, note=f"window of {size} tokens")
        return await self._bench.load_model({**self._spec.options, self._window_option: size})

    async def _ask(self, filled: FilledContext, size: int, before: Generation | None = None) -> Generation:
        """Ask the first question, or after it the second, and score the answer."""
        spec, place = self._spec, 0 if before is None else 1
        own = {self._window_option: size} if self._window_option and self._bench.server_kind in IN_REQUESTS else {}
        generation = await self._bench.generate(
            filled.first(spec.system) if before is None else filled.follow_up(spec.system, before.text),
            max_tokens=spec.max_tokens,
            temperature=spec.temperature,
            seed=spec.seed,
            stop=spec.stop,
            options={**spec.options, **own},
            task=str(size),
            category=CATEGORIES[place],
        )
        if generation.status == "done":
            fact = filled.facts[place]
            score = score_answer(
                scorer_of(fact, [other for other in filled.facts if other is not fact]), generation.text
            )
            found = f"`{fact.value}` was found" if score.passed else score.detail
            self._bench.answer_scored(
                generation.request,
                task=str(size),
                category=CATEGORIES[place],
                score=score.score,
                passed=score.passed,
                detail=f"{found}; it stands at {wording.percent(fact.depth)} of the text",
            )
        return generation

    def _learn(self, filled: FilledContext, first: Generation) -> None:
        """Estimate the next text by what the server counted of this one, a little less so that it surely fits."""
        counted = first.figures.prompt_tokens
        if filled.basis == "estimated" and counted:
            self._characters_per_token = 0.98 * len(filled.message) / counted

    def _look(self, load_ns: int | None, span: MemorySpan, lost: str | None) -> None:
        """See whether a greater size is worth a try."""
        most = self._spec.max_load_s
        if span.ran_out is not None:
            self._stop = ContextLimit("out of memory", span.ran_out)
        elif lost is not None:
            self._stop = ContextLimit("failed", lost)
        elif load_ns is not None and load_ns > most * 1e9:
            self._stop = ContextLimit("measured", f"loading took {wording.duration(load_ns)}, longer than {most:g} s")

    def _give_up(  # noqa: PLR0917 - what was tried, and how it went
        self,
        size: int,
        problem: str,
        kind: str | None,
        span: MemorySpan,
        filled: FilledContext | None = None,
        load: ModelLoad | None = None,
        first: Generation | None = None,
    ) -> None:
        """Note a size that got no answer, and what that means for greater ones."""
        outcome: ContextOutcome = "failed"
        if kind == "context_full":
            outcome = "does not fit"
        elif NO_MEMORY.search(problem) or span.ran_out is not None:
            outcome = "out of memory"
            problem = f"{span.ran_out}: {problem}" if span.ran_out else problem
        self._stop = ContextLimit(outcome, problem)
        self._tell(size, outcome, problem, filled=filled, load=load, span=span, asked=(first,) if first else ())

    def _tell(
        self,
        size: int,
        outcome: ContextOutcome,
        reason: str | None,
        *,
        filled: FilledContext | None = None,
        load: ModelLoad | None = None,
        span: MemorySpan | None = None,
        asked: tuple[Generation, ...] = (),
    ) -> None:
        self._bench.context_tried(
            ContextTried(
                t=0,
                job="",
                size=size,
                outcome=outcome,
                reason=reason,
                text_tokens=filled.tokens if filled else None,
                basis=filled.basis if filled else None,
                window=size if self._window_option else self._model.context if self._model else None,
                trained=self._model.trained if self._model else None,
                depths=tuple(round(fact.depth, 4) for fact in filled.facts) if filled else (),
                requests=tuple(generation.request for generation in asked),
                load_ns=load.load_ns if load else None,
                load_source=load.source if load else None,
                swapped_in=span.swapped_in if span else None,
                ran_out=span.ran_out if span else None,
            )
        )

    # --- all sizes -------------------------------------------------------------------------------------------------

    def _outcome(self) -> Outcome:
        stop = self._stop
        if not self._measured:
            assert stop is not None
            if stop.outcome == "does not fit":
                least = f"no size fits: {stop.reason}; give smaller ones by --set sizes=[1024]"
                return Outcome(status="skipped", reason=least)
            return Outcome(status="failed", reason=stop.reason)
        judged = judge_contexts(self._measured, stop, self._spec.max_load_s, self._bench.blind or NOT_READ)
        self._bench.verdict_reached(judged.verdict, judged.sentence, judged.evidence, judged.criteria)
        if stop is not None and stop.outcome == "failed":
            return Outcome(status="failed", reason=stop.reason)
        return Outcome(passed=judged.passed)
