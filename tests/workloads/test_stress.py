import asyncio

import pytest
from support.load_bench import Reply, S
from support.stress_bench import IDLE_S, at_rate, run_stress

from llmtui.readings import SW_THERMAL
from llmtui.suites.schema import Stress
from llmtui.workloads.stress import all_of

MINUTE = Stress(duration_s=60.0, record_s=1.0, cooldown_s=0.0)
LOST = "the GPU is lost"


def gpu(degrees=70.0, *, bits=0, clock=1900.0, percent=98.0, **more):
    values = {
        "gpu.0.percent": percent,
        "gpu.0.temperature": degrees,
        "gpu.0.temperature.limit": 93.0,
        "gpu.0.throttle.reasons": float(bits),
        "gpu.0.clock.sm": clock,
        "server.cpu": 1.0,
        "swap.in.rate": 0.0,
    }
    return values | {key.replace("_", "."): value for key, value in more.items()}


def cool(_second):
    return gpu()


def heating(from_s, degrees=92.0):
    """Cool at first, hot from a second of the load on."""
    return lambda second: gpu(degrees if second >= IDLE_S + from_s else 70.0)


def losing(from_s, to_s=1e9, reason=LOST):
    """Without a temperature from one second of the load to another; the reason comes once, as the sampler tells it."""

    def weather(second):
        if second == IDLE_S + from_s:
            return {"cpu.percent": 1.0, "gpu.0.temperature": reason}
        return {"cpu.percent": 1.0} if IDLE_S + from_s < second < IDLE_S + to_s else gpu()

    return weather


def load_ended_s(bench):
    """Return the second of the load at which nothing was in flight any more."""
    assert bench.flights[-1][1] == 0
    return bench.flights[-1][0] / S - IDLE_S


# --- a healthy machine -------------------------------------------------------------------------------------------------


def test_a_healthy_machine_passes_by_every_criterion():
    outcome, bench = run_stress(MINUTE, cool)
    assert (outcome.status, outcome.passed, outcome.cause) == ("done", True, None)
    assert bench.verdict.verdict == "not throttled"
    assert {item.name: item.passed for item in bench.verdict.criteria} == {
        "temperature of GPU 0": True,
        "throttling": True,
        "swap": True,
        "rate": True,
    }
    assert bench.alerts == []


def test_requests_follow_one_another_without_a_pause_and_are_unique():
    spec = Stress(duration_s=30.0, streams=3, system="be short", prompt="go", max_tokens=7, seed=5, cooldown_s=0.0)
    _, bench = run_stress(spec, cool)
    assert bench.most == 3
    busy = [count for at, count in bench.flights if IDLE_S * S < at < (IDLE_S + 30) * S]
    assert set(busy) <= {2, 3}, "between an answer and the next request no time passes"
    assert all(sent.options["unique"] and sent.options["max_tokens"] == 7 for sent in bench.sent)
    assert {sent.messages for sent in bench.sent} == {(("system", "be short"), ("user", "go"))}
    assert len(bench.sent) > 60


def test_the_load_ends_with_its_time_and_the_last_answers_get_five_seconds():
    _, bench = run_stress(MINUTE, cool, lambda _sent: at_rate(50.0, 101))
    assert 60 <= load_ended_s(bench) <= 60 + 2.1
    assert bench.cancelled == 0
    _, bench = run_stress(MINUTE, cool, lambda _sent: Reply(tokens=400, e2e_s=40.0))
    assert load_ended_s(bench) == 65
    assert bench.cancelled == 1


