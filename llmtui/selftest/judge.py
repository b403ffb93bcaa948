"""Compares figures with the truth. Pure, no I/O.

TTFT is compared with the server's own: first piece with text minus last byte of the request. So its error holds the way
of the request to the server, the way of the piece back, and all that the client adds to both.
"""

from collections.abc import Sequence

import msgspec

from llmtui.metrics.statistics import carries, percentile
from llmtui.selftest.bounds import Bounds
from llmtui.selftest.cases import Case, StreamsCase
from llmtui.selftest.pairs import Pair
from llmtui.selftest.rows import (
    Row,
    earliest,
    gaps,
    late,
    longest_gap,
    stamps,
    ttft_errors,
    word,
    worst_rate,
    worst_time,
    worst_ttft,
)
from llmtui.testing.truth_scenarios import read_scenario


def judge_case(case: Case, pairs: Sequence[Pair], requests: int, bounds: Bounds) -> list[Row]:
    """Return the rows of a case of which `requests` measured requests were expected."""
    rows = [_outcome(case, pairs, requests)]
    if not pairs:
        return rows
    rows.append(_tokens(case, pairs))
    rows += _times(case, pairs, bounds)
    rows += _rates(case, pairs, bounds)
    if case.note is not None:
        notes = " ".join(note for pair in pairs for note in pair.logged.finished.figures.notes)
        rows.append(word(case.name, "note", case.note, case.note if case.note in notes else notes or None))
    return rows


def judge_streams(case: StreamsCase, pairs: Sequence[Pair], bounds: Bounds) -> list[Row]:
    """Return the rows of many requests at once."""
    rows = [word(case.name, "requests", case.streams, len(pairs))]
    if not pairs:
        return rows
    wrong = [pair for pair in pairs if pair.stamp_errors is None or pair.logged.finished.status != "done"]
    rows.append(word(case.name, "requests with wrong chunks", 0, len(wrong)))
    if case.at_once:
        rows.append(worst_ttft(case.name, "TTFT, the last of them", pairs, bounds.at_once_ttft_ns))
        waits = [
            pair.logged.arrivals[0] - pair.logged.due_ns - pair.true_ttft_ns
            for pair in pairs
            if pair.logged.arrivals and pair.true_ttft_ns is not None
        ]
        rows.append(late(case.name, "TTFT from due, last", waits, bounds.at_once_ttft_ns, 100))
        return rows
    rows += [
        late(case.name, "stamp p99", stamps(pairs), bounds.stamp_p99_ns, 99),
        late(case.name, "stamp max", stamps(pairs), None, 100),
        earliest(case.name, "stamp earliest", stamps(pairs), bounds.early_ns),
        late(case.name, "gap p99", gaps(pairs), bounds.gap_p99_ns, 99),
    ]
    rows.append(worst_rate(case.name, pairs, bounds.rate_percent))
    return rows


def judge_together(pairs: Sequence[Pair], bounds: Bounds) -> list[Row]:
    """Return what only many chunks can tell, over all scenarios that ran one request at a time."""
    name = "all single streams"
    if not pairs:
        return []
    return [
        late(name, "TTFT error p99", ttft_errors(pairs), bounds.ttft_p99_ns, 99),
        late(name, "stamp p50", stamps(pairs), None, 50),
        late(name, "stamp p99", stamps(pairs), bounds.stamp_p99_ns, 99),
        late(name, "stamp max", stamps(pairs), None, 100),
        earliest(name, "stamp earliest", stamps(pairs), bounds.early_ns),
        late(name, "gap p50", gaps(pairs), None, 50),
        late(name, "gap p99", gaps(pairs), bounds.gap_p99_ns, 99),
        late(name, "gap max", gaps(pairs), None, 100),
        # How far the truth server missed its own schedule: a machine at rest lets it miss by less than 0.1 ms.
        late(name, "latest send, median", [pair.truth.late_ns for pair in pairs], None, 50),
        late(name, "latest send, max", [pair.truth.late_ns for pair in pairs], None, 100),
    ]


