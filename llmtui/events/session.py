"""What begins, holds up and ends a session, and what is said about it on the way."""

from typing import Literal

from llmtui.events.base import Event
from llmtui.events.payloads import HardwareSnapshot

Severity = Literal["info", "warning", "error"]
SessionOutcome = Literal["completed", "stopped", "failed"]

CLIENT_BOUND = "client-bound"
"""The code of the alert that says that llmtui itself may be in a job's figures."""


class SessionOpened(Event, frozen=True, kw_only=True):
    """The header, first line of every log. `suite` is the suite's YAML word for word, `overrides` what `--set` gave.

    A session that runs jobs of a finished one again names it: `parent` is that session, `parent_jobs` are its jobs, and
    `changes` the parameters that differ; with `within` each of them is repeated until its rate is known to that share.
    """

    format: int
    llmtui: str
    session: str
    name: str
    opened_at: str
    origin_ns: int
    clock: str
    pid: int
    suite: str
    suite_sha256: str
    suite_path: str | None = None
    overrides: dict[str, str] = {}
    models: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    parent: str | None = None
    parent_jobs: tuple[str, ...] = ()
    changes: dict[str, str] = {}
    within: float | None = None
    hardware: HardwareSnapshot = HardwareSnapshot()


class AlertRaised(Event, frozen=True, kw_only=True):
    """Something that a person should know. `code` is stable, `text` a sentence that says what to do."""

    severity: Severity
    code: str
    text: str
    job: str | None = None


class MarkerPlaced(Event, frozen=True, kw_only=True):
    """The user marked this moment."""

    label: str


class QueuePaused(Event, frozen=True, kw_only=True):
    """No further request starts until `QueueResumed`; the one under way goes on."""


class QueueResumed(Event, frozen=True, kw_only=True):
    """The queue goes on."""


class SessionResumed(Event, frozen=True, kw_only=True):
    """Another engine goes on in the log of one that was cut off; its times continue after the last one before.

    `origin_ns` is the session's zero on this engine's monotonic clock, which lets the time without an engine out.
    `cut_bytes` of a torn last line were removed. Of `put_back`, the jobs that ran, what was measured does not count:
    they run anew, and their requests so far are cancelled. `differences` are the sentences, on suite, machine or
    servers, in spite of which the user went on.
    """

    pid: int
    opened_at: str
    origin_ns: int
    llmtui: str
    cut_bytes: int = 0
    put_back: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()


class SessionFinished(Event, frozen=True, kw_only=True):
    """The last line of a whole log. Its absence means that the engine was cut off."""

    outcome: SessionOutcome
    reason: str | None = None
