"""One request with what the machine did meanwhile, as summaries and files show it. Pure."""

from dataclasses import dataclass
from typing import Literal

from llmtui.events import Figures
from llmtui.state.request_use import UsedFigure
from llmtui.state.session import Job, Request, SessionState

TimingSource = Literal["native", "client"]
"""Whose clock a rate is by: the server's own one, or llmtui's, by the arrivals."""

SERVER_MEMORY, MACHINE_MEMORY = "server.memory", "ram.used"
NO_READING = "no reading fell into this time"


@dataclass(frozen=True, slots=True)
class Answered:
    """One request. Latencies in ns, rates in tokens/s, memory in bytes, CPU in cores, of the system in percent of all.

    `rate` and `per_token_ns` are by the clock that `timing` names. The memory is that of the server, or of the machine
    where the server's can't be read (`memory_of`); `memory_during` is the median. What is None has its reason in
    `missing`, by the name of the field.
    """

    request: Request
    ttft_ns: int | None
    total_ns: int | None
    rate: float | None
    per_token_ns: float | None
    timing: TimingSource | None
    memory_of: Literal["server", "machine"] | None
    memory_before: float | None
    memory_during: float | None
    memory_after: float | None
    memory_peak: float | None
    cpu_server: float | None
    cpu_client: float | None
    cpu_both: float | None
    cpu_system: float | None
    missing: dict[str, str]


def answered(state: SessionState, request: Request) -> Answered:
    """Return a request with what is known of it now."""
    figures = request.figures or Figures(missing={})
    use = request.use.figures if request.use is not None else {}
    native = figures.server_decode_rate
    rate = figures.decode_rate if native is None else native
    memory = use.get(SERVER_MEMORY) or use.get(MACHINE_MEMORY)
    server, client, system = (_mean(use.get(key)) for key in ("server.cpu", "client.cpu", "cpu.percent"))
    found = Answered(
        request=request,
        ttft_ns=figures.ttft_ns,
        total_ns=figures.e2e_ns,
        rate=rate,
        per_token_ns=1e9 / rate if rate else None,
        timing=None if rate is None else "client" if native is None else "native",
        memory_of=None if memory is None else "server" if SERVER_MEMORY in use else "machine",
        memory_before=memory.before if memory else None,
        memory_during=memory.middle if memory else None,
        memory_after=memory.after if memory else None,
        memory_peak=memory.peak if memory else None,
        cpu_server=server,
        cpu_client=client,
        cpu_both=None if server is None or client is None else server + client,
        cpu_system=system,
        missing={},
    )
    found.missing.update(_missing(state, found, figures))
    return found


def requests_of(state: SessionState, job: Job) -> list[Request]:
    """Return the measured requests of a job that have ended, in their order."""
    known = (state.requests[name] for name in job.requests if name in state.requests)
    return [request for request in known if not request.warmup and request.status != "running"]


def answers_of(state: SessionState, job: Job) -> list[Answered]:
    """Return the requests of a job that were answered."""
    return [answered(state, request) for request in requests_of(state, job) if request.status == "done"]


def _mean(used: UsedFigure | None) -> float | None:
    return None if used is None else used.mean


def _missing(state: SessionState, found: Answered, figures: Figures) -> dict[str, str]:
    """Return why the fields that are None are not known."""
    names = {"ttft_ns": "ttft_ns", "total_ns": "e2e_ns", "rate": "decode_rate", "per_token_ns": "decode_rate"}
    missing = {
        field: figures.missing.get(name, found.request.problem or "no text came")
        for field, name in names.items()
        if getattr(found, field) is None
    }
    keys = {
        "cpu_server": "server.cpu",
        "cpu_client": "client.cpu",
        "cpu_both": "server.cpu",
        "cpu_system": "cpu.percent",
    }
    keys |= {f"memory_{when}": MACHINE_MEMORY for when in ("before", "during", "after", "peak")}
    for field, key in keys.items():
        if getattr(found, field) is None:
            missing[field] = state.missing.get(key, NO_READING)
    return missing
