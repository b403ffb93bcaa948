"""The shape of a suite. One struct per kind of workload; the field `kind` chooses among them."""

from typing import Any, Literal

import msgspec

from llmtui.suites.kinds.base import Generating as Generating
from llmtui.suites.kinds.base import Workload as Workload
from llmtui.suites.kinds.comparing import CompareModels as CompareModels
from llmtui.suites.kinds.everyday import Batch as Batch
from llmtui.suites.kinds.everyday import Consistency as Consistency
from llmtui.suites.kinds.everyday import Everyday as Everyday
from llmtui.suites.kinds.everyday import Interactive as Interactive
from llmtui.suites.kinds.everyday import Student as Student
from llmtui.suites.kinds.long_context import LongContext as LongContext
from llmtui.suites.kinds.refactor import Refactor as Refactor
from llmtui.suites.kinds.report import Report as Report
from llmtui.suites.kinds.sweep import Sweep as Sweep


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patience, in seconds: `stall_s` without a byte of content, `request_s` for a request, `load_s` for a model.

    A job that takes longer than `job_s` (None: as long as it takes) fails with what it has; a pause does not count.
    Above `client_cpu` percent of a core for the engine, or `client_lag_ms` of its loop's lag at p99, a job is flagged
    as client-bound: then llmtui itself may be in its figures.
    """

    stall_s: float = 60.0
    request_s: float = 600.0
    load_s: float = 300.0
    job_s: float | None = None
    client_cpu: float = 70.0
    client_lag_ms: float = 20.0


class Generate(Generating, frozen=True, kw_only=True, tag="generate"):
    """Each prompt is one measured request, one after another.

    `prompt_cache` "avoid" begins each request with a line of its own, so that no server can answer from the cache of an
    earlier one; "allow" sends the prompts as they are.
    """

    prompts: tuple[str, ...]
    prompt_cache: Literal["avoid", "allow"] = "avoid"


class Synthetic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prompts made up to a length: `tokens` by the server's own tokenizer, `count` different ones."""

    tokens: int
    count: int = 16


class Slo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request must keep to be a good one: upper limits in ms, for the ITL on the mean over the request.

    A load keeps the SLO when at least `share` of its requests do.
    """

    ttft_ms: float | None = None
    itl_ms: float | None = None
    e2e_ms: float | None = None
    share: float = 0.95


class Search(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Look for the highest load between `lowest` and `highest` that still keeps the SLO."""

    over: Literal["concurrency", "rate"] = "concurrency"
    lowest: float = 1
    highest: float = 64


class Load(Generating, frozen=True, kw_only=True, tag="load"):
    """Many requests at once, measured while the load is held.

    Closed loop: `concurrency` streams, each of which sends its next request when the one before has ended. Open loop:
    `rate` requests a second whatever the server does, at `arrivals` that are random (Poisson) or even; latencies then
    count from the moment at which a request was due. A list is a sweep, a job for each level; with `ramp` one job that
    goes through the levels without a pause; with `search` one job that finds its levels itself.

    A level ends after `requests` or after `duration_s`. Left out of the figures are requests that were due in the first
    `warmup_s` (None: until each stream has had an answer, in an open loop the first tenth) or the last `cooldown_s`.

    Prompts come from `prompts`, or are `synthetic`, or stand in `file`, JSONL with `prompt`, `messages` or
    `conversations` (the ShareGPT shape). With `turns` above 1 each stream holds conversations, and waits `think_s`
    before each further turn. `prompt_cache` "avoid" makes each request unique from its first token on, "share" gives
    them all the same first `shared_tokens` tokens, "allow" sends the prompts as they are.
    """

    prompts: tuple[str, ...] = ()
    synthetic: Synthetic | None = None
    file: str | None = None
    concurrency: int | tuple[int, ...] = ()
    rate: float | tuple[float, ...] = ()
    arrivals: Literal["constant", "poisson"] = "poisson"
    ramp: bool = False
    search: Search | None = None
    slo: Slo | None = None
    requests: int | None = None
    duration_s: float | None = None
    warmup_s: float | None = None
    cooldown_s: float = 0.0
    turns: int = 1
    think_s: float = 0.0
    prompt_cache: Literal["avoid", "share", "allow"] = "avoid"
    shared_tokens: int = 256


Celsius = Literal["auto"] | float | dict[str, Literal["auto"] | float]
"""A temperature in degrees: chosen by the device's own limit, one number, or one for each of `cpu`, `gpu.0`, ..."""


