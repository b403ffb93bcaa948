"""What a workload is given that compares models: a bench for each of them."""

from typing import Any, Protocol

from llmtui.events import RequestStatus
from llmtui.suites.kinds.base import Generating
from llmtui.workloads.base import Bench, Generation, Messages


class ModelBench(Protocol):
    """One model on its target: brought into memory, asked, let go. Nothing here raises."""

    @property
    def name(self) -> str:
        """How sentences name the model."""

    async def load(self, spec: Generating) -> str | None:
        """Make the model ready and warm it up; return the sentence of what kept it from that."""

    async def generate(
        self,
        messages: Messages,
        *,
        max_tokens: int,
        temperature: float | None,
        seed: int | None,
        stop: tuple[str, ...],
        options: dict[str, Any],
        task: str,
    ) -> Generation:
        """Send one request to this model and measure it, beside those to the others."""

    def ended(self, status: RequestStatus, problem: str | None = None) -> None:
        """Log that the model has done its part, or what kept it from that."""

    async def unload(self) -> None:
        """Let go of the model, look whether it is gone, and log both. One that was not loaded, or not by us, stays."""


class Lineup(Protocol):
    """The models of a job, and the memory in which they have to find room."""

    @property
    def models(self) -> tuple[ModelBench, ...]:
        """The models, in the order in which they are loaded."""

    async def clear(self) -> None:
        """Unload whatever the targets of the session hold, and log it."""

    async def check_together(self) -> None:
        """Warn where a server does not hold all of its models of this job at once."""

    def same_line(self, number: int) -> str:
        """Return a line, with its end, that this run alone has, the same for all of its models."""


class LineupBench(Bench, Protocol):
    """The bench of a job that compares models."""

    lineup: Lineup
