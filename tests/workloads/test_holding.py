import asyncio
from itertools import islice, pairwise

import pytest
from support.load_bench import MS, LoadBench, Reply, S, run_virtual

from llmtui.events import OfferedLoad
from llmtui.suites.checks import MOST_AT_ONCE
from llmtui.suites.schema import Load
from llmtui.workloads.arrivals import due_times
from llmtui.workloads.conversing import Conversations
from llmtui.workloads.holding import LoadHolder
from llmtui.workloads.prompts import PromptSource

PROMPTS = (("one",), ("two",), ("three",))


def closed(*counts):
    return [OfferedLoad(concurrency=count) for count in counts]


def opened(*rates):
    return [OfferedLoad(rate=rate) for rate in rates]


def hold(spec, bench, levels, *, conversations=PROMPTS, unique=False, meanwhile=None):
    """Hold the levels together; return (what was held, its conversations)."""

    async def main():
        talk = Conversations(spec, bench, PromptSource(conversations, unique=unique), 0)
        holder = LoadHolder(spec, bench, talk)
        beside = asyncio.create_task(meanwhile()) if meanwhile else None
        held = await holder.hold(levels)
        if beside:
            await beside
        return held, talk

    return run_virtual(main())


def spec(**fields):
    return Load(**{"prompts": ("x",), "concurrency": 1, "arrivals": "constant", **fields})


def uneven(sent):
    """Answers that take unevenly long, so that the streams do not stay in step."""
    return Reply(e2e_s=0.5 + (sent.number * 7 % 5) / 10)


def in_flight_at(bench, moment_ns):
    """Return how many requests were in flight after everything that happened at `moment_ns`."""
    return next((count for at, count in reversed(bench.flights) if at <= moment_ns), 0)


def changes_between(bench, begin_ns, end_ns):
    """Return all counts of requests in flight between two moments, each as it was when nothing more happened in it."""
    moments = sorted({at for at, _ in bench.flights if begin_ns <= at < end_ns})
    return {in_flight_at(bench, moment) for moment in moments}


# Closed loop


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_a_closed_loop_keeps_its_concurrency_until_its_requests_are_sent(count):
    bench = LoadBench(uneven)
    (held,), talk = hold(spec(requests=count * 5), bench, closed(count))
    assert bench.most == count
    assert len(bench.sent) == len(talk.requests) == count * 5
    assert changes_between(bench, held.began_ns, held.fell_ns) == {count}, "it is full all the time until it falls"
    assert bench.in_flight == 0, "all answers were waited for"
    assert (held.step, held.load) == (1, OfferedLoad(concurrency=count))


def test_the_load_falls_when_a_stream_finds_nothing_left_to_send():
    bench = LoadBench(lambda sent: Reply(e2e_s=float(sent.number)))
    (held,), _ = hold(spec(requests=3), bench, closed(2))
    # 1 s and 2 s begin at once, 3 s after the first of them; the second finds nothing to send at 2 s.
    assert held.fell_ns == 2 * S
    assert bench.flights[-1] == (4 * S, 0)


def test_the_moments_of_the_first_answers_are_kept():
    bench = LoadBench(lambda sent: Reply(e2e_s=float(sent.number)))
    (held,), _ = hold(spec(requests=6), bench, closed(3))
    assert sorted(held.first_answers) == [1 * S, 2 * S, 3 * S]


def test_a_duration_ends_a_level():
    bench = LoadBench(lambda _sent: Reply(e2e_s=0.7))
    (held,), talk = hold(spec(duration_s=10.0), bench, closed(2))
    assert (held.began_ns, held.fell_ns) == (0, 10 * S)
    assert len(talk.requests) == 2 * 15, "fourteen answers fit, and the fifteenth was under way"
    assert bench.flights[-1][0] == 10.5 * S


@pytest.mark.parametrize(("requests", "fell_s", "sent"), [(100, 5.0, 10), (4, 2.0, 4)])
def test_with_both_ends_the_first_counts(requests, fell_s, sent):
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
    (held,), _ = hold(spec(requests=requests, duration_s=5.0), bench, closed(2))
    assert (held.fell_ns, len(bench.sent)) == (fell_s * S, sent)


