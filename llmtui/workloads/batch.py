"""Workload `batch`: a pile of documents is summarised, one after another.

Sends: a text of its own in each request, composed of natural sentences to a length of 200 to 500 tokens by the server's
own tokenizer, each unique to the prompt cache. Measures: the figures of each request, and the server's memory after
each. Judges: how much the times vary, lengths taken out (see `llmtui.metrics.work_pace`), and if the suite gives a
limit whether memory grows.
"""

from collections.abc import Mapping, Sequence

from llmtui import wording
from llmtui.events import Criterion
from llmtui.metrics.memory_trend import growth_criterion
from llmtui.metrics.statistics import finite
from llmtui.metrics.work_pace import Piece, WorkPace, taken_ns, work_pace
from llmtui.suites.kinds.everyday import QUICK_TOKENS, Batch
from llmtui.workloads.asking import all_of, ask, hopeless, outcome_of, with_system
from llmtui.workloads.base import Bench, Generation, NeedsOnlyServer, Outcome
from llmtui.workloads.documents import make_documents

INSTRUCTION = "Summarise the following text in two or three sentences. Keep names and numbers as they are.\n\n"
LEAST_PIECES = 4
"""With fewer answers nothing is said of how much the times vary."""

_MEMORIES: Mapping[str, tuple[str, ...]] = {
    "memory of the server": ("server.memory.private", "server.memory.file"),
    "GPU memory of the server": ("server.memory.gpu",),
}
_WORDS = {True: "steady", False: "not steady", None: "not judged"}


class BatchWorkload(NeedsOnlyServer):
    """Runs `llmtui.suites.schema.Batch`."""

    async def run(self, spec: Batch, bench: Bench) -> Outcome:
        """Make the documents, have each of them summarised, and judge."""
        total = spec.planned_requests
        bench.progress("loading", 0, total, note="composing the documents")
        documents = await make_documents(bench, total, (spec.least_tokens, spec.most_tokens), spec.text_seed)
        answers: list[Generation] = []
        memory: dict[str, list[tuple[int, float]]] = {}
        bench.progress("measuring", 0, total)
        for number, document in enumerate(documents, 1):
            generation = await ask(
                spec,
                bench,
                with_system(spec.system, f"{INSTRUCTION}{document}"),
                most_tokens=QUICK_TOKENS if spec.quick else None,
                unique=True,
                task=f"document-{number}",
            )
            answers.append(generation)
            _note_memory(bench, memory)
            if hopeless(generation):
                break
            bench.progress("measuring", number, total)
        done = [answer for answer in answers if answer.status == "done"]
        pace = work_pace(_pieces(done))
        trend = growth_criterion(memory, spec.max_growth, bench.blind)
        criteria = (_steadiness(pace, spec.max_variation), *((trend,) if spec.max_growth is not None else ()))
        if done:
            verdict = _WORDS[all_of(criteria)]
            sentence = f"{verdict}: {len(done)} of {total} documents were summarised"
            told = () if spec.max_growth is not None else (f"memory: {trend.text}",)
            bench.verdict_reached(verdict, sentence, told, criteria)
        return outcome_of([answer for answer in answers if answer.status != "done"], total, "documents", criteria)


def _pieces(done: Sequence[Generation]) -> list[Piece]:
    times = ((answer, taken_ns(answer.figures, answer.sent_ns, answer.ended_ns)) for answer in done)
    return [Piece(time, answer.figures) for answer, time in times if time is not None]


def _steadiness(pace: WorkPace, most: float) -> Criterion:
    known = len(finite(pace.paces))
    if pace.variation is None or known < LEAST_PIECES:
        text = f"not evaluated: {known} documents have known times and token counts; {LEAST_PIECES} show how they vary"
        return Criterion(name="variation", passed=None, text=text)
    varied = f"{wording.percent(pace.variation, 1)} (coefficient of variation over {known}, lengths taken out)"
    text = f"the times varied by {varied}; allowed is {wording.percent(most)}"
    return Criterion(name="variation", passed=pace.variation <= most, text=text)


def _note_memory(bench: Bench, memory: dict[str, list[tuple[int, float]]]) -> None:
    """Note what the server's memory was read as last, unless that is an old reading."""
    latest = bench.sensors.latest()
    for name, keys in _MEMORIES.items():
        read = [latest[key] for key in keys if key in latest]
        points = memory.get(name, [])
        # Weights that are mapped from a file may not be there; private memory always is.
        if keys[0] in latest and (not points or points[-1][0] < read[0][0]):
            memory.setdefault(name, points).append((read[0][0], sum(value for _, value in read)))
