"""A whole self-test: runs every case on the real engine, judges it, and repeats what a busy machine may have spoilt.

A timing bound that is broken is tried again up to twice and the best run counts; counts and kinds are not.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from llmtui.events import Event, SessionOpened
from llmtui.log.read import LogError, read_log
from llmtui.selftest.bounds import Bounds
from llmtui.selftest.cases import REQUESTS, STREAMS, WARM, Case, StreamsCase, all_cases
from llmtui.selftest.children import SelftestError, Truth, run_engine, truth_server
from llmtui.selftest.judge import judge_case, judge_streams, judge_together, tail_strain
from llmtui.selftest.pairs import Pair, join, read_requests
from llmtui.selftest.results import Report, load_average, make_report
from llmtui.selftest.rows import Row
from llmtui.testing.truth_record import TruthRecord, read_truth
from llmtui.testing.truth_scenarios import Api

TRIES = 3
TRUTH_WITHIN_S = 5.0
Say = Callable[[str], None]
CaseT = TypeVar("CaseT", Case, StreamsCase)


def run_selftest(
    folder: Path,
    *,
    cases: Sequence[Case] | None = None,
    streams: Sequence[StreamsCase] = STREAMS,
    bounds: Bounds | None = None,
    requests: int = REQUESTS,
    tries: int = TRIES,
    say: Say = lambda _line: None,
) -> Report:
    """Run `cases` (None: all) and `streams` with their files in `folder`, which is empty; `say` gets progress lines.

    A timing bound that is broken is given `tries` runs in all. Raises `SelftestError` when it could not run.
    """
    began, load = time.monotonic(), load_average()
    cases = all_cases() if cases is None else cases
    with ExitStack() as stack:
        models = [WARM, *(case.model for case in cases), *(case.model for case in streams)]
        truth = stack.enter_context(truth_server(folder, models))
        run = _Run(folder, truth, say, bounds=bounds or Bounds(), requests=requests, tries=tries)
        rows = run.cases(cases) + run.streams(streams)
    return make_report(rows, seconds=time.monotonic() - began, load=load, clock=run.clock)


class Attempt(NamedTuple):
    """One run of a case. `tail` above 1: its late chunks would break the bounds of the rows over all cases."""

    rows: Sequence[Row]
    pairs: Sequence[Pair]
    tail: float = 0.0

    @property
    def spoilt(self) -> bool:
        """Whether a count or a kind is wrong, which no busy machine explains and no better run makes good."""
        return any(row.verdict == "FAILED" and not row.timing for row in self.rows)

    @property
    def may_be_noise(self) -> bool:
        """Whether another run may be better."""
        return not self.spoilt and (self.tail > 1 or any(row.verdict == "FAILED" for row in self.rows))

    @property
    def badness(self) -> tuple[int, float]:
        """How many bounds are broken, and how far the worst one is strained."""
        strains = [self.tail, *(row.strain for row in self.rows)]
        return sum(row.verdict == "FAILED" for row in self.rows), max(strains)

    def tried(self, number: int) -> "Attempt":
        """Return it as the best of `number` runs."""
        return self._replace(rows=[msgspec.structs.replace(row, tries=number) for row in self.rows])


class _Run:
    """What the parts of a self-test share."""

    def __init__(self, folder: Path, truth: Truth, say: Say, *, bounds: Bounds, requests: int, tries: int) -> None:
        self._folder = folder
        self._truth = truth
        self._bounds = bounds
        self._requests = requests
        self._tries = tries
        self._say = say
        self._logs = 0
        self.clock = ""

    def cases(self, cases: Sequence[Case]) -> list[Row]:
        """Run all cases, each scenario after the other, and judge them alone and together."""

        def attempt(left: Sequence[Case]) -> list[Attempt]:
            pairs = self._engine_pairs(left)
            return [
                Attempt(
                    judge_case(case, pairs[case], self._requests, self._bounds),
                    pairs[case],
                    tail_strain(pairs[case], self._bounds),
                )
                for case in left
            ]

        best = best_of(cases, attempt, self._say, self._tries)
        together = judge_together([pair for kept in best for pair in kept.pairs], self._bounds)
        tries = max((row.tries for kept in best for row in kept.rows), default=1)
        together = [msgspec.structs.replace(row, tries=tries) for row in together]
        return [*together, *(row for kept in best for row in kept.rows)]

    def streams(self, cases: Sequence[StreamsCase]) -> list[Row]:
        """Run the cases of many streams."""

        def attempt(left: Sequence[StreamsCase]) -> list[Attempt]:
            pairs = {case: self._stream_pairs(case) for case in left}
            return [Attempt(judge_streams(case, pairs[case], self._bounds), pairs[case]) for case in left]

        return [row for kept in best_of(cases, attempt, self._say, self._tries) for row in kept.rows]

    def _engine_pairs(self, cases: Sequence[Case]) -> dict[Case, list[Pair]]:
        """Run one engine for each protocol, as `llmtui run --url` would."""
        pairs: dict[Case, list[Pair]] = {}
        apis: tuple[Api, ...] = ("openai", "ollama")
        for api in apis:
            chosen = [case for case in cases if case.api == api]
            if chosen:
                prompts = [f"Prompt {place + 1} of the self-test." for place in range(self._requests)]
                workload = {"kind": "generate", "prompts": prompts}
                progress = _Progress(f"{api}, starting", [case.name for case in chosen], self._say)
                found = self._run(api, [case.model for case in chosen], workload, progress.step)
                pairs |= {case: [pair for pair in found if _names(pair, case)] for case in chosen}
        return pairs

    def _stream_pairs(self, case: StreamsCase) -> list[Pair]:
        # Each stream sends one request, and the warm-up before has opened as many connections.
        self._say(case.name)
        prompts = ["One of many prompts of the self-test."]
        workload = {"kind": "load", "prompts": prompts, "concurrency": case.streams, "requests": case.streams}
        found = self._run("openai", [case.model], workload, lambda: None)
        return [pair for pair in found if pair.truth.model == case.model]

    def _run(
        self, api: Api, models: Sequence[str], workload: Mapping[str, Any], on_job: Callable[[], None]
    ) -> list[Pair]:
        """Run one engine on `models`, after a first one that counts nothing."""
        self._logs += 1
        log = self._folder / f"selftest-{self._logs}.jsonl"
        run_engine(log, url=self._truth.urls[api], models=[WARM, *models], workload=workload, on_job=on_job)
        return self._join(log)

    def _join(self, log: Path) -> list[Pair]:
        """Join a log with the truth, whose last line may take a moment."""
        try:
            events = read_log(log).events
        except LogError as error:
            raise SelftestError(str(error)) from None
        self.clock = _clock(events) or self.clock
        requests = read_requests(events)
        until = time.monotonic() + TRUTH_WITHIN_S
        while True:
            pairs = join(requests, self._records())
            if len(pairs) == len(requests) or time.monotonic() > until:
                return [pair for pair in pairs if not pair.logged.warmup]
            time.sleep(0.05)

    def _records(self) -> list[TruthRecord]:
        return read_truth(self._truth.file) if self._truth.file.exists() else []


class _Progress:
    """One line before each scenario; the first job of an engine is no scenario."""

    def __init__(self, start: str, names: Sequence[str], say: Say) -> None:
        self._lines = [start, *(f"{name} ({place + 1} of {len(names)})" for place, name in enumerate(names))]
        self._say = say
        self._at = -1
        self.step()

    def step(self) -> None:
        """One job more ended."""
        self._at += 1
        if self._at < len(self._lines):
            self._say(self._lines[self._at])


def best_of(
    cases: Sequence[CaseT], run: Callable[[Sequence[CaseT]], Sequence[Attempt]], say: Say, tries: int = TRIES
) -> list[Attempt]:
    """Run `cases`, and those again of which nothing but a timing bound was broken; keep the best run of each."""
    best: dict[CaseT, Attempt] = {}
    left = list(cases)
    for number in range(1, tries + 1):
        if number > 1 and left:
            say(f"again, since a bound was broken: {', '.join(case.name for case in left)}")
        for case, attempt in zip(left, run(left) if left else (), strict=True):
            kept = best.get(case)
            better = kept is None or attempt.spoilt or attempt.badness < kept.badness
            best[case] = (attempt if better or kept is None else kept).tried(number)
        left = [case for case in left if best[case].may_be_noise]
    return [best[case] for case in cases]


def _names(pair: Pair, case: Case) -> bool:
    return pair.truth.api == case.api and pair.truth.model.partition(":")[0] == case.model


def _clock(events: Sequence[Event]) -> str | None:
    header = next((event for event in events if isinstance(event, SessionOpened)), None)
    return header.clock if header else None