@pytest.mark.parametrize("earlier_s", [0.0, 2e-10], ids=["time first", "answers first"])
def test_one_end_at_the_very_moment_of_the_other_ends_one_level_only(earlier_s):
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0 - earlier_s))
    held, _ = hold(spec(requests=4, duration_s=2.0), bench, closed(2, 2, 2))
    assert [level.began_ns for level in held] == pytest.approx([0, 2 * S, 4 * S], abs=2)
    assert [level.fell_ns for level in held] == pytest.approx([2 * S, 4 * S, 6 * S], abs=2)
    assert [sum(sent.step == step for sent in bench.sent) for step in (1, 2, 3)] == [4, 4, 4]


def test_a_ramp_goes_up_and_down_without_a_pause():
    bench = LoadBench(lambda sent: Reply(e2e_s=0.1 + sent.number * 3 % 4 / 100))
    held, _ = hold(spec(duration_s=2.0), bench, closed(1, 4, 2))
    assert [(level.step, level.load.concurrency) for level in held] == [(1, 1), (2, 4), (3, 2)]
    assert [(level.began_ns, level.fell_ns) for level in held] == [(0, 2 * S), (2 * S, 4 * S), (4 * S, 6 * S)]
    assert changes_between(bench, 0, 2 * S) == {1}
    assert changes_between(bench, 2 * S, 4 * S) == {4}
    assert changes_between(bench, 4 * S + 130 * MS, 6 * S) == {2}, "down as fast as the answers come"
    assert {sent.step for sent in bench.sent} == {1, 2, 3}
    assert all((sent.step - 1) * 2 * S <= sent.asked_ns <= sent.step * 2 * S for sent in bench.sent)


@pytest.mark.parametrize("counts", [(4, 1, 4), (8, 2, 6, 1, 8)])
def test_a_ramp_never_has_more_in_flight_than_its_levels_while_old_answers_are_under_way(counts):
    bench = LoadBench(lambda _sent: Reply(e2e_s=60.0))
    hold(spec(duration_s=20.0), bench, closed(*counts))
    assert bench.most == max(counts)
    bench = LoadBench(lambda sent: Reply(e2e_s=60.0 if sent.step == 1 else 0.3))
    held, _ = hold(spec(duration_s=100.0), bench, closed(*counts))
    assert bench.most == max(counts)
    last = held[-1]
    assert changes_between(bench, last.began_ns, last.fell_ns) == {counts[-1]}


def test_a_ramp_by_requests_counts_them_level_by_level():
    bench = LoadBench(uneven)
    held, _ = hold(spec(requests=6), bench, closed(1, 3, 2))
    assert [sum(sent.step == step for sent in bench.sent) for step in (1, 2, 3)] == [6, 6, 6]
    assert [level.step for level in held] == [1, 2, 3]
    assert [later.began_ns for later in held[1:]] == [earlier.fell_ns for earlier in held[:-1]]


def test_steps_are_numbered_on_over_several_loads():
    async def main():
        bench = LoadBench()
        wanted = spec(requests=2)
        holder = LoadHolder(wanted, bench, Conversations(wanted, bench, PromptSource(PROMPTS, unique=False), 0))
        return [level.step for _ in range(3) for level in await holder.hold(closed(2))]

    assert run_virtual(main()) == [1, 2, 3]


# Open loop


