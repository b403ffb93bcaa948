import asyncio
import re

import pytest
from support.load_bench import MS, LoadBench, Reply, S, run_virtual

from llmtui.events import OfferedLoad
from llmtui.suites.schema import Load, Search, Slo, Synthetic
from llmtui.workloads.registry import workload_for


def spec(**fields):
    return Load(**{"prompts": ("one", "two", "three"), "arrivals": "constant", **fields})


def run(load, bench):
    return run_virtual(workload_for(load).run(load, bench))


def codes(bench):
    return [code for code, _ in bench.warnings]


def test_each_level_is_held_and_told():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0, ttft_s=0.1, tokens=10))
    outcome = run(spec(concurrency=(1, 4), requests=12), bench)
    assert (outcome.status, outcome.reason) == ("done", None)
    assert [(step.step, step.load) for step in bench.steps] == [
        (1, OfferedLoad(concurrency=1)),
        (2, OfferedLoad(concurrency=4)),
    ]
    one, four = bench.steps
    assert (one.window.start_ns, one.window.end_ns) == (1 * S, 12 * S), (
        "from the first answer to the last request's end"
    )
    assert (one.figures.requests, one.figures.failed) == (11, 0)
    assert (one.figures.token_rate, one.figures.request_rate, one.figures.in_flight) == (10.0, 1.0, 1.0)
    assert (four.figures.token_rate, four.figures.request_rate, four.figures.in_flight) == (40.0, 4.0, 4.0)
    assert (four.figures.good, four.figures.goodput, four.figures.kept_slo) == (None, None, None)
    assert one.notes == four.notes == ()
    assert bench.warnings == []


def test_a_ramp_is_told_level_by_level_from_one_hold():
    bench = LoadBench(lambda _sent: Reply(e2e_s=0.5, tokens=5))
    run(spec(concurrency=(1, 3), ramp=True, duration_s=10.0), bench)
    assert [(step.window.start_ns, step.window.end_ns) for step in bench.steps] == [(0, 10 * S), (10 * S, 20 * S)]
    assert [step.figures.in_flight for step in bench.steps] == [1.0, 3.0]
    assert [step.window.notes for step in bench.steps] == [(), ()]


def test_warm_up_and_cool_down_are_left_out_of_a_window():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
    run(spec(concurrency=1, duration_s=20.0, warmup_s=4.0, cooldown_s=3.0), bench)
    assert (bench.steps[0].window.start_ns, bench.steps[0].window.end_ns) == (4 * S, 17 * S)
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
    run(spec(rate=1.0, duration_s=20.0), bench)
    assert (bench.steps[0].window.start_ns, bench.steps[0].window.end_ns) == (2 * S, 20 * S)


def test_an_open_loop_counts_what_was_due_even_where_the_server_falls_behind():
    """One request at a time, a second each, two due each second: the queue grows, and every wait is in the figures."""

    def queued(sent):
        return Reply(e2e_s=1.0 + sent.in_flight - 1, ttft_s=0.1 + sent.in_flight - 1)

    bench = LoadBench(queued)
    run(spec(rate=2.0, requests=20, slo=Slo(ttft_ms=3000, share=0.9)), bench)
    (step,) = bench.steps
    assert step.figures.requests == 18, "those of the first tenth are left out"
    assert step.figures.kept_slo is False
    assert 0 < step.figures.good < 9


def test_requests_sent_late_break_the_slo_that_they_would_keep_by_their_own_clock():
    late = LoadBench(lambda _sent: Reply(e2e_s=0.2, ttft_s=0.1, late_s=1.0))
    run(spec(rate=1.0, requests=10, slo=Slo(ttft_ms=500)), late)
    assert (late.steps[0].figures.good, late.steps[0].figures.kept_slo) == (0, False)
    prompt = LoadBench(lambda _sent: Reply(e2e_s=0.2, ttft_s=0.1))
    run(spec(rate=1.0, requests=10, slo=Slo(ttft_ms=500)), prompt)
    assert prompt.steps[0].figures.kept_slo is True


