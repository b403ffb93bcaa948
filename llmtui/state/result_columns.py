"""The columns of the table of results, the same on the screen and in plain text."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from llmtui import wording
from llmtui.events import OfferedLoad
from llmtui.state.points import point_name
from llmtui.state.results import JobResult


def _always(_result: JobResult) -> bool:
    return True


class ResultColumn(NamedTuple):
    """A heading and how a row is told under it; `wanted` says for which row the column is worth its room."""

    title: str
    text: Callable[[JobResult], str]
    number: bool = False
    wanted: Callable[[JobResult], bool] = _always


def load_text(load: OfferedLoad | None) -> str:
    """Return a load as `C=4` (requests in flight) or `2/s` (requests begun a second)."""
    if load is None:
        return wording.NOTHING
    return f"C={load.concurrency}" if load.concurrency is not None else f"{load.rate:g}/s"


def _itl_p99(result: JobResult) -> str:
    """Return the ITL p99, with `*` where too few gaps stand behind it."""
    text = wording.duration(result.itl_p99_ns)
    return text if result.itl_p99_carried or result.itl_p99_ns is None else f"{text}*"


def _tokens(result: JobResult) -> str:
    return wording.NOTHING if result.tokens is None else f"{result.tokens} {result.tokens_basis}"


def _load(result: JobResult) -> str:
    if result.load is None and result.steps:
        first, last = (load_text(result.steps[place].finished.load) for place in (0, -1))
        return first if first == last else f"{first}..{last}"
    return load_text(result.load)


def _heat(result: JobResult) -> str:
    """Return the tags of the requests, the worst first: `2 throttled, 1 warm, 9 clean`."""
    tags = ("throttled", "warm", "clean", "unknown")
    return ", ".join(f"{result.heat[tag]} {tag}" for tag in tags if tag in result.heat) or wording.NOTHING


def _status(result: JobResult) -> str:
    """Return the status and what a reader must not miss: a verdict, failed criteria, doubtful figures."""
    words = [result.verdict.verdict] if result.verdict else []
    if result.passed is not None:
        words.append("passed" if result.passed else "not passed")
    if result.client_bound:
        words.append("client-bound")
    return f"{result.status} ({', '.join(words)})" if words else result.status


CRITERION_WORDS = {True: "pass", False: "FAIL", None: "not judged"}


def verdict_lines(result: JobResult) -> list[str]:
    """Return what a run said of the machine: the sentence, its evidence, and each criterion with its word."""
    verdict = result.verdict
    if verdict is None:
        return []
    lines = [f"verdict: {verdict.sentence}", *(f"  {evidence}" for evidence in verdict.evidence)]
    lines += [f"  {CRITERION_WORDS[item.passed]:<10} {item.name}: {item.text}" for item in verdict.criteria]
    return [wording.visible(line) for line in lines]


ALL_COLUMNS: tuple[ResultColumn, ...] = (
    ResultColumn("job", lambda result: result.job),
    ResultColumn("workload", lambda result: f"{result.workload} #{result.iteration}"),
    ResultColumn("load", _load, True, lambda result: result.load is not None or bool(result.steps)),
    ResultColumn("variant", lambda result: result.variant or wording.NOTHING, False, lambda r: r.variant is not None),
    ResultColumn("point", lambda result: point_name(result.point), False, lambda result: bool(result.point)),
    ResultColumn("TTFT", lambda result: wording.duration(result.ttft_ns), True),
    ResultColumn("prefill", lambda result: wording.rate(result.prefill_rate), True),
    ResultColumn("decode", lambda result: wording.rate(result.decode_rate), True),
    ResultColumn("total", lambda result: wording.rate(result.token_rate), True, lambda result: bool(result.steps)),
    ResultColumn("ITL p99", _itl_p99, True),
    ResultColumn("tokens", _tokens, True),
    ResultColumn("J/tok", lambda r: wording.number(r.joules_per_token), True, lambda r: r.joules_per_token is not None),
    ResultColumn("heat", _heat, False, lambda result: bool(result.heat.keys() & {"warm", "throttled"})),
    ResultColumn("memory", lambda result: wording.size(result.peak_memory), True),
    ResultColumn("status", _status),
    ResultColumn("model", lambda result: result.model),
    ResultColumn("quant", lambda result: result.quantization or wording.NOTHING),
)


def columns_for(results: Sequence[JobResult]) -> list[ResultColumn]:
    """Return the columns that these rows need, in their order."""
    return [column for column in ALL_COLUMNS if column.wanted is _always or any(map(column.wanted, results))]


def cells(result: JobResult, columns: Sequence[ResultColumn]) -> tuple[str, ...]:
    """Return one text for each column, without anything that could act on a terminal."""
    return tuple(wording.visible(column.text(result)) for column in columns)