@pytest.mark.parametrize("e2e_s", [0.01, 1.0, 300.0])
def test_an_open_loop_sends_when_due_whatever_the_answers_do(e2e_s):
    bench = LoadBench(lambda _sent: Reply(e2e_s=e2e_s))
    (held,), talk = hold(spec(requests=9), bench, opened(4.0))
    assert [sent.asked_ns for sent in bench.sent] == [S // 4 * place for place in range(9)]
    assert [request.due_ns for request in sorted(talk.requests)] == [sent.due_ns for sent in bench.sent]
    assert [sent.due_ns for sent in bench.sent] == [sent.asked_ns for sent in bench.sent]
    assert held.fell_ns == 2 * S, "the load falls with the last request"
    assert len(talk.requests) == 9


def test_poisson_arrivals_come_at_the_moments_that_the_seed_gives():
    bench = LoadBench()
    hold(spec(requests=50, seed=7, arrivals="poisson"), bench, opened(3.0, 9.0))
    first, second = ([sent.asked_ns for sent in bench.sent if sent.step == step] for step in (1, 2))
    assert first == pytest.approx(list(islice(due_times(0, 3.0, "poisson", 7 + 1), 50)), abs=2)
    assert second == pytest.approx(list(islice(due_times(first[-1], 9.0, "poisson", 7 + 2), 50)), abs=2)
    assert [b - a for a, b in pairwise(first)] != [b - a for a, b in pairwise(second)]


def test_a_request_that_leaves_late_keeps_the_moment_at_which_it_was_due():
    bench = LoadBench(lambda _sent: Reply(e2e_s=0.2, late_s=5.0))
    _, talk = hold(spec(requests=3), bench, opened(1.0))
    assert [request.due_ns for request in talk.requests] == [0, S, 2 * S]
    assert [request.delay_ns for request in talk.requests] == [5 * S] * 3


def test_a_duration_ends_an_open_loop_with_its_last_gap():
    bench = LoadBench()
    (held,), _ = hold(spec(duration_s=2.3), bench, opened(2.0))
    assert [sent.asked_ns for sent in bench.sent] == [0, S // 2, S, 3 * S // 2, 2 * S]
    assert held.fell_ns == 2.3 * S


@pytest.mark.parametrize(("requests", "fell_s", "sent"), [(100, 3.0, 6), (4, 1.5, 4)])
def test_with_both_ends_the_first_ends_an_open_loop(requests, fell_s, sent):
    bench = LoadBench()
    (held,), _ = hold(spec(requests=requests, duration_s=3.0), bench, opened(2.0))
    assert (held.fell_ns, len(bench.sent)) == (fell_s * S, sent)


def test_an_open_loop_that_the_server_cannot_follow_ends_with_a_note():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1000.0))
    (held,), _ = hold(spec(duration_s=500.0), bench, opened(100.0))
    assert bench.most == MOST_AT_ONCE == len(bench.sent)
    assert held.notes == (f"ended early: {MOST_AT_ONCE} requests were waiting, the server falls behind",)
    assert held.fell_ns == pytest.approx(MOST_AT_ONCE * 10 * MS, abs=MS)


def test_an_open_ramp_changes_its_rate_without_a_pause():
    bench = LoadBench(lambda _sent: Reply(e2e_s=3.0))
    held, _ = hold(spec(duration_s=4.0), bench, opened(1.0, 2.0))
    assert [(level.began_ns, level.fell_ns) for level in held] == [(0, 4 * S), (4 * S, 8 * S)]
    assert [sent.asked_ns / S for sent in bench.sent] == [0, 1, 2, 3, *(4 + place / 2 for place in range(8))]


# A pause by the user


def pausing(bench, at_s, for_s):
    async def pause():
        await asyncio.sleep(at_s)
        bench.gate.close()
        await asyncio.sleep(for_s)
        bench.gate.open()

    return pause


def test_a_pause_moves_what_was_due_and_is_noted():
    bench = LoadBench(lambda _sent: Reply(e2e_s=0.1))
    (held,), talk = hold(spec(requests=6), bench, opened(1.0), meanwhile=pausing(bench, 2.5, 10.0))
    assert [sent.asked_ns / S for sent in bench.sent] == [0, 1, 2, 13, 14, 15]
    assert [request.due_ns / S for request in talk.requests] == [0, 1, 2, 13, 14, 15], "the user is no slow server"
    assert held.notes == ("the queue was paused for 10.0 s, which the rates count as time",)


def test_a_pause_in_an_open_loop_does_not_shorten_its_duration():
    bench = LoadBench(lambda _sent: Reply(e2e_s=0.1))
    (held,), _ = hold(spec(duration_s=4.0), bench, opened(1.0), meanwhile=pausing(bench, 2.5, 10.0))
    assert len(bench.sent) == 4
    assert held.fell_ns == 14 * S