def test_too_few_requests_are_told():
    bench = LoadBench(lambda sent: Reply(e2e_s=float(sent.number)))
    run(spec(concurrency=4, requests=4), bench)
    assert "too few requests to leave a warm-up out" in bench.steps[0].window.notes[0]


def test_answers_that_never_settle_are_told():
    bench = LoadBench(lambda sent: Reply(e2e_s=sent.number / 10))
    run(spec(concurrency=1, requests=40), bench)
    assert any("no steady state in E2E" in note for note in bench.steps[0].notes)


@pytest.mark.parametrize("warmup_s", [0.0, 60.0])
def test_a_warm_up_that_was_too_short_is_told(warmup_s):
    bench = LoadBench(lambda sent: Reply(e2e_s=9.0 if sent.number <= 6 else 1.0 + sent.number * 7 % 5 / 50))
    run(spec(concurrency=1, requests=60, warmup_s=warmup_s), bench)
    told = [
        re.fullmatch(r"E2E settles only after [678] of 60 requests: raise `warmup_s`", n) for n in bench.steps[0].notes
    ]
    assert bool(told) is (warmup_s == 0)
    assert all(told)


def test_a_pause_is_told_with_its_level():
    async def main():
        bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
        load = spec(concurrency=1, requests=5)
        task = asyncio.create_task(workload_for(load).run(load, bench))
        await asyncio.sleep(1.5)
        bench.gate.close()
        await asyncio.sleep(7)
        bench.gate.open()
        await task
        return bench

    assert any("paused for 7.0 s" in note for note in run_virtual(main()).steps[0].notes)


# The search


def slots(count):
    """A server that answers `count` requests at once; each one more makes all wait."""

    def script(sent):
        waits = max(0, sent.in_flight - count)
        return Reply(e2e_s=1.0 + waits, ttft_s=0.1 + waits)

    return script


@pytest.mark.parametrize("capacity", [1, 3, 8, 11, 63])
def test_the_search_finds_the_highest_concurrency_that_keeps_the_slo(capacity):
    bench = LoadBench(slots(capacity))
    search = spec(search=Search(highest=64), slo=Slo(ttft_ms=500), requests=100)
    assert run(search, bench).status == "done"
    assert bench.capacity == [
        (OfferedLoad(concurrency=capacity), f"{capacity} requests at once is the highest load that kept the SLO")
    ]
    tried = {step.load.concurrency: step.figures.kept_slo for step in bench.steps}
    assert tried[capacity] is True
    assert tried[capacity + 1] is False
    assert len(tried) == len(bench.steps) <= 13
    assert [step.step for step in bench.steps] == list(range(1, len(bench.steps) + 1))


def test_the_search_finds_a_rate():
    bench = LoadBench(slots(5))
    run(spec(search=Search(over="rate", lowest=0.5, highest=100), slo=Slo(ttft_ms=500), requests=60), bench)
    ((load, sentence),) = bench.capacity
    # Five at once, a second each: five a second, and six as long as answers and requests meet at the same moment.
    assert 4.5 <= load.rate <= 6
    assert load.arrivals == "constant"
    assert sentence == f"{load.rate:g} requests a second is the highest load that kept the SLO"


def test_a_search_ends_at_its_bounds():
    none = LoadBench(slots(0))
    run(spec(search=Search(lowest=2, highest=64), slo=Slo(ttft_ms=500)), none)
    assert none.capacity == [(None, "not even 2 requests at once kept the SLO")]
    assert len(none.steps) == 1
    every = LoadBench(slots(1000))
    run(spec(search=Search(highest=6), slo=Slo(ttft_ms=500)), every)
    sentence = "6 requests at once kept the SLO; more were not tried, raise `search.highest`"
    assert every.capacity == [(OfferedLoad(concurrency=6), sentence)]


def test_a_search_on_a_server_that_is_gone_ends_and_fails():
    bench = LoadBench(lambda sent: Reply(problem="unreachable" if sent.number > 20 else None))
    outcome = run(spec(search=Search(), slo=Slo(ttft_ms=500)), bench)
    assert outcome.status == "failed"
    assert len(bench.sent) <= 20 + 4


# Failures


