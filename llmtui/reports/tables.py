"""The results as a table of words, for the terminal without a screen."""

from collections.abc import Sequence

from llmtui import wording
from llmtui.state.results import JobResult

HEADINGS = (
    "job",
    "model",
    "quant",
    "workload",
    "#",
    "TTFT",
    "prefill",
    "decode",
    "ITL p99",
    "tokens",
    "memory",
    "status",
)
NUMBERS = frozenset({"#", "TTFT", "prefill", "decode", "ITL p99", "tokens", "memory"})


def result_rows(results: Sequence[JobResult]) -> list[tuple[str, ...]]:
    """Return one row of texts for each result, in the order of `HEADINGS`; rates are tokens per second."""
    return [
        (
            result.job,
            result.model,
            result.quantization or wording.NOTHING,
            result.workload,
            str(result.iteration),
            wording.duration(result.ttft_ns),
            wording.rate(result.prefill_rate),
            wording.rate(result.decode_rate),
            itl_p99(result),
            tokens(result),
            wording.size(result.peak_memory),
            result.status,
        )
        for result in results
    ]


def itl_p99(result: JobResult) -> str:
    """Return the ITL p99, with `*` where too few gaps stand behind it."""
    text = wording.duration(result.itl_p99_ns)
    return text if result.itl_p99_carried or result.itl_p99_ns is None else f"{text}*"


def tokens(result: JobResult) -> str:
    """Return the token count with its basis."""
    return wording.NOTHING if result.tokens is None else f"{result.tokens} {result.tokens_basis}"


def render(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table with aligned columns: words to the left, numbers to the right."""
    rows = [tuple(wording.visible(cell) for cell in row) for row in rows]
    widths = [max(len(heading), *(len(row[place]) for row in rows), 0) for place, heading in enumerate(headings)]
    return [_line(headings, row, widths) for row in (headings, tuple("-" * width for width in widths), *rows)]


def _line(headings: Sequence[str], cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if heading in NUMBERS else cell.ljust(width)
        for heading, cell, width in zip(headings, cells, widths, strict=True)
    ]
    return "  ".join(padded).rstrip()


def results_text(results: Sequence[JobResult]) -> list[str]:
    """Return the table of results with the footnotes that it needs."""
    if not results:
        return ["no job ran"]
    lines = render(HEADINGS, result_rows(results))
    lines.append("TTFT and ITL: median over requests. prefill, decode: tokens/s. tokens: count and its basis.")
    if any(not result.itl_p99_carried for result in results):
        lines.append("* rests on fewer than 100 gaps in one request")
    for result in results:
        if result.reason:
            lines.append(f"{result.job}: {wording.visible(result.reason)}")
    return lines