def test_a_pause_in_a_closed_loop_sends_nothing_and_is_noted():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
    (held,), talk = hold(spec(requests=12), bench, closed(2), meanwhile=pausing(bench, 2.5, 10.0))
    assert not any(2.5 * S < sent.asked_ns < 12.5 * S for sent in bench.sent)
    assert len(talk.requests) == 12
    assert all(request.delay_ns == 0 for request in talk.requests)
    assert held.notes == ("the queue was paused for 10.0 s, which the rates count as time",)


def test_a_pause_before_a_level_is_not_its_own():
    async def main():
        bench = LoadBench()
        bench.gate.close()
        await asyncio.sleep(5)
        bench.gate.open()
        wanted = spec(requests=2)
        holder = LoadHolder(wanted, bench, Conversations(wanted, bench, PromptSource(PROMPTS, unique=False), 0))
        return await holder.hold(closed(1))

    assert run_virtual(main())[0].notes == ()


# Trouble


def test_one_failure_among_answers_ends_nothing():
    bench = LoadBench(lambda sent: Reply(problem="truncated" if sent.number % 3 == 0 else None))
    _, talk = hold(spec(requests=9), bench, closed(2))
    assert len(talk.requests) == 9
    assert talk.failures == ["it was truncated"] * 3
    assert [request.done for request in talk.requests].count(False) == 3
    assert not talk.hopeless
    assert len(talk.prompt_timings) == 6


@pytest.mark.parametrize("kind", ["unreachable", "refused", "no_model", "bad_request", "not_supported"])
@pytest.mark.parametrize("levels", [closed(3, 4), opened(3.0, 4.0)])
def test_what_every_other_request_would_have_as_well_ends_it_at_once(kind, levels):
    bench = LoadBench(lambda sent: Reply(e2e_s=0.5, problem=kind if sent.number == 4 else None))
    held, talk = hold(spec(duration_s=1000.0), bench, levels)
    failed_ns = next(request.ended_ns for request in talk.requests if not request.done)
    assert talk.hopeless
    assert all(sent.asked_ns <= failed_ns for sent in bench.sent), "nothing is sent after it"
    assert len(held) == 1
    assert held[0].fell_ns <= failed_ns + S // 3, "it does not wait for its time to pass"


def test_a_hopeless_open_loop_does_not_wait_for_the_next_one_to_be_due():
    bench = LoadBench(lambda _sent: Reply(e2e_s=0.5, problem="unreachable"))
    (held,), _ = hold(spec(requests=5), bench, opened(0.001))
    assert len(bench.sent) == 1
    assert held.fell_ns == S // 2


@pytest.mark.parametrize("levels", [closed(8), opened(8.0)])
def test_cancelling_ends_all_streams(levels):
    async def main():
        bench = LoadBench(lambda _sent: Reply(e2e_s=100.0))
        wanted = spec(duration_s=50.0)
        holder = LoadHolder(wanted, bench, Conversations(wanted, bench, PromptSource(PROMPTS, unique=False), 0))
        task = asyncio.create_task(holder.hold(levels))
        await asyncio.sleep(3.01)
        before = bench.in_flight
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = asyncio.all_tasks() - {asyncio.current_task()}
        return bench, before, left

    bench, before, left = run_virtual(main())
    assert before > 0
    assert (bench.cancelled, bench.in_flight, left) == (before, 0, set())
    assert bench.flights[-1][0] == round(3.01 * S)


# Conversations


def test_a_conversation_carries_its_history_and_waits_between_its_turns():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
    talk = (("hello", "and then?", "thanks"),)
    hold(spec(requests=4, turns=3, think_s=5.0, system="be short"), bench, closed(1), conversations=talk)
    first = (("system", "be short"), ("user", "hello"))
    second = (*first, ("assistant", "answer 1"), ("user", "and then?"))
    third = (*second, ("assistant", "answer 2"), ("user", "thanks"))
    assert [sent.messages for sent in bench.sent] == [first, second, third, first]
    assert [sent.asked_ns for sent in bench.sent] == [0, 6 * S, 12 * S, 13 * S], "no wait before a new conversation"
    assert set(bench.slept) == {5.0}