# --- intervals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streams", [1, 4])
def test_intervals_have_no_gaps_and_come_only_once(streams):
    spec = Stress(duration_s=60.0, record_s=2.5, streams=streams, cooldown_s=10.0)
    _, bench = run_stress(spec, cool)
    assert bench.intervals[0].start == IDLE_S * S
    ends = [interval.end for interval in bench.intervals]
    assert [interval.start for interval in bench.intervals[1:]] == ends[:-1]
    assert all(interval.end - interval.start == 2.5 * S for interval in bench.intervals[:-1])
    assert bench.intervals[-1].end == IDLE_S * S + round(load_ended_s(bench) * S)
    # The very last chunks come at the moment at which the load ends, and so in no interval before it.
    assert sum(interval.tokens for interval in bench.intervals) == 50 * len(bench.sent) - streams
    assert [interval.decode_rate for interval in bench.intervals[:-1]] == pytest.approx([50.0] * 24, rel=1e-3)


def test_an_interval_waits_for_the_requests_that_began_in_it():
    replies = {True: Reply(tokens=300, ttft_s=0.1, e2e_s=30.1), False: at_rate(10.0, 10)}
    spec = Stress(duration_s=30.0, record_s=1.0, streams=2, cooldown_s=0.0)
    _, bench = run_stress(spec, cool, lambda sent: replies[sent.number == 1])
    assert sum(interval.tokens for interval in bench.intervals) == 300 + 10 * (len(bench.sent) - 1) - 1


def test_an_interval_holds_the_spread_of_the_readings_in_it():
    def weather(second):
        return gpu(60.0 + second)

    _, bench = run_stress(Stress(duration_s=9.0, record_s=3.0, cooldown_s=0.0), weather)
    assert bench.intervals[0].figures["gpu.0.temperature"] == pytest.approx((65.0, 66.0, 67.0))
    assert bench.intervals[1].figures["gpu.0.temperature"] == pytest.approx((68.0, 69.0, 70.0))


def test_chunks_of_several_tokens_count_as_many():
    def four_a_chunk(_sent):
        return at_rate(50.0, 50, tokens_per_chunk=4)

    _, bench = run_stress(MINUTE, cool, four_a_chunk)
    assert bench.intervals[3].decode_rate == pytest.approx(200.0, rel=1e-3)
    _, cut = run_stress(MINUTE, heating(30), lambda _sent: at_rate(50.0, 130, tokens_per_chunk=4))
    assert cut.cancelled == 1
    rates = [interval.decode_rate for interval in cut.intervals if interval.decode_rate is not None]
    assert rates == pytest.approx([200.0] * len(rates), rel=1e-3), "an answer without a count of its own has others'"


def test_without_a_given_length_an_interval_is_a_sixtieth():
    for duration_s, length_s in ((30.0, 1.0), (300.0, 5.0), (7200.0, 30.0)):
        _, bench = run_stress(Stress(duration_s=duration_s, cooldown_s=0.0), cool, lambda _sent: at_rate(2.0))
        assert bench.intervals[0].end - bench.intervals[0].start == length_s * S


# --- the guard -----------------------------------------------------------------------------------------------------------


def test_two_hot_readings_end_the_load_within_a_second_and_keep_everything():
    outcome, bench = run_stress(MINUTE, heating(30, 91.0), lambda _sent: at_rate(50.0, 400))
    assert (outcome.status, outcome.passed, outcome.cause) == ("failed", False, "overheated")
    assert outcome.reason == "GPU 0 reached 91 °C; the limit is 90 °C (the usual limits)"
    assert 31 <= load_ended_s(bench) < 32, "30 is the first hot reading, 31 the second"
    assert bench.cancelled == 1
    came = 3 * 400 + sum(0.1 + n * 0.02 <= 31 - 3 * 8.08 for n in range(400))
    assert sum(interval.tokens for interval in bench.intervals) == pytest.approx(came, abs=2)
    assert bench.intervals[-1].end == bench.flights[-1][0], "what came before the end is recorded up to it"
    assert bench.verdict.passed("temperature of GPU 0") is False


def test_one_hot_reading_ends_nothing():
    outcome, bench = run_stress(MINUTE, lambda second: gpu(91.0 if second % 3 == 0 else 80.0))
    assert outcome.cause is None
    assert load_ended_s(bench) >= 60
    assert bench.verdict.passed("temperature of GPU 0") is False, "it was over the limit to pass all the same"
    assert outcome.passed is False


