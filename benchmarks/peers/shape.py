"""What every peer is to this benchmark: how it is installed, started and read; and how far off it was."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from llmtui.testing.truth_record import TruthRecord
from llmtui.testing.truth_scenarios import Api

REQUESTS = 10
TOKENS = 32
SCHEDULE = f"ttft_ms=200+gap_ms=20+tokens={TOKENS}"


class PeerError(Exception):
    """A peer that could not be installed, run or read: one sentence that says why."""


class Case(NamedTuple):
    """One way of streaming, in one of the two protocols; `scenario` is one of `truth_scenarios.SCENARIOS`."""

    scenario: str
    api: Api

    @property
    def model(self) -> str:
        """The name of the model that streams so."""
        return f"{self.scenario}+{SCHEDULE}"

    @property
    def title(self) -> str:
        """As it heads a column."""
        return self.scenario if self.api == "openai" else f"{self.scenario} (Ollama)"


CASES = (
    *(Case(scenario, "openai") for scenario in ("plain", "role", "reasoning_content", "multi4", "nousage")),
    *(Case(scenario, "ollama") for scenario in ("plain", "thinking")),
)


class Order(NamedTuple):
    """One run of a peer: what it is to measure, where its programs are, and a folder of its own for its files."""

    case: Case
    url: str
    programs: Path
    folder: Path
    requests: int = REQUESTS


class Figures(NamedTuple):
    """TTFT and inter-token latency in ms, decode rate in tokens per second; None: not known, or not told."""

    ttft_ms: float | None = None
    itl_ms: float | None = None
    rate: float | None = None


class Peer(NamedTuple):
    """One tool.

    Attributes:
        name: As it stands in the tables, and the name of its folder.
        requirement: What pip is asked for, with its version.
        apis: The protocols that it speaks.
        command: The command line of a run.
        read: Reads what the run left in its folder. `PeerError`, or any error of a file that is not as expected.
        prepare: Writes the files that a run needs, so that it fetches nothing.
        environ: Variables of a run, beside those that `environ_of` sets for all.
        silent: Figures that the tool never tells, with the reason.
        average: How it averages over its requests, and so how the truth is averaged beside it.
    """

    name: str
    requirement: str
    apis: frozenset[Api]
    command: Callable[[Order], Sequence[str]]
    read: Callable[[Order], Figures]
    prepare: Callable[[Order], None] = lambda _order: None
    environ: Callable[[Order], Mapping[str, str]] = lambda _order: {}
    silent: Mapping[str, str] = {}
    average: Callable[[Sequence[float]], float | None] = fmean


def true_figures(records: Sequence[TruthRecord], average: Callable[[Sequence[float]], float | None] = fmean) -> Figures:
    """Return what the server really sent, averaged over its answers.

    TTFT counts from the last byte of the request to the first send with text. The rate counts the tokens after that
    send over the time to the last one; the inter-token latency is its inverse.
    """
    streams = [(record.received_ns, record.pieces) for record in records if record.pieces]
    ttfts = [(pieces[0][0] - received) / 1e6 for received, pieces in streams]
    rates = [
        sum(tokens for _, tokens, _ in pieces[1:]) * 1e9 / (pieces[-1][0] - pieces[0][0])
        for _, pieces in streams
        if pieces[-1][0] > pieces[0][0]
    ]
    rate = average(rates) if rates else None
    return Figures(average(ttfts) if ttfts else None, 1000 / rate if rate else None, rate)