def test_each_turn_is_one_of_the_requests_that_were_asked_for():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
    _, talk = hold(spec(requests=5, turns=3), bench, closed(2), conversations=(("a", "b", "c"),))
    assert len(bench.sent) == len(talk.requests) == 5


def test_only_the_first_turn_of_an_open_loop_has_a_time_at_which_it_is_due():
    bench = LoadBench(lambda _sent: Reply(e2e_s=0.1))
    hold(spec(requests=2, turns=2, think_s=1.0), bench, opened(1.0), conversations=(("a", "b"),))
    assert [sent.due_ns for sent in bench.sent if sent.prompt == "a"] == [0, S]
    assert [sent.due_ns for sent in bench.sent if sent.prompt == "b"] == [None, None]
    assert [sent.asked_ns for sent in bench.sent if sent.prompt == "b"] == [1.1 * S, 2.1 * S]


def test_a_turn_that_failed_ends_its_conversation():
    bench = LoadBench(lambda sent: Reply(problem="truncated" if sent.number == 2 else None))
    hold(spec(requests=4, turns=3), bench, closed(1), conversations=(("a", "b", "c"),))
    assert [sent.prompt for sent in bench.sent] == ["a", "b", "a", "b"]
    assert len(bench.sent[2].messages) == 1, "the next conversation begins anew"


def test_a_level_that_is_over_ends_conversations_between_their_turns():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0))
    hold(spec(duration_s=2.0, turns=5, think_s=3.0), bench, closed(2), conversations=(("a", "b", "c", "d", "e"),))
    assert [sent.prompt for sent in bench.sent] == ["a", "a"]


def test_a_unique_line_stands_once_in_a_conversation():
    bench = LoadBench()
    hold(spec(requests=6, turns=3), bench, closed(1), conversations=(("a", "b", "c"),), unique=True)
    texts = [[text for role, text in sent.messages if role == "user"] for sent in bench.sent]
    assert texts[:3] == [["[line 1]\na"], ["[line 1]\na", "b"], ["[line 1]\na", "b", "c"]], (
        "the history stays as it was"
    )
    assert texts[3] == ["[line 2]\na"]
    bench = LoadBench()
    hold(spec(requests=2), bench, closed(1), unique=False)
    assert [sent.prompt for sent in bench.sent] == ["one", "two"]


# What is kept


def test_sampling_parameters_and_step_go_with_each_request():
    bench = LoadBench()
    told = spec(requests=1, max_tokens=7, temperature=0.3, seed=5, stop=("x",), options={"top_k": 1})
    hold(told, bench, closed(1))
    assert bench.sent[0].options == {
        "max_tokens": 7,
        "temperature": 0.3,
        "seed": 5,
        "stop": ("x",),
        "options": {"top_k": 1},
        "unique": False,
        "due_ns": None,
        "step": 1,
    }


def test_the_figures_of_a_request_are_kept_as_they_were_measured():
    bench = LoadBench(lambda _sent: Reply(e2e_s=1.0, ttft_s=0.1, tokens=10, cached_tokens=3))
    _, talk = hold(spec(requests=1), bench, closed(1))
    (request,) = talk.requests
    assert (request.due_ns, request.sent_ns, request.ended_ns, request.done) == (0, 0, S, True)
    assert (request.ttft_ns, request.itl_ns, request.e2e_ns, request.tokens) == (100 * MS, 100 * MS, S, 10)
    assert request.arrivals == tuple(100 * MS * place for place in range(1, 11))
    assert talk.prompt_timings == [("one", 100, 3, 100 * MS)]


def test_only_first_turns_tell_of_the_prompt_cache():
    bench = LoadBench()
    _, talk = hold(spec(requests=6, turns=3), bench, closed(1), conversations=(("a", "b", "c"),))
    assert [timing.prompt for timing in talk.prompt_timings] == ["a", "a"]


def test_progress_counts_answers():
    bench = LoadBench()
    hold(spec(requests=3), bench, closed(1))
    assert bench.told == [("measuring", place, place) for place in (1, 2, 3)]