class Stress(Generating, frozen=True, kw_only=True, tag="stress"):
    """Generate without a pause for `duration_s` in `streams` streams, and watch what heat does to it.

    Passes when no device got hotter than `max_temperature` (auto: 85, or as its own limit demands), none throttled,
    nothing was swapped in, and the decode rate did not decline by more than `max_decline`. Two readings in a row at
    `abort_temperature` (auto: 90, or as the device's own limit demands) stop the load within a second; a temperature
    that can't be read any more stops it after ten seconds, unless `allow_blind`. A record is taken every `record_s`
    (None: a sixtieth of the duration, 1 to 30 s). Afterwards the machine is watched for `cooldown_s` to see how fast it
    recovers.
    """

    prompt: str = "Write a long story about a lighthouse keeper who writes down the weather. Do not stop early."
    streams: int = 1
    max_tokens: int = 256
    duration_s: float = 1800.0
    record_s: float | None = None
    max_temperature: Celsius = "auto"
    abort_temperature: Celsius = "auto"
    max_decline: float = 0.05
    allow_blind: bool = False
    cooldown_s: float = 60.0


class Watch(Workload, frozen=True, kw_only=True, tag="watch"):
    """Send nothing; watch the hardware and the server for `duration_s` seconds (None: until stopped)."""

    duration_s: float | None = None


Category = Literal["math", "reading", "reasoning", "format"]
"""What a question asks for."""

PASS_MARKS: dict[Category, float] = {"math": 80.0, "reading": 75.0, "reasoning": 75.0, "format": 90.0}
"""Percent of right answers that a category needs where the suite says nothing else."""


class Quality(Generating, frozen=True, kw_only=True, tag="quality"):
    """Ask questions whose answers code can judge, one after another.

    Passes when each of `categories` has its pass mark: `pass_marks` in percent, where not given math 80, reading 75,
    reasoning 75, format 90. `quick` asks two questions of each category. A model that thinks aloud needs more
    `max_tokens`; an answer that was cut off counts as it stands.
    """

    max_tokens: int = 512
    categories: tuple[Category, ...] = ("math", "reading", "reasoning", "format")
    quick: bool = False
    pass_marks: dict[Category, float] = msgspec.field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill in the marks that were not given, so that the log has all of them."""
        msgspec.structs.force_setattr(self, "pass_marks", {**PASS_MARKS, **self.pass_marks})


AnyWorkload = (
    Generate | Load | LongContext | Stress | Quality | CompareModels | Refactor | Report | Sweep | Everyday | Watch
)


class Variant(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One side of a comparison: the suite with another `model`, another `target`, or values `set` in its workloads.

    `options` are laid over those of the workloads, and `embedded` over the keys by which the suite starts the embedded
    server. Options that count when a model is loaded, such as Ollama's `num_ctx` and `num_gpu`, make it load anew.
    """

    name: str
    model: str | None = None
    target: str | None = None
    set: dict[str, Any] = {}
    options: dict[str, Any] = {}
    embedded: dict[str, Any] = {}


BestFigure = Literal[
    "decode_rate", "prefill_rate", "token_rate", "ttft", "itl", "e2e", "load", "memory", "energy", "right"
]
"""What a grid can be searched for: the highest rate or share of right answers, the lowest of all others."""


class Embedded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How to start the embedded server. `context` is for each of `parallel` requests; None: as many as the suite needs.

    `threads` None takes the physical cores but one: llama.cpp's threads wait for one another by spinning, so that a
    single busy neighbour on a full machine costs far more than the core that is left to it here. `gpu_layers` None
    leaves it to llama.cpp how many layers of the model go to a GPU, where there is one that it can use.
    """

    context: int = 4096
    parallel: int | None = None
    threads: int | None = None
    gpu_layers: int | None = None


class Cooling(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Wait before a job until the machine is cool again, at most `at_most_s` seconds.

    Cool is when every temperature is at most `within_c` degrees above what it was before the first job, and has changed
    by less than `flat_c` degrees in ten seconds.
    """

    within_c: float = 3.0
    flat_c: float = 1.0
    at_most_s: float = 300.0


class Suite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A suite. `targets` are `embedded`, `detected` or URLs; `models` are names as the servers know them.

    Without `targets` the detected servers are taken, without `models` the one that is loaded, else the first. With
    `variants` each workload runs once an iteration for each of them, in a balanced order drawn by `order_seed`.

    A `grid` gives keys lists of values, and each workload runs at every point of it, in a balanced order too:
    `grid: {temperature: [0, 0.8], options.top_k: [20, 40]}` has four points. Its keys are those of the workloads, the
    ones of the embedded server as `embedded.threads`, and `model`. `best` is the figure by which its best point is
    looked for. A grid of more than `most_jobs` jobs is refused.

    Between jobs a pause of `pause_s` is made, or the machine cools down as `cooling` says.
    """

    name: str
    workloads: tuple[AnyWorkload, ...]
    title: str = ""
    description: str = ""
    targets: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    grid: dict[str, Any] = {}
    best: BestFigure = "decode_rate"
    most_jobs: int = 300
    order_seed: int = 1
    iterations: int = 1
    warmup: int = 1
    pause_s: float = 0.0
    cooling: Cooling | None = None
    sample_ms: int = 500
    limits: Limits = Limits()
    embedded: Embedded = Embedded()
