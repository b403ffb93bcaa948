from pathlib import Path

import msgspec
import pytest

from llmtui.log.imported import imported_figures
from llmtui.log.llama_benchy import SCHEMA, BenchyLine, read_benchy

SAMPLE = Path(__file__).parent / "samples" / "foreign" / "llama-benchy-0.4.0.jsonl"
"""Against a server that sends four tokens a frame, the first after 200 ms, each token after 20 ms."""


def sample():
    return [msgspec.json.decode(line, type=BenchyLine) for line in SAMPLE.read_bytes().splitlines()]


def start(number, ts, **changes):
    return BenchyLine(**{"type": "request_start", "ts": ts, "schema": SCHEMA, "request_id": number, "model": "m", "base_url": "http://x/v1", "prompt_size": 16, "response_size": 32, "run_index": 1, **changes})  # fmt: skip


def tokens(number, ts, count=1, **changes):
    return BenchyLine(**{"type": "tokens", "ts": ts, "request_id": number, "count": count, "snippet": "w ", **changes})


def first(number, ts, ttft_s):
    return BenchyLine(type="request_first_token", ts=ts, request_id=number, ttft_s=ttft_s)


def end(number, ts, **changes):
    return BenchyLine(**{"type": "request_end", "ts": ts, "request_id": number, "total_tokens": 4, **changes})


def one(*lines):
    """The only request of a run."""
    (job,) = read_benchy(lines).jobs
    (request,) = job.requests
    return request


def test_the_sample_is_read_as_its_tool_wrote_it():
    run = read_benchy(sample())
    assert (run.tool, run.version, run.outcome, run.reason) == ("llama-benchy", "0.4.0", "completed", None)
    assert f"{run.opened_at:%Y-%m-%dT%H:%M}" == "2026-11-21T08:33"
    assert [(job.workload, job.iteration, len(job.requests)) for job in run.jobs] == [
        ("pp16 tg32", 1, 1),
        ("pp16 tg32", 2, 1),
        ("pp16 tg32 c2", 1, 2),
        ("pp16 tg32 d32 context load", 1, 1),
        ("pp16 tg32 d32", 1, 1),
    ]
    assert run.jobs[2].load.concurrency == 2
    assert run.jobs[0].parameters == {"prompt_tokens": 16, "max_tokens": 32, "context_tokens": 0, "concurrency": 1}


def test_our_definitions_find_the_truth_in_it():
    figures = [imported_figures(request) for job in read_benchy(sample()).jobs for request in job.requests]
    assert len(figures) == 6
    for each in figures:
        assert each.ttft_ns == pytest.approx(200e6, rel=0.05)
        assert each.decode_rate == pytest.approx(50, rel=0.02), "the tool itself says 55: four tokens came first"
        assert each.itl_p50_ns == pytest.approx(20e6, rel=0.05)
        assert (each.tokens, each.tokens_basis, each.chunks) == (32, "estimated", 8)
        assert each.prompt_tokens > 0


def test_ttft_is_the_tools_own_and_the_request_was_sent_so_long_before():
    request = one(start(0, 100.0), first(0, 100.5, 0.25), tokens(0, 100.5001), tokens(0, 100.6), end(0, 100.7))
    assert (request.due_ns, request.sent_ns, request.end_ns) == (0, 250_000_000, 700_000_000)
    assert [chunk.at_ns for chunk in request.chunks] == [500_000_000, 600_000_000]
    assert imported_figures(request).ttft_ns == 250_000_000


def test_counts_by_token_ids_are_the_servers_and_others_are_not_known_to_be():
    lines = (start(0, 0.0), first(0, 0.2, 0.2), tokens(0, 0.2, 2), tokens(0, 0.3, 2), end(0, 0.4))
    figures = imported_figures(one(*lines))
    assert (figures.tokens, figures.tokens_basis, figures.decode_rate) == (4, "server", 20.0)
    lines = [msgspec.structs.replace(line, estimated=True) if line.type == "tokens" else line for line in lines]
    figures = imported_figures(one(*lines))
    assert (figures.tokens, figures.tokens_basis) == (4, "estimated")
    assert any("does not say how its tokens were counted" in note for note in figures.notes)


def test_reasoning_is_not_told_from_answer():
    figures = imported_figures(one(start(0, 0.0), first(0, 0.2, 0.2), tokens(0, 0.2), tokens(0, 0.3), end(0, 0.4)))
    assert (figures.ttft_answer_ns, figures.missing["ttft_answer_ns"]) == (None, "the imported log does not say")
    assert any("does not tell reasoning from answer" in note for note in figures.notes)


def test_a_request_that_failed_and_one_that_has_no_end():
    run = read_benchy([start(0, 0.0), end(0, 0.1, error="HTTP 404", total_tokens=0), start(1, 0.2, run_index=2), tokens(1, 0.3)])  # fmt: skip
    failed, open_ = (request for job in run.jobs for request in job.requests)
    assert (failed.status, failed.problem, imported_figures(failed).ttft_ns) == ("failed", "HTTP 404", None)
    assert open_.end_ns is None
    assert (run.outcome, run.reason) == ("stopped", "the imported log ends before its run did")


@pytest.mark.parametrize(
    ("status", "outcome"), [("ok", "completed"), ("interrupted", "stopped"), ("error", "failed"), ("new", "stopped")]
)
def test_how_the_run_ended(status, outcome):
    lines = [start(0, 0.0), end(0, 0.1), BenchyLine(type="bench_complete", ts=1.0, status=status)]
    assert read_benchy(lines).outcome == outcome


def test_two_rounds_are_told_apart_only_where_a_context_was_loaded():
    with_context = [start(number, number / 10, context_size=32) for number in range(2)]
    assert [job.workload for job in read_benchy(with_context).jobs] == ["pp16 tg32 d32 context load", "pp16 tg32 d32"]
    without = [start(number, number / 10) for number in range(2)]
    assert [job.workload for job in read_benchy(without).jobs] == ["pp16 tg32"]
    one_round = [start(number, number / 10, context_size=32, concurrency=2) for number in range(2)]
    assert [job.workload for job in read_benchy(one_round).jobs] == ["pp16 tg32 d32 c2"]


def test_a_second_run_in_the_file_is_not_mixed_into_the_first():
    header = BenchyLine(type="header", ts=0.0, llama_benchy_version="0.4.0")
    run = read_benchy([header, start(0, 0.0), end(0, 0.1), header, start(0, 5.0), end(0, 9.0)])
    assert run.notices == ("a second run follows in the imported log and is left out",)
    assert run.jobs[0].requests[0].end_ns == 100_000_000


def test_a_password_in_an_address_is_left_out():
    run = read_benchy([start(0, 0.0, base_url="http://me:secret@box:8080/v1?key=secret")])
    assert run.targets == {"http://box:8080/v1": "http://box:8080/v1"}


def test_what_belongs_to_no_request_is_passed_over():
    assert read_benchy([]) is None
    assert read_benchy([tokens(7, 0.1), end(7, 0.2), BenchyLine(type="latency_measured", ts=0.0)]) is None


@pytest.mark.parametrize("line", [b'{"type":"x","ts":-1}', b'{"type":"x","ts":1e300}', b'{"type":"x","ts":1,"concurrency":0}', b'{"type":"x","ts":1,"ttft_s":-1}', b'{"type":"x","ts":1,"total_tokens":99999999999999999999}', b'{"ts":1}'])  # fmt: skip
def test_a_line_that_can_not_be_is_none(line):
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(line, type=BenchyLine)
