"""What a workload is given, and what it gives back."""

from collections.abc import Callable
from typing import Literal, Protocol, TypeVar

import msgspec

from llmtui.events import (
    ContextTried,
    Criterion,
    Figures,
    JobCause,
    JobStatus,
    Model,
    OfferedLoad,
    Phase,
    RequestStatus,
    ServerTimings,
    Usage,
)
from llmtui.metrics.decode_intervals import IntervalRate
from llmtui.metrics.load import LoadFigures, Window
from llmtui.suites.schema import Workload as WorkloadSpec
from llmtui.telemetry.sensors import Sensors

ResultT = TypeVar("ResultT")
SpecT_contra = TypeVar("SpecT_contra", bound=WorkloadSpec, contravariant=True)

Messages = tuple[tuple[str, str], ...]
"""A conversation as (role, text) pairs."""


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it went. `problem` is the sentence of what went wrong; text and figures hold up to there.

    `due_ns`, `sent_ns`, `ended_ns` and `arrivals_ns` (of each chunk) are nanoseconds since the session's origin.
    """

    status: RequestStatus
    text: str
    reasoning: str
    figures: Figures
    request: str = ""
    due_ns: int = 0
    sent_ns: int | None = None
    ended_ns: int = 0
    arrivals_ns: tuple[int, ...] = ()
    usage: Usage | None = None
    timings: ServerTimings | None = None
    finish_reason: str | None = None
    problem: str | None = None
    problem_kind: str | None = None


class ModelLoad(msgspec.Struct, frozen=True, kw_only=True):
    """How a model was loaded: `load_ns` by the server's clock or the client's (`source`), or the `problem`."""

    load_ns: int | None = None
    source: Literal["server", "client"] | None = None
    problem: str | None = None
    problem_kind: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended; `passed` is for workloads with criteria, None for those that only measure."""

    status: JobStatus = "done"
    reason: str | None = None
    passed: bool | None = None
    cause: JobCause | None = None


class FindingsLog(Protocol):
    """Where a workload puts down what it found beyond the figures of its requests, and how far it is."""

    def progress(self, phase: Phase, done: int, total: int, note: str | None = None) -> None:
        """Tell how far the job is."""

    def answer_scored(
        self,
        request: str,
        *,
        task: str,
        category: str,
        score: float,
        passed: bool,
        detail: str,
        parts: dict[str, float] | None = None,
    ) -> None:
        """Log how an answer was scored; `request` is `Generation.request`, `parts` are of what the score is made."""

    def step_finished(
        self, step: int, load: OfferedLoad, window: Window, figures: LoadFigures, notes: tuple[str, ...] = ()
    ) -> None:
        """Log what one level of a load showed."""

    def capacity_found(self, load: OfferedLoad | None, sentence: str) -> None:
        """Log the end of a search for the highest load."""

    def interval_recorded(
        self, start: int, end: int, rate: IntervalRate, figures: dict[str, tuple[float, float, float]]
    ) -> None:
        """Log one record of a long run."""

    def context_tried(self, tried: ContextTried) -> None:
        """Log what came of one size of context; its `t` and `job` are filled in."""

    def verdict_reached(
        self, verdict: str, sentence: str, evidence: tuple[str, ...], criteria: tuple[Criterion, ...]
    ) -> None:
        """Log what a run says of the machine."""

    def warn(self, code: str, text: str) -> None:
        """Log a warning about this job."""


class Bench(FindingsLog, Protocol):
    """The bench that a workload works on. It takes care of pause, log, time limits and warm-up.

    `sensors` has the latest readings of the hardware; `blind` is why they can't speak for the server (it runs on
    another machine), None where they can. `cut_short` is what came of requests that were cancelled.
    """

    sensors: Sensors
    blind: str | None
    cut_short: list[Generation]

    @property
    def server_kind(self) -> str:
        """The kind of the server, as in `llmtui.events.Server`; "" for a job without one."""

    async def generate(
        self,
        messages: Messages,
        *,
        max_tokens: int,
        temperature: float | None = None,
        seed: int | None = None,
        stop: tuple[str, ...] = (),
        options: dict[str, object] | None = None,
        unique: bool = False,
        due_ns: int | None = None,
        step: int = 0,
        task: str = "",
        category: str = "",
    ) -> Generation:
        """Send one request and measure it; several may run at once. Never raises.

        `unique` keeps it out of the server's prompt cache; `due_ns` is when it should have been sent (None: now).
        `task` and `category` name it in the log.
        """

    async def count_tokens(self, text: str) -> int | None:
        """Count `text` by the server's own tokenizer; None where it has none."""

    async def describe_model(self) -> Model | None:
        """Ask the server what it says of the job's model now; None where it does not answer."""

    async def load_model(self, options: dict[str, object]) -> ModelLoad:
        """Unload the job's model and load it with `options`, and log how long the loading took. Never raises."""

    def now(self) -> int:
        """Return nanoseconds since the session's origin."""

    async def sleep(self, seconds: float) -> None:
        """Wait; the time of a pause by the user does not count."""

    async def passage(self) -> None:
        """Wait while the user has paused the queue."""

    async def apart(self, work: Callable[[], ResultT]) -> ResultT:
        """Do `work` that takes longer than a few milliseconds, without holding up anything else."""

    def paused_ns(self) -> int:
        """Return for how long the user has paused the queue so far."""

    def unique_line(self) -> str:
        """Return a line, with its end, that no other request has: at its start it keeps a prompt out of any cache."""


class Workload(Protocol[SpecT_contra]):
    """A kind of job."""

    async def unfit(self, spec: SpecT_contra, bench: Bench, /) -> str | None:
        """Return why the job can't be run on this machine and what to do about it, None where it can.

        It is asked before a server is started or a model loaded for the job, so `bench` can't send anything yet.
        """

    async def run(self, spec: SpecT_contra, bench: Bench) -> Outcome:
        """Run one job to its end."""


class NeedsOnlyServer:
    """The base of each workload that needs nothing on this machine but what every session has."""

    async def unfit(self, _spec: WorkloadSpec, _bench: Bench, /) -> str | None:
        """Return None: such a workload can be run anywhere."""
        return None