def test_one_reading_at_the_device_s_own_limit_ends_the_load():
    outcome, bench = run_stress(MINUTE, heating(30, 92.0))
    assert outcome.cause == "overheated"
    assert 30 <= load_ended_s(bench) < 31


def test_a_device_s_own_limits_and_those_of_the_suite_count():
    pi = {"cpu.temperature": 79.5, "cpu.temperature.limit": 80.0, "server.cpu": 4.0}
    outcome, _ = run_stress(MINUTE, lambda _second: pi)
    assert (outcome.cause, "its own limit" in outcome.reason) == ("overheated", True)
    ryzen = {"cpu.temperature": 90.5, "cpu.temperature.limit": 100.0, "server.cpu": 8.0}
    assert run_stress(MINUTE, lambda _second: ryzen)[0].cause is None
    given = Stress(duration_s=60.0, cooldown_s=0.0, max_temperature={"gpu": 60.0}, abort_temperature=75.0)
    outcome, bench = run_stress(given, cool)
    assert (outcome.status, outcome.passed) == ("done", False)
    assert bench.verdict.passed("temperature of GPU 0") is False
    assert run_stress(given, heating(20, 76.0))[0].cause == "overheated"


def test_a_machine_that_is_too_hot_at_the_start_carries_no_load():
    outcome, bench = run_stress(MINUTE, lambda _second: gpu(95.0))
    assert outcome.cause == "overheated"
    assert load_ended_s(bench) == 0
    assert len(bench.sent) <= 1


def test_an_error_of_the_guard_ends_the_load_and_is_told():
    def weather(second):
        return gpu() | ({"gpu.0.temperature": object()} if second >= IDLE_S + 10 else {})

    with pytest.raises(ExceptionGroup) as caught:
        run_stress(MINUTE, weather)
    assert caught.group_contains(TypeError)


def test_an_error_under_the_load_is_not_taken_for_its_end():
    def script(sent):
        if sent.number > 5:
            raise ZeroDivisionError
        return at_rate(50.0)

    with pytest.raises(ExceptionGroup) as caught:
        run_stress(MINUTE, cool, script)
    assert caught.group_contains(ZeroDivisionError)


# --- blind ---------------------------------------------------------------------------------------------------------------


def test_a_lost_sensor_is_told_at_once_and_ends_the_load_after_ten_seconds():
    outcome, bench = run_stress(MINUTE, losing(30))
    assert bench.alerts == [
        (
            IDLE_S + 30.0,
            "guard-blind",
            f"the temperature of GPU 0 can't be read any more ({LOST}); the load ends in 10 s",
        )
    ]
    assert 40 <= load_ended_s(bench) < 41.1
    assert (outcome.status, outcome.cause, outcome.passed) == ("failed", "sensor lost", None)
    assert outcome.reason == f"the temperature of GPU 0 can't be read any more: {LOST}"
    assert bench.verdict.passed("temperature of GPU 0") is None
    assert len(bench.intervals) >= 40, "what was measured is kept"


def test_a_lost_sensor_may_be_allowed_and_then_it_is_not_judged():
    spec = Stress(duration_s=60.0, record_s=1.0, cooldown_s=0.0, allow_blind=True)
    outcome, bench = run_stress(spec, losing(30))
    assert load_ended_s(bench) >= 60
    assert (outcome.status, outcome.cause, outcome.passed) == ("done", None, None)
    assert "the load goes on" in bench.alerts[0][2]
    (criterion,) = [item for item in bench.verdict.criteria if item.name == "temperature of GPU 0"]
    assert criterion.passed is None
    assert LOST in criterion.text


