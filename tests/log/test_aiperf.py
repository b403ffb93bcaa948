from pathlib import Path

import msgspec
import pytest

from llmtui.log.aiperf import AiperfRecord, read_aiperf
from llmtui.log.imported import UNSAID, imported_figures

FOREIGN = Path(__file__).parent / "samples" / "foreign"
SAMPLE = FOREIGN / "aiperf-0.13.0.jsonl"
"""Against a server that reasons for 16 tokens and answers with 16, the first after 200 ms, each after 20 ms."""

START = 1_795_000_000_000_000_000


def read(path):
    return [msgspec.json.decode(line, type=AiperfRecord) for line in path.read_bytes().splitlines()]


def record(place=0, error=None, **changes):
    metadata = {"request_start_ns": START + place * 10**9, "request_end_ns": START + place * 10**9 + 10**8}
    metrics = {
        "time_to_first_token": (20, "ms"),
        "time_to_first_output_token": (20, "ms"),
        "request_latency": (50, "ms"),
        "inter_chunk_latency": ([10, 10, 10], "ms"),
        "usage_completion_tokens": (4, "tokens"),
    }
    metrics |= changes.pop("metrics", {})
    encoded = {name: {"value": pair[0], "unit": pair[1]} for name, pair in metrics.items() if pair is not None}
    return msgspec.convert({"metadata": {**metadata, **changes}, "metrics": encoded, "error": error}, AiperfRecord)


def figures_of(**metrics):
    (job,) = read_aiperf([record(metrics=metrics)]).jobs
    return imported_figures(job.requests[0])


def test_the_sample_is_read_as_its_tool_wrote_it():
    run = read_aiperf(read(SAMPLE))
    (job,) = run.jobs
    assert (run.tool, job.workload, job.model, run.outcome) == ("aiperf", "profiling", "unknown model", "completed")
    assert f"{run.opened_at:%Y-%m-%dT%H:%M}" == "2026-11-21T08:54"
    assert [request.warmup for request in job.requests] == [True, False, False]
    for request in job.requests:
        figures = imported_figures(request)
        assert figures.ttft_ns == pytest.approx(200e6, rel=0.05)
        assert figures.ttft_answer_ns == pytest.approx(520e6, rel=0.02)
        assert figures.decode_rate == pytest.approx(50, rel=0.02)
        assert (figures.tokens, figures.tokens_basis, figures.chunks) == (32, "server", 32)
        assert sum(chunk.reasoning for chunk in request.chunks) == 16
        assert "x_request_id" in request.options


def test_a_request_that_failed():
    (job,) = read_aiperf(read(FOREIGN / "aiperf-0.13.0-failed.jsonl")).jobs
    (request,) = job.requests
    assert (request.status, request.problem_kind) == ("failed", "Not Found")
    assert "Not Found" in request.problem
    assert imported_figures(request).missing["ttft_ns"] == UNSAID


def test_a_request_that_was_cancelled():
    (job,) = read_aiperf([record(was_cancelled=True)]).jobs
    assert (job.requests[0].status, job.requests[0].problem) == ("cancelled", "it was cancelled")


def test_moments_count_from_the_first_credit():
    (job,) = read_aiperf([record(1), record(0, credit_issued_ns=START - 10**6)]).jobs
    first, second = job.requests
    assert (first.due_ns, first.sent_ns, first.end_ns) == (0, 10**6, 10**8 + 10**6)
    assert (second.due_ns, second.sent_ns) == (10**9 + 10**6, 10**9 + 10**6)


def test_the_model_is_what_the_caller_says():
    assert read_aiperf([record()], "qwen3").jobs[0].model == "qwen3"


def test_phases_are_jobs_and_warm_ups_belong_to_the_first():
    records = [record(0, benchmark_phase="warmup"), record(1, profiling_index=0, phase_name="low"), record(2, profiling_index=1, phase_name="high")]  # fmt: skip
    assert [(job.workload, [r.warmup for r in job.requests]) for job in read_aiperf(records).jobs] == [
        ("low", [True, False]),
        ("high", [False]),
    ]
    assert [r.warmup for r in read_aiperf(records[:1]).jobs[0].requests] == [True]


def test_units_are_read_and_never_guessed():
    assert figures_of(time_to_first_token=(0.02, "sec")).ttft_ns == 20_000_000
    assert figures_of(time_to_first_token=(20_000, "us")).ttft_ns == 20_000_000
    for wrong in ((20, "fortnights"), (20, ""), (-20, "ms"), ([1, 2], "ms"), (None, "ms"), (1e300, "ms")):
        figures = figures_of(time_to_first_token=wrong)
        assert (figures.ttft_ns, figures.missing["ttft_ns"]) == (None, UNSAID)


def test_without_streaming_only_the_end_is_known():
    figures = figures_of(time_to_first_token=None, time_to_first_output_token=None, inter_chunk_latency=None)
    assert (figures.e2e_ns, figures.tokens, figures.decode_rate) == (50_000_000, 4, None)
    assert {figures.missing[name] for name in ("ttft_ns", "ttft_answer_ns", "decode_rate", "itl_p50_ns")} == {UNSAID}


def test_gaps_that_can_not_be_are_unknown():
    for wrong in ([10, -1, 10], [1e300, 1e300], 10**25):
        figures = figures_of(inter_chunk_latency=(wrong, "ms"))
        assert (figures.ttft_ns, figures.decode_rate, figures.missing["decode_rate"]) == (20_000_000, None, UNSAID)


def test_without_gaps_nothing_is_said_of_what_lies_between():
    figures = figures_of(inter_chunk_latency=None)
    assert (figures.ttft_ns, figures.e2e_ns, figures.decode_rate, figures.itl_p99_ns) == (
        20_000_000,
        50_000_000,
        None,
        None,
    )
    assert (figures.missing["decode_rate"], figures.itl_count) == (UNSAID, 0)


def test_a_count_of_the_tools_tokenizer_is_no_count_of_the_server():
    figures = figures_of(usage_completion_tokens=None, output_sequence_length=(4, "tokens"))
    assert (figures.tokens, figures.tokens_basis) == (4, "tokenizer")
    assert any("may not be the model's" in note for note in figures.notes)
    figures = figures_of(output_sequence_length=(9, "tokens"))
    assert (figures.tokens, figures.tokens_basis) == (4, "server")
    assert not any("may not be the model's" in note for note in figures.notes)


def test_a_connection_that_was_opened_within_the_latency_is_told():
    assert any(
        "6.1 ms in which the connection was opened" in note
        for note in figures_of(http_req_connecting=(6.12, "ms")).notes
    )
    assert not any("opened" in note for note in figures_of(http_req_connecting=(0.0, "ms")).notes)


def test_no_record_is_no_run():
    assert read_aiperf([]) is None


@pytest.mark.parametrize("moment", [-1, 10**21])
def test_a_moment_that_can_not_be_makes_no_record(moment):
    with pytest.raises(msgspec.ValidationError):
        record(request_start_ns=moment)
