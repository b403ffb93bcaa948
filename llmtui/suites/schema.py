"""The shape of a suite. One struct per kind of workload; the field `kind` chooses among them."""

from typing import Any, Literal

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patience, in seconds: `stall_s` without a byte of content, `request_s` for a request, `load_s` for a model."""

    stall_s: float = 60.0
    request_s: float = 600.0
    load_s: float = 300.0


class Workload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag=str.lower):
    """What all kinds of workload share: `name` is what the queue and the results show."""

    name: str = ""


class Generate(Workload, frozen=True, kw_only=True, tag="generate"):
    """Each prompt is one measured request, one after another.

    `prompt_cache` "avoid" begins each request with a line of its own, so that no server can answer from the cache of an
    earlier one; "allow" sends the prompts as they are. `options` go to the backend as they are.
    """

    prompts: tuple[str, ...]
    system: str | None = None
    max_tokens: int = 128
    temperature: float | None = 0.0
    seed: int | None = 42
    stop: tuple[str, ...] = ()
    prompt_cache: Literal["avoid", "allow"] = "avoid"
    options: dict[str, Any] = {}


class Watch(Workload, frozen=True, kw_only=True, tag="watch"):
    """Send nothing; watch the hardware and the server for `duration_s` seconds (None: until stopped)."""

    duration_s: float | None = None


AnyWorkload = Generate | Watch


class Embedded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to start the embedded server.

    `threads` None takes the physical cores but one: llama.cpp's threads wait for one another by spinning, so that a
    single busy neighbour on a full machine costs far more than the core that is left to it here.
    """

    context: int = 4096
    parallel: int = 1
    threads: int | None = None


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite. `targets` are `embedded`, `detected` or URLs; `models` are names as the servers know them.

    Without `targets` the detected servers are taken, without `models` the one that is loaded, else the first.
    """

    name: str
    workloads: tuple[AnyWorkload, ...]
    title: str = ""
    description: str = ""
    targets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    iterations: int = 1
    warmup: int = 1
    pause_s: float = 0.0
    sample_ms: int = 500
    limits: Limits = Limits()
    embedded: Embedded = Embedded()