def test_heat_still_ends_a_load_that_may_go_blind():
    spec = Stress(duration_s=60.0, cooldown_s=0.0, allow_blind=True)

    def weather(second):
        return losing(10, 30)(second) if second < IDLE_S + 30 else gpu(95.0)

    outcome, bench = run_stress(spec, weather)
    assert outcome.cause == "overheated"
    assert 30 <= load_ended_s(bench) < 32


def test_a_sensor_that_comes_back_ends_nothing_and_its_next_loss_is_told_again():
    def weather(second):
        return losing(20, 29)(second) if second < IDLE_S + 35 else losing(40, 45)(second)

    outcome, bench = run_stress(MINUTE, weather)
    assert (outcome.status, outcome.passed) == ("done", True)
    assert [at - IDLE_S for at, _, _ in bench.alerts] == [20, 40]


def test_a_sampler_that_is_lost_and_silent_is_noticed_by_the_clock():
    def weather(second):
        if second < IDLE_S + 20:
            return gpu()
        return "the sampler ended by signal 11" if second == IDLE_S + 20 else None

    outcome, bench = run_stress(MINUTE, weather)
    assert outcome.cause == "sensor lost"
    assert "by signal 11" in outcome.reason
    assert 30 <= load_ended_s(bench) <= 31


def test_a_sampler_that_was_lost_before_the_load_is_blind_from_the_start():
    outcome, bench = run_stress(MINUTE, lambda second: gpu() if second < 3 else "it ended" if second == 3 else None)
    assert outcome.cause == "sensor lost"
    assert 10 <= load_ended_s(bench) <= 11


def test_a_restarted_sampler_without_the_sensor_stays_blind():
    def weather(second):
        if second < IDLE_S + 20:
            return gpu()
        return "the sampler was silent for 5 s" if second == IDLE_S + 20 else {"cpu.percent": 50.0}

    assert run_stress(MINUTE, weather)[0].cause == "sensor lost"


def test_a_sensor_lost_in_the_cool_down_says_nothing_of_the_load():
    spec = Stress(duration_s=60.0, record_s=1.0, cooldown_s=60.0)
    outcome, bench = run_stress(spec, losing(70))
    assert (outcome.status, outcome.passed) == ("done", True)
    assert bench.alerts == []


# --- what can't be judged --------------------------------------------------------------------------------------------------


def test_without_any_sensor_nothing_passes_silently():
    vm = {"cpu.percent": 90.0, "server.cpu": 4.0, "cpu.temperature": "no sensor: virtual machine"}
    outcome, bench = run_stress(MINUTE, lambda second: vm if second == 0 else {"server.cpu": 4.0})
    assert (outcome.status, outcome.passed) == ("done", None)
    assert bench.verdict.verdict == "unknown"
    assert {item.name: item.passed for item in bench.verdict.criteria} == {
        "temperature of CPU": None,
        "throttling": None,
        "swap": None,
        "rate": True,
    }
    assert "virtual machine" in bench.verdict.criteria[0].text


def test_with_no_sampler_at_all_nothing_passes_silently():
    outcome, bench = run_stress(MINUTE, lambda _second: None)
    assert (outcome.status, outcome.passed) == ("done", None)
    assert bench.verdict.passed("temperature") is None
    assert bench.verdict.verdict == "unknown"


def test_a_device_that_carries_the_load_needs_a_temperature_of_its_own():
    cpu = {"cpu.temperature": 60.0, "cpu.temperature.limit": 100.0}

    def weather(second):
        values = gpu() | cpu
        del values["gpu.0.temperature"]
        return values | ({"gpu.0.temperature": "this GPU or its driver does not tell"} if second == 0 else {})

    outcome, bench = run_stress(MINUTE, weather)
    assert outcome.passed is None
    assert bench.verdict.passed("temperature of CPU") is True
    assert bench.verdict.passed("temperature of GPU 0") is None


def test_too_few_intervals_leave_the_rate_unjudged():
    outcome, bench = run_stress(Stress(duration_s=20.0, record_s=1.0, cooldown_s=0.0), cool)
    assert outcome.passed is None
    assert bench.verdict.passed("rate") is None


