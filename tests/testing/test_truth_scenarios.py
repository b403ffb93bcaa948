from itertools import pairwise

import pytest

from llmtui.testing.truth_scenarios import MS, SCENARIOS, plan_steps, read_scenario


def test_a_name_alone_has_the_defaults():
    scenario = read_scenario("plain")
    assert (scenario.ttft_ns, scenario.gap_ns, scenario.tokens, scenario.slots) == (100 * MS, 10 * MS, 64, None)


def test_settings_stand_behind_the_name_and_a_tag_is_left_out():
    scenario = read_scenario("plain+gap_ms=2.5+tokens=200+ttft_ms=50+slots=64:latest")
    assert (scenario.ttft_ns, scenario.gap_ns, scenario.tokens, scenario.slots) == (50 * MS, 2_500_000, 200, 64)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("nope", "there are: plain"),
        ("plain+speed=3", "write one of ttft_ms"),
        ("plain+tokens=many", "needs a number"),
        ("plain+ttft_ms=-1", "needs a number from 0"),
        ("plain+tokens=99999999999", "needs a number from 0 to 1000000"),
        ("plain+gap_ms=nan", "needs a number"),
    ],
)
def test_a_wrong_name_says_what_would_be_right(model, words):
    with pytest.raises(ValueError, match=words):
        read_scenario(model)


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_sends_its_tokens_in_order_of_time(name):
    scenario = read_scenario(f"{name}+tokens=24")
    steps = plan_steps(scenario)
    offsets = [step.offset_ns for step in steps]
    assert offsets == sorted(offsets)
    whole = SCENARIOS[name].ending == "done"
    assert sum(step.tokens for step in steps) == (24 if whole else 12)
    totals = [step.total for step in steps if step.tokens]
    assert totals == sorted(set(totals))
    assert all(bool(step.text) == bool(step.tokens) for step in steps)


def test_plain_keeps_its_schedule():
    steps = plan_steps(read_scenario("plain+ttft_ms=50+gap_ms=4+tokens=3"))
    assert [step.offset_ns / MS for step in steps] == [50, 54, 58]


def test_the_role_comes_long_before_the_text():
    first, second, *_ = plan_steps(read_scenario("role"))
    assert (first.kind, first.tokens) == ("role", 0)
    assert first.offset_ns * 5 < second.offset_ns


def test_four_tokens_a_frame_keep_the_rate():
    steps = plan_steps(read_scenario("multi4+gap_ms=10+tokens=10"))
    assert [step.tokens for step in steps] == [4, 4, 2]
    assert steps[1].offset_ns - steps[0].offset_ns == 40 * MS


def test_bursts_are_drawn_and_always_the_same():
    one, other = (plan_steps(read_scenario("speculative+tokens=300")) for _ in range(2))
    assert one == other
    assert {step.tokens for step in one[:-1]} == {1, 2, 3, 4, 5}


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content", "thinking"])
def test_reasoning_is_the_first_half(name):
    steps = plan_steps(read_scenario(f"{name}+tokens=5"))
    assert [step.kind for step in steps] == ["reasoning"] * 2 + ["answer"] * 3


def test_the_pause_is_in_the_middle_and_there_only():
    steps = plan_steps(read_scenario("stall+gap_ms=10+tokens=8+stall_ms=300"))
    gaps = [later.offset_ns - earlier.offset_ns for earlier, later in pairwise(steps)]
    assert sorted(gaps) == [10 * MS] * 6 + [310 * MS]
    assert gaps.index(310 * MS) == 2


def test_frames_without_text_stand_between():
    kinds = [step.kind for step in plan_steps(read_scenario("comments+tokens=3"))]
    assert kinds == ["comment", "answer", "comment", "answer", "comment", "answer"]
    kinds = [step.kind for step in plan_steps(read_scenario("empty+tokens=2"))]
    assert kinds == ["empty"] * 3 + ["answer", "empty", "answer"]


def test_an_error_follows_the_first_half():
    assert [step.kind for step in plan_steps(read_scenario("error+tokens=4"))] == ["answer", "answer", "error"]
    assert [step.kind for step in plan_steps(read_scenario("early_close+tokens=4"))] == ["answer", "answer"]


def test_a_request_may_ask_for_less_and_not_for_more():
    scenario = read_scenario("plain+tokens=10")
    assert scenario.limited(3).tokens == 3
    assert scenario.limited(30).tokens == 10
    assert scenario.limited(None).tokens == scenario.limited(-1).tokens == 10


def test_flood_has_no_gaps():
    assert read_scenario("flood").gap_ns == 0
