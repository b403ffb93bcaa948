from datetime import UTC, datetime

import pytest

from llmtui import events as ev
from llmtui.log.imported import (
    UNSAID,
    ImportedChunk,
    ImportedJob,
    ImportedRequest,
    ImportedRun,
    events_of,
    imported_figures,
)
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState

MS = 1_000_000


def request(**changes):
    chunks = [ImportedChunk(20 * MS + place * 10 * MS, f"w{place} ") for place in range(8)]
    return ImportedRequest(**{"due_ns": 9 * MS, "sent_ns": 10 * MS, "end_ns": 100 * MS, "chunks": chunks, **changes})


def run(*requests, **changes):
    job = ImportedJob("pp16", "smol", "http://x", 1, {"max_tokens": 8}, list(requests))
    return ImportedRun(**{"tool": "tool", "version": "1", "opened_at": datetime(2026, 11, 21, tzinfo=UTC), "jobs": [job], "targets": {"http://x": "http://x"}, "outcome": "completed", "reason": None, **changes})  # fmt: skip


def folded(imported):
    state = SessionState()
    apply_all(state, events_of(imported, "s1"))
    return state


def test_figures_are_computed_from_the_moments_and_say_that_they_are_imported():
    figures = imported_figures(request(usage=ev.Usage(completion_tokens=8)))
    assert (figures.ttft_ns, figures.e2e_ns, figures.decode_rate, figures.itl_p50_ns) == (
        10 * MS,
        80 * MS,
        100.0,
        10 * MS,
    )
    assert (figures.tokens, figures.tokens_basis) == (8, "server")
    assert set(figures.sources.values()) == {"imported"}
    assert set(figures.sources) == {"ttft_ns", "ttft_answer_ns", "e2e_ns", "tokens", "decode_rate", "tpot_ns", "itl_p50_ns", "itl_p95_ns", "itl_p99_ns", "itl_max_ns", "itl_cv"}  # fmt: skip


def test_every_figure_that_is_missing_has_its_reason():
    for each in (request(), request(chunks=()), request(chunks=(), unsaid=("ttft_ns", "itl_basis", "e2e_ns"))):
        figures = imported_figures(each)
        absent = {name for name in figures.__struct_fields__ if getattr(figures, name) is None}
        assert absent <= set(figures.missing)
        assert all(getattr(figures, name) is None for name in figures.missing)
        assert {figures.missing[name] for name in ("prefill_rate", "server_decode_rate", "connect_ns", "prompt_tokens")} == {UNSAID}  # fmt: skip


def test_what_the_tool_states_itself_stands_and_what_it_leaves_open_is_open():
    figures = imported_figures(
        request(own={"ttft_answer_ns": 30 * MS, "tokens_basis": "estimated"}, unsaid=("e2e_ns",))
    )
    assert (figures.ttft_answer_ns, figures.tokens_basis, figures.e2e_ns) == (30 * MS, "estimated", None)
    assert figures.missing["e2e_ns"] == UNSAID
    assert "ttft_answer_ns" not in figures.missing


def test_events_come_in_order_from_the_header_to_the_end():
    later = request(due_ns=200 * MS, sent_ns=210 * MS, end_ns=300 * MS, chunks=())
    events = events_of(run(later, request()), "s1")
    assert [event.t for event in events] == sorted(event.t for event in events)
    assert isinstance(events[0], ev.SessionOpened)
    assert isinstance(events[-1], ev.SessionFinished)
    assert (events[0].session, events[0].name, events[-1].t) == ("s1", "tool", 300 * MS)
    kinds = [type(event).__name__ for event in events]
    assert kinds.index("JobStarted") < kinds.index("RequestStarted")


def test_the_machine_is_unknown_with_its_reason():
    hardware = events_of(run(request()), "s1")[0].hardware
    assert hardware.hostname is None
    assert set(hardware.detection_failed) == set(hardware.__struct_fields__) - {"detection_failed"}
    assert set(hardware.detection_failed.values()) == {UNSAID}


def test_a_session_of_it_folds_without_a_misfit():
    state = folded(run(request(), request(warmup=True, due_ns=0, sent_ns=1)))
    (result,) = job_results(state)
    assert state.misfits == 0
    assert (result.status, result.requests, result.ttft_ns, result.iteration) == ("done", 1, 10 * MS, 1)
    assert state.targets["http://x"].server is None
    assert "".join(text for _kind, text in state.requests["j1.1"].pieces) == "w0 w1 w2 w3 w4 w5 w6 w7 "


def test_text_is_batched_by_kind_and_time():
    chunks = [
        ImportedChunk(11 * MS, "a", reasoning=True, tokens_stated=1),
        ImportedChunk(12 * MS, "b", reasoning=True, tokens_stated=2),
        ImportedChunk(13 * MS, "c", tokens_stated=3),
        ImportedChunk(99 * MS, "d", tokens_stated=4),
    ]
    found = [event for event in events_of(run(request(chunks=chunks)), "s1") if isinstance(event, ev.TokensReceived)]
    assert [(event.kind, event.texts, event.offsets_us, event.tokens) for event in found] == [
        ("reasoning", ("a", "b"), (1000, 2000), (1, 2)),
        ("answer", ("c",), (3000,), (3,)),
        ("answer", ("d",), (89000,), (4,)),
    ]


@pytest.mark.parametrize(
    ("requests", "status", "reason"),
    [
        ([request(), request(status="failed", problem="x")], "done", None),
        ([request(status="failed", problem="broken")], "failed", "broken"),
        ([request(), request(end_ns=None)], "cancelled", "the imported log ends before this job did"),
    ],
)
def test_how_a_job_ended(requests, status, reason):
    job = folded(run(*requests)).jobs["j1"]
    assert (job.status, job.reason) == (status, reason)


def test_notices_and_the_outcome_are_in_the_session():
    imported = run(request(), notices=("3 lines could not be read",), outcome="stopped", reason="cut")
    state = folded(imported)
    assert [alert.text for alert in state.alerts][1:] == ["3 lines could not be read"]
    assert state.outcome == "stopped"
    assert [*events_of(imported, "s1")][-1].reason == "cut"


def test_a_run_without_a_job_is_a_session_without_one():
    assert folded(run(jobs=[])).jobs == {}
