"""What becomes of the servers of a session, and of the models in their memory."""

from typing import Literal

from llmtui.events.base import Event
from llmtui.events.payloads import Server, ServerProcess


class ServerStarted(Event, frozen=True, kw_only=True):
    """llmtui started this server itself, and so will stop it."""

    target: str
    pid: int
    url: str


class ServerStopped(Event, frozen=True, kw_only=True):
    """A server of ours ended; `reason` says why when nobody asked it to."""

    target: str
    pid: int
    exit_code: int | None = None
    reason: str | None = None


class TargetResolved(Event, frozen=True, kw_only=True):
    """A target of the suite was reached, or not: then `problem` is the sentence that says what to do."""

    target: str
    url: str
    server: Server | None = None
    problem: str | None = None


class ServerProcessesFound(Event, frozen=True, kw_only=True):
    """The process tree behind a target's port, or the reason why it is not visible."""

    target: str
    processes: tuple[ServerProcess, ...] = ()
    missing: str | None = None


class ModelLoaded(Event, frozen=True, kw_only=True):
    """A server made a model ready. `load_ns` is the server's figure or, failing that, the client's wait (`source`).

    It is None where the model was in memory already, or where the server does not tell whether it was.
    """

    target: str
    model: str
    load_ns: int | None = None
    source: Literal["server", "client"] | None = None


class ModelUnloaded(Event, frozen=True, kw_only=True):
    """A model was to leave a server's memory, after it was measured or to make room for `job`.

    `gone`: the server no longer lists it, or its process has ended; False: it stays, and `reason` says why; None: the
    server took the order and does not tell what it holds. `wait_ns` is how long that took. `found`: it was in memory
    before the session asked for it, and is not loaded again. `memory` holds the first readings of memory after it.
    """

    job: str
    target: str
    model: str
    gone: bool | None = None
    wait_ns: int | None = None
    reason: str | None = None
    found: bool = False
    memory: dict[str, float] = {}