@pytest.mark.parametrize(
    ("weather", "cause"), [(heating(10, 95.0), "overheated"), (losing(10), "sensor lost")], ids=["hot", "lost"]
)
def test_a_server_on_another_machine_is_not_judged_by_the_sensors_of_this_one(weather, cause):
    outcome, bench = run_stress(MINUTE, weather, blind="the server runs on box, not on this machine")
    assert (outcome.status, outcome.cause, outcome.passed) == ("done", None, None)
    assert bench.verdict.verdict == "unknown"
    assert bench.alerts == []
    for name in ("temperature", "throttling", "swap"):
        assert bench.verdict.passed(name) is None
    assert bench.verdict.passed("rate") is True
    assert not any("°C" in line for line in bench.verdict.evidence)
    assert run_stress(MINUTE, weather)[0].cause == cause, "negative control: on this machine it is"


def test_the_whole_is_the_worst_of_its_criteria():
    _, bench = run_stress(MINUTE, cool)
    good = bench.verdict.criteria[0]
    unknown, bad = (type(good)(name="x", passed=passed, text="") for passed in (None, False))
    assert all_of((good, good)) is True
    assert all_of((good, unknown)) is None
    assert all_of((unknown, bad, good)) is False


# --- slowing down ----------------------------------------------------------------------------------------------------------


def falling(at_s, slow=35.0):
    return lambda sent: at_rate(50.0 if sent.asked_ns < (IDLE_S + at_s) * S else slow, 25)


def test_throttling_is_told_with_its_onset_and_the_rate_that_fell():
    def weather(second):
        return gpu(84.0, bits=SW_THERMAL, clock=1460.0) if second >= IDLE_S + 30 else gpu(80.0)

    outcome, bench = run_stress(MINUTE, weather, falling(30))
    assert (outcome.status, outcome.cause, outcome.passed) == ("done", None, False)
    assert bench.verdict.verdict == "thermal throttling"
    assert "first 0:30 into the load, at 84 °C" in bench.verdict.sentence
    assert "the rate fell from 50" in bench.verdict.sentence
    assert "time to throttle: 0:30 at 84 °C" in bench.verdict.evidence
    assert bench.verdict.passed("throttling") is False
    assert bench.verdict.passed("rate") is False
    assert bench.verdict.passed("temperature of GPU 0") is True
    assert [code for _, code, _ in bench.alerts] == ["slowing"]


def test_the_hint_comes_while_the_load_runs_and_once_for_each_spell():
    _, bench = run_stress(MINUTE, cool, falling(30))
    ((at, code, text),) = bench.alerts
    assert code == "slowing"
    assert 33 <= at - IDLE_S <= 34, "three low intervals, and the answer that was under way"
    assert text.startswith("slowing: 35 tok/s in 3 of the last 5 samples, 30 % below 50")

    def spells(sent):
        second = sent.asked_ns / S - IDLE_S
        return at_rate(35.0 if 20 <= second < 30 or second >= 45 else 50.0, 25)

    assert [code for _, code, _ in run_stress(MINUTE, cool, spells)[1].alerts] == ["slowing", "slowing"]
    assert run_stress(MINUTE, cool)[1].alerts == []


# --- cool-down ---------------------------------------------------------------------------------------------------------------


def cooling(load_s, step=2.0):
    def weather(second):
        since = second - IDLE_S
        if since <= 0:
            return gpu(50.0, percent=0.0)
        return gpu(80.0) if since <= load_s else gpu(max(50.0, 80.0 - step * (since - load_s)), percent=0.0)

    return weather


