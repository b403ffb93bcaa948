import pytest
from support.summaries import SESSIONS, read_state

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.summaries.long_context import context_rows
from llmtui.summaries.registry import job_summary_lines

MS = 1_000_000
S = 1_000_000_000


def session(*contexts, max_load_s=60.0, scores=(), samples=()):
    """A session of one job; each context is (size, TTFT in s or None, {fields of the event})."""
    parameters = {"max_load_s": max_load_s}
    events = [
        ev.JobQueued(t=1, job="j1", target="t", backend="b", model="m", workload="w", kind="long_context", iteration=1,
                     requests=0, parameters=parameters),
        ev.JobStarted(t=2, job="j1"),
        *(ev.SampleTaken(t=t, values=values) for t, values in samples),
    ]  # fmt: skip
    for size, ttft_s, more in contexts:
        requests = () if ttft_s is None else (f"j1.{size}a", f"j1.{size}b")
        for place, request in enumerate(requests):
            figures = ev.Figures(
                ttft_ns=round((ttft_s if place == 0 else 0.5) * S),
                prefill_rate=100.0,
                decode_rate=20.0,
                prompt_tokens=size,
            )
            usage = ev.Usage(cached_tokens=place * size)
            events += [
                ev.RequestStarted(t=3, request=request, job="j1", model="m", messages=()),
                ev.RequestSent(t=3, request=request),
                ev.RequestFinished(t=4, request=request, job="j1", status="done", figures=figures, usage=usage),
            ]
        outcome = more.get("outcome", "measured")
        events.append(ev.ContextTried(t=5, job="j1", size=size, requests=requests, **{"outcome": outcome, **more}))
    events += [
        ev.AnswerScored(
            t=5, job="j1", request=request, task="t", category="c", score=1.0, passed=passed, detail="\x1b[2J"
        )
        for request, passed in scores
    ]
    state = SessionState()
    apply_all(state, events)
    return state


def lines_of(state, **options):
    return job_summary_lines(state, state.jobs["j1"], **options)


def test_a_recorded_session_says_what_it_said():
    expected = (SESSIONS / "long_context.txt").read_text()
    state = read_state("long_context")
    assert "\n".join(job_summary_lines(state, state.jobs["j1"], whole=True)) + "\n" == expected


def test_a_row_has_the_first_question_and_what_the_second_cost():
    state = session((4096, 8.0, {"load_ns": 2 * S}), scores=[("j1.4096a", True), ("j1.4096b", False)])
    (row,) = context_rows(state, state.jobs["j1"])
    assert (row.ttft_ns, row.follow_up_ns, row.cached_tokens) == (8 * S, S // 2, 4096)
    assert (row.load_ns, row.loading_ns) == (2 * S, 10 * S)
    assert (row.found, row.asked) == (1, 2)
    assert (row.server_memory, row.gpu_memory) == (None, None)


@pytest.mark.parametrize(
    ("contexts", "usable"),
    [
        ([(4096, 8.0, {}), (8192, 60.0, {})], "usable up to 8192"),
        ([(4096, 8.0, {}), (8192, 60.1, {})], "usable up to 4096"),
        ([(4096, 8.0, {}), (8192, 59.0, {"load_ns": 2 * S})], "usable up to 4096"),
        ([(4096, 8.0, {}), (8192, 9.0, {"ran_out": "swap"})], "usable up to 4096"),
        ([(4096, 61.0, {})], "none of those measured is usable"),
        ([(4096, None, {})], "none of those measured is usable"),
        ([(4096, None, {"outcome": "failed", "reason": "broke"})], "none was measured"),
    ],
)
def test_usable_is_what_was_loaded_in_time_and_in_memory(contexts, usable):
    assert usable in lines_of(session(*contexts))[0]


def test_what_was_not_measured_stands_there_with_its_reason():
    state = session(
        (4096, 8.0, {"trained": 8192}),
        (16384, None, {"outcome": "does not fit", "reason": "too small"}),
        (32768, None, {"outcome": "does not fit", "reason": "too small"}),
        (65536, None, {"outcome": "failed", "reason": "\x1b[31mbroke"}),
    )
    lines = lines_of(state)
    assert lines[0] == "contexts: usable up to 4096 tokens; the model was trained for 8192"
    assert "  does not fit: 16384, 32768: too small" in lines
    assert all(line.isprintable() for line in lines)


def test_an_estimated_length_says_so():
    exact, estimated = (lines_of(session((4096, 8.0, {"basis": basis}))) for basis in ("tokenizer", "estimated"))
    assert any("lengths are estimates" in line for line in estimated)
    assert not any("estimates" in line for line in exact)


def test_memory_of_server_and_gpu_are_peaks_over_both_requests():
    gigabyte = 1e9
    values = {"server.memory.private": gigabyte, "server.memory.file": 2 * gigabyte, "gpu.0.memory.used": 5 * gigabyte}
    state = session((4096, 8.0, {}), samples=[(2, values)])
    apply_all(state, [ev.SampleTaken(t=4, values=values), ev.SampleTaken(t=20 * S, values=values)])
    (row,) = context_rows(state, state.jobs["j1"])
    assert (row.server_memory, row.gpu_memory) == (3 * gigabyte, 5 * gigabyte)
    assert any("GPU" in line for line in lines_of(state))


def test_charts_and_answers_are_details():
    state = session((4096, 8.0, {}), (8192, 16.0, {}), scores=[("j1.4096a", True)])
    short, whole = lines_of(state), lines_of(state, whole=True)
    assert not any("#" in line for line in short)
    bars = [line.count("#") for line in whole if "#" in line]
    assert bars[:2] == [15, 30]
    assert all(line.isprintable() for line in whole)


def test_a_job_that_tried_nothing_has_no_summary():
    assert lines_of(session()) == []
