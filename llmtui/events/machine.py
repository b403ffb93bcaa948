"""What the machine was like meanwhile, and what llmtui itself used of it."""

from llmtui.events.base import Event


class SampleTaken(Event, frozen=True, kw_only=True):
    """Readings of the hardware at `t`, keys as in `llmtui.readings`.

    `missing` gives the reason for each key that cannot be read; it is repeated only when it changes.
    """

    values: dict[str, float]
    missing: dict[str, str] = {}


class SelfMeasured(Event, frozen=True, kw_only=True):
    """What llmtui itself used since the last such event: shares of one core in percent, lag of the engine's loop."""

    engine_cpu: float
    sampler_cpu: float | None = None
    lag_p50_ns: int | None = None
    lag_p99_ns: int | None = None
    engine_memory: int | None = None
    sampler_memory: int | None = None
    log_bytes: int | None = None


class ViewerMeasured(Event, frozen=True, kw_only=True):
    """What a viewer said that it used since its last word: percent of a core, bytes/s to its terminal."""

    pid: int
    cpu: float
    terminal_rate: float
    memory: int | None = None


class SamplerStarted(Event, frozen=True, kw_only=True):
    """A sampler child began to deliver."""

    pid: int
    interval_ms: int


class SamplerLost(Event, frozen=True, kw_only=True):
    """The sampler ended or went silent; until the next `SamplerStarted` there is a gap in the samples."""

    reason: str
