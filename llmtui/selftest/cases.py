"""What a self-test sends: the scenarios of the known-truth server, and what llmtui has to make of each."""

from typing import NamedTuple

from llmtui.events import TokenBasis
from llmtui.testing.truth_scenarios import SCENARIOS, Api, read_scenario

REQUESTS = 2
"""Measured requests in each case."""

WARM = "plain+ttft_ms=50+gap_ms=2+tokens=10"
"""Runs first in each engine and counts nothing: connections are opened, and code runs for the first time."""

_SHORT = "+ttft_ms=40+gap_ms=5+tokens=40"
# Long enough that what a rate can't know, or one late stamp, weighs less than 1 %.
_LENGTHS = {
    "plain": "+ttft_ms=100+gap_ms=10+tokens=150",
    "speculative": "+ttft_ms=40+gap_ms=5+tokens=500",
    "bytewise": "+ttft_ms=40+gap_ms=20+tokens=16",
    "role": "+ttft_ms=150+gap_ms=5+tokens=40",
    "stall": "+ttft_ms=40+gap_ms=5+tokens=40+stall_ms=300",
}


class Case(NamedTuple):
    """One scenario over one protocol, and what is expected besides the true times.

    Attributes:
        basis: Of the token count.
        stated: Whether the count is the server's word, which may be wrong, instead of the true number of tokens.
        problem: The kind of problem with which the request has to fail.
        note: Words that a note beside the figures has to hold.
        server_rate: Whether a decode rate of the server's own has to be there; None where nothing is expected.
    """

    api: Api
    model: str
    basis: TokenBasis = "server"
    stated: bool = False
    problem: str | None = None
    note: str | None = None
    server_rate: bool | None = None

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.api} {read_scenario(self.model).name}"


class StreamsCase(NamedTuple):
    """Many requests at once; with `at_once` the wait of the last one is judged, else the stamps of all."""

    name: str
    model: str
    streams: int
    at_once: bool = False


def all_cases() -> list[Case]:
    """Return every scenario over every protocol in which it has a meaning."""
    apis: tuple[Api, ...] = ("openai", "ollama")
    return [
        make_case(api, f"{name}{_LENGTHS.get(name, _SHORT)}")
        for api in apis
        for name, traits in SCENARIOS.items()
        if api in traits.apis and name != "flood"
    ]


def make_case(api: Api, model: str) -> Case:
    """Return the case of a model's name. `ValueError` for one that names no scenario."""
    traits = read_scenario(model).traits
    case = Case(api, model)
    if traits.ending != "done":
        return case._replace(basis="chunks", problem="server_error" if traits.ending == "error" else "disconnected")
    if traits.counters in {"none", "negative"}:
        case = case._replace(basis="chunks")
    if traits.counters == "low":
        case = case._replace(stated=True, note="the server counts")
    if api == "ollama":
        case = case._replace(server_rate=traits.counters in {"true", "low"})
    return case


STREAMS = (
    StreamsCase("16 streams x 50 tok/s in phase", "plain+ttft_ms=200+gap_ms=20+tokens=60+slots=1", 16),
    StreamsCase("64 streams x 50 tok/s in phase", "plain+ttft_ms=200+gap_ms=20+tokens=100+slots=1", 64),
    StreamsCase("64 streams x 50 tok/s spread", "plain+ttft_ms=200+gap_ms=20+tokens=100+slots=64", 64),
    StreamsCase("64 requests at once", "plain+ttft_ms=300+gap_ms=20+tokens=2", 64, at_once=True),
)
