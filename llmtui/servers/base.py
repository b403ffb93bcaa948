"""What the engine needs of a server of its own."""

from typing import Protocol

from llmtui.events import Model


class ServerError(Exception):
    """A server that can't be started: one sentence that says what to do."""


class LocalServer(Protocol):
    """A server in a child process, for one model. `model.id` is the name by which it answers."""

    model: Model

    @property
    def pid(self) -> int | None:
        """The child's process id; None before the start and after the stop."""

    @property
    def running(self) -> bool:
        """Whether the child lives."""

    async def start(self) -> str:
        """Start the child and return the base URL once it answers. Raises `ServerError`."""

    async def stop(self) -> int | None:
        """End the child, gently and then not; return its exit code."""

    def problem(self) -> str:
        """Return a sentence about a child that ended without being asked to."""