def tail_strain(pairs: Sequence[Pair], bounds: Bounds) -> float:
    """Return the worst of what only all streams are judged by, as a share of its bound: above 1 it spoils them."""
    late_ns = stamps(pairs)
    return max(
        (percentile(late_ns, 99) or 0.0) / bounds.stamp_p99_ns,
        -min(late_ns, default=0.0) / bounds.early_ns,
        (percentile(gaps(pairs), 99) or 0.0) / bounds.gap_p99_ns,
    )


def _outcome(case: Case, pairs: Sequence[Pair], requests: int) -> Row:
    """Compare how the requests ended, and how many did."""
    expected = f"{requests} {case.problem or 'done'}"
    ends = {pair.logged.finished.problem_kind or pair.logged.finished.status for pair in pairs}
    return word(case.name, "requests", expected, f"{len(pairs)} {', '.join(sorted(ends)) or 'of them'}")


def _tokens(case: Case, pairs: Sequence[Pair]) -> Row:
    """Compare the count and its basis; where the server's word must be taken, it is what it said."""
    for pair in pairs:
        expected = _expected_tokens(case, pair)
        figures = pair.logged.finished.figures
        measured = f"{figures.tokens} {figures.tokens_basis}"
        if measured != expected or len(pair.truth.pieces) != figures.chunks:
            return word(case.name, "tokens", expected, f"{measured}, {figures.chunks} chunks")
    return word(case.name, "tokens", expected, expected)


def _expected_tokens(case: Case, pair: Pair) -> str:
    if case.stated:  # half of them, as the scenario has it
        return f"{max(1, pair.true_tokens // 2)} server"
    return f"{len(pair.truth.pieces) if case.basis == 'chunks' else pair.true_tokens} {case.basis}"


def _times(case: Case, pairs: Sequence[Pair], bounds: Bounds) -> list[Row]:
    rows = [worst_ttft(case.name, "TTFT", pairs, bounds.ttft_p99_ns)]
    if any(pair.true_ttft_answer_ns != pair.true_ttft_ns for pair in pairs):
        row = worst_time(
            pairs,
            lambda pair: pair.true_ttft_answer_ns,
            lambda figures: figures.ttft_answer_ns,
            bounds.ttft_p99_ns,
            lambda pair: pair.doubt_ns("answer"),
        )
        rows.append(msgspec.structs.replace(row, scenario=case.name, figure="TTFT (answer)"))
    # A short stream carries no p99; the one over all streams is a row of its own.
    share = 99 if carries(len(gaps(pairs)), 99) else 95
    rows += [
        late(case.name, f"stamp p{share}", stamps(pairs), bounds.stamp_p99_ns, share),
        late(case.name, f"gap p{share}", gaps(pairs), bounds.gap_p99_ns, share),
    ]
    if read_scenario(case.model).traits.frame_tokens:  # bursts of unknown sizes have no gaps for a client
        row = worst_time(pairs, _true_itl, lambda figures: figures.itl_p50_ns, bounds.gap_p99_ns)
        rows.append(msgspec.structs.replace(row, scenario=case.name, figure="ITL p50"))
    if read_scenario(case.model).traits.stall:
        row = worst_time(pairs, longest_gap, lambda figures: figures.itl_max_ns, bounds.gap_p99_ns)
        rows.append(msgspec.structs.replace(row, scenario=case.name, figure="longest gap"))
    return rows


def _true_itl(pair: Pair) -> float | None:
    return percentile(pair.true_gaps, 50)


def _rates(case: Case, pairs: Sequence[Pair], bounds: Bounds) -> list[Row]:
    row = worst_rate(case.name, pairs, bounds.rate_percent)
    if case.stated and row.verdict == "FAILED":
        # A count that lies can't be seen through, only told of; the note beside the figure is a row of its own.
        row = msgspec.structs.replace(row, verdict="noted", bound=None, timing=False)
    rows = [row]
    if case.server_rate is not None:
        rates = [pair.logged.finished.figures.server_decode_rate for pair in pairs]
        found = "stated" if all(rate is not None for rate in rates) else "none"
        rows.append(word(case.name, "server decode rate", "stated" if case.server_rate else "none", found))
    return rows