def test_the_cool_down_is_sampled_and_the_recovery_told():
    spec = Stress(duration_s=60.0, record_s=1.0, cooldown_s=30.0)
    _, bench = run_stress(spec, cooling(61), lambda _sent: at_rate(50.0, 45))
    ended_s = load_ended_s(bench)
    assert 60 <= ended_s <= 61
    assert "GPU 0: 50 °C before, 80 °C at most, 80 °C at the end" in bench.verdict.evidence
    assert any(line in bench.verdict.evidence for line in (f"GPU 0: recovered within 0:{s}" for s in (13, 14)))
    assert bench.slept == [30.0]
    _, slow = run_stress(spec, cooling(61, step=0.2))
    assert any("still 7" in line and "after 0:30 of cool-down" in line for line in slow.verdict.evidence)


def test_a_load_that_was_ended_by_heat_is_watched_while_it_cools():
    spec = Stress(duration_s=60.0, record_s=1.0, cooldown_s=20.0)

    def weather(second):
        since = second - IDLE_S
        return gpu(70.0) if since < 30 else gpu(95.0 - 3 * (since - 30), percent=0.0)

    outcome, bench = run_stress(spec, weather)
    assert outcome.cause == "overheated"
    assert bench.now_s_at_end - IDLE_S == pytest.approx(load_ended_s(bench) + 20)
    assert any("recovered within" in line for line in bench.verdict.evidence)


# --- trouble ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["unreachable", "refused", "no_model", "bad_request", "not_supported"])
def test_a_hopeless_server_ends_the_job_as_failed(kind):
    spec = Stress(duration_s=60.0, record_s=1.0, cooldown_s=30.0)
    outcome, bench = run_stress(spec, cool, lambda _sent: Reply(e2e_s=0.01, problem=kind))
    assert (outcome.status, outcome.reason, outcome.passed) == ("failed", f"it was {kind}", None)
    assert len(bench.sent) == 1
    assert bench.slept == [], "there is nothing to cool down from"
    assert bench.verdict.passed("rate") is None


def test_a_server_that_fails_again_and_again_is_given_up_and_not_flooded():
    outcome, bench = run_stress(MINUTE, cool, lambda _sent: Reply(e2e_s=0.001, problem="overloaded"))
    assert (outcome.status, outcome.reason) == ("failed", "it was overloaded")
    assert [round(sent.asked_ns / S) - IDLE_S for sent in bench.sent] == [0, 1, 2, 3, 4]
    assert any("5 of 5 requests failed, the last one: it was overloaded" in line for line in bench.verdict.evidence)


def test_single_failures_are_told_and_end_nothing():
    outcome, bench = run_stress(
        MINUTE, cool, lambda sent: at_rate(50.0, problem="truncated" if sent.number % 10 == 0 else None)
    )
    assert (outcome.status, outcome.passed) == ("done", True)
    failed = len([sent for sent in bench.sent if sent.number % 10 == 0])
    assert f"{failed} of {len(bench.sent)} requests failed, the last one: it was truncated" in bench.verdict.evidence


def test_a_server_that_dies_under_the_load_does_not_pass():
    outcome, bench = run_stress(
        MINUTE, cool, lambda sent: at_rate(50.0, problem="unreachable" if sent.number > 45 else None)
    )
    assert (outcome.status, outcome.reason, outcome.passed) == ("failed", "it was unreachable", None)
    assert load_ended_s(bench) < 60
    assert len(bench.intervals) > 40


def test_a_server_that_never_answers_fails_the_job():
    outcome, bench = run_stress(MINUTE, cool, lambda _sent: Reply(ttft_s=900.0, e2e_s=1000.0))
    assert (outcome.status, outcome.passed) == ("failed", None)
    assert "no text came in 60 s" in outcome.reason
    assert load_ended_s(bench) == 65


def test_a_pause_by_the_user_is_told():
    async def pause(bench):
        await asyncio.sleep(20)
        bench.gate.close()
        await asyncio.sleep(10)
        bench.gate.open()

    _, bench = run_stress(MINUTE, cool, meanwhile=pause)
    assert "the queue was paused for 0:10, in which the machine could cool" in bench.verdict.evidence
    assert not any("paused" in line for line in run_stress(MINUTE, cool)[1].verdict.evidence)
