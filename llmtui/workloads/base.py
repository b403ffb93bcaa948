"""What a workload is given, and what it gives back."""

from typing import Protocol, TypeVar

import msgspec

from llmtui.events import Figures, JobStatus, Phase, RequestStatus, ServerTimings, Usage
from llmtui.suites.schema import Workload as WorkloadSpec

SpecT_contra = TypeVar("SpecT_contra", bound=WorkloadSpec, contravariant=True)

Messages = tuple[tuple[str, str], ...]
"""A conversation as (role, text) pairs."""


class Generation(msgspec.Struct, frozen=True, kw_only=True):
    """One request as it went. `problem` is the sentence of what went wrong; text and figures hold up to there."""

    status: RequestStatus
    text: str
    reasoning: str
    figures: Figures
    usage: Usage | None = None
    timings: ServerTimings | None = None
    finish_reason: str | None = None
    problem: str | None = None
    problem_kind: str | None = None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a job ended; `passed` is for workloads with criteria, None for those that only measure."""

    status: JobStatus = "done"
    reason: str | None = None
    passed: bool | None = None


class Bench(Protocol):
    """The bench that a workload works on. It takes care of pause, log, time limits and warm-up."""

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
    ) -> Generation:
        """Send one request and measure it. `unique` keeps it out of the server's prompt cache. Never raises."""

    async def sleep(self, seconds: float) -> None:
        """Wait; the time of a pause by the user does not count."""

    def progress(self, phase: Phase, done: int, total: int, note: str | None = None) -> None:
        """Tell how far the job is."""


class Workload(Protocol[SpecT_contra]):
    """A kind of job."""

    async def run(self, spec: SpecT_contra, bench: Bench) -> Outcome:
        """Run one job to its end."""