def test_some_failures_are_a_result_and_a_warning():
    bench = LoadBench(lambda sent: Reply(problem="overloaded" if sent.number % 4 == 0 else None))
    assert run(spec(concurrency=2, requests=12), bench).status == "done"
    assert bench.warnings == [("requests-failed", "3 of 12 requests failed, the first one so: it was overloaded")]
    assert bench.steps[0].figures.failed > 0


def test_nothing_but_failures_is_a_failure():
    bench = LoadBench(lambda _sent: Reply(problem="overloaded"))
    outcome = run(spec(concurrency=2, requests=12), bench)
    assert (outcome.status, outcome.reason) == ("failed", "it was overloaded (12 of 12 requests failed)")


@pytest.mark.parametrize("load", [{"concurrency": (2, 4)}, {"rate": (5.0, 8.0)}])
def test_a_hopeless_failure_ends_all_levels(load):
    bench = LoadBench(lambda sent: Reply(e2e_s=0.3, problem="unreachable" if sent.number == 5 else None))
    outcome = run(spec(**load, requests=50), bench)
    assert outcome.status == "failed"
    assert outcome.reason.startswith("it was unreachable (1 of ")
    assert len(bench.sent) <= 7
    assert [step.step for step in bench.steps] == [1], "a level that was not held has no figures"


@pytest.mark.parametrize("problem", ["gone", "empty"])
def test_prompts_that_cannot_be_had_fail_the_job_before_any_request(tmp_path, problem):
    path = tmp_path / "prompts.jsonl"
    if problem == "empty":
        path.write_text("")
    bench = LoadBench()
    outcome = run(Load(file=str(path), concurrency=1), bench)
    assert outcome.status == "failed"
    assert str(path) in outcome.reason
    assert bench.sent == bench.steps == []


# The prompt cache


def test_prompts_are_unique_and_no_warning_comes():
    bench = LoadBench()
    run(spec(concurrency=1, requests=6), bench)
    assert len({sent.prompt for sent in bench.sent}) == 6
    assert bench.warnings == []


def test_a_hit_that_the_server_states_is_warned_of():
    bench = LoadBench(lambda sent: Reply(cached_tokens=90 if sent.number > 3 else 0))
    run(spec(concurrency=4, requests=12, prompt_cache="allow"), bench)
    assert codes(bench) == ["cache-hit"]
    assert "9 of 12 prompts" in bench.warnings[0][1]


def test_a_hit_that_the_ttft_gives_away_is_warned_of_only_without_company():
    def script(sent):
        return Reply(ttft_s=0.5 if sent.number <= 3 else 0.05)

    for fields, warned in (({"concurrency": 1}, True), ({"concurrency": 2}, False), ({"rate": 0.1}, False)):
        bench = LoadBench(script)
        run(spec(**fields, requests=12, prompt_cache="allow"), bench)
        assert codes(bench) == ["cache-hit"] * warned


def test_a_prefix_that_is_shared_on_purpose_is_no_hit():
    bench = LoadBench(lambda _sent: Reply(cached_tokens=90), count=lambda text: len(text.split()))
    run(spec(concurrency=1, requests=6, prompt_cache="share", shared_tokens=9), bench)
    assert bench.warnings == []
    heads = {sent.prompt.partition("\n\n")[0] for sent in bench.sent}
    assert len(heads) == 1


def test_made_up_prompts_go_out_as_they_were_made():
    bench = LoadBench(count=lambda text: len(text.split()))
    run(Load(synthetic=Synthetic(tokens=20), concurrency=2, requests=30), bench)
    assert {len(sent.prompt.split()) for sent in bench.sent} == {20}
    assert len({sent.prompt for sent in bench.sent}) == 30


def test_progress_counts_towards_what_was_planned():
    bench = LoadBench()
    run(spec(concurrency=(1, 2), requests=3), bench)
    assert bench.told == [("measuring", place, 6) for place in range(1, 7)]
    assert bench.steps[0].figures.requests + bench.steps[1].figures.requests <= 6
    assert all(step.window.end_ns - step.window.start_ns > MS for step in bench.steps)
