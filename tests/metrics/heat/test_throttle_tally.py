import pytest

from llmtui.metrics.heat.evidence import Finding, SampleEvidence
from llmtui.metrics.heat.reading_history import HELD_S
from llmtui.metrics.heat.throttle_tally import ThrottleTally

SECOND = 1_000_000_000
HARD = {("gpu.0", "hard"): 1.0}


def sample(second, *findings, loaded=True, observed=HARD, at_work=("gpu.0",), degrees=None):
    return SampleEvidence(
        int(second * SECOND), loaded, tuple(findings), dict(observed), frozenset(at_work), degrees or {}
    )


def heat(seconds=1.0, *, counted=False, device="gpu.0", kind="thermal", words="heat"):
    return Finding(device, kind, words, seconds, counted)


def tallied(*samples):
    tally = ThrottleTally()
    for one in samples:
        tally.add(one)
    return tally


def test_time_under_load_is_added_up_from_sample_to_sample():
    tally = tallied(*(sample(second) for second in (10, 11, 13, 17)))
    assert (tally.loaded_s, tally.start_ns) == (7.0, 10 * SECOND)
    assert tally.observed("gpu.0", "hard") == 4.0
    assert tally.observed("gpu.1", "hard") is None
    assert tally.total("gpu.0", "thermal").seconds == 0.0


def test_what_was_seen_without_load_does_not_count():
    tally = tallied(sample(0, heat(), loaded=False), sample(1, heat(), loaded=False))
    assert (tally.loaded_s, tally.start_ns, tally.total("gpu.0", "thermal").samples) == (0.0, None, 0)
    assert tally.devices() == ()


def test_a_rest_between_two_loads_is_no_load():
    tally = tallied(sample(0), sample(1), sample(2, loaded=False), sample(60), sample(61))
    assert tally.loaded_s == 2.0


def test_states_and_counters_tell_of_the_same_time_so_the_larger_counts():
    tally = tallied(sample(0, heat(2.0), heat(3.0, counted=True)), sample(1, heat(2.0)))
    total = tally.total("gpu.0", "thermal")
    assert (total.states, total.counted, total.seconds, total.is_counted) == (4.0, 3.0, 4.0, True)
    assert tallied(sample(0, heat(1.0), heat(9.0, counted=True))).total("gpu.0", "thermal").seconds == 9.0


def test_two_states_of_one_sample_are_not_added():
    assert tallied(sample(0, heat(2.0), heat(1.0, words="more"))).total("gpu.0", "thermal").states == 2.0


def test_the_first_sighting_has_its_moment_and_temperature():
    tally = tallied(sample(0), sample(1, heat(), degrees={"gpu.0": 84.0}), sample(2, heat(), degrees={"gpu.0": 90.0}))
    total = tally.total("gpu.0", "thermal")
    assert (total.first_ns, total.degrees, total.samples) == (1 * SECOND, 84.0, 2)


def test_a_row_ends_where_the_device_was_asked_and_quiet():
    asked = [sample(0, heat()), sample(1, heat()), sample(2), sample(3, heat())]
    assert tallied(*asked).total("gpu.0", "thermal").row == 2
    silent = [sample(0, heat()), sample(1, heat()), sample(2, observed={}), sample(3, heat())]
    assert tallied(*silent).total("gpu.0", "thermal").row == 3, "who was not read has not become quiet"


@pytest.mark.parametrize(("gap", "expected"), [(0, 2.0), (HELD_S, 2.0), (HELD_S + 1, 0.0)])
def test_a_low_clock_counts_as_hot_while_the_heat_still_speaks(gap, expected):
    tally = tallied(sample(0, heat(kind="hot")), sample(gap, heat(2.0, kind="clock")))
    assert tally.slow_and_hot_s("gpu.0") == expected


def test_a_low_clock_on_a_cool_device_and_the_heat_of_another_are_no_overlap():
    assert tallied(sample(0, heat(kind="clock"))).slow_and_hot_s("gpu.0") == 0.0
    other = tallied(sample(0, heat(kind="hot", device="gpu.1"), heat(kind="clock")))
    assert other.slow_and_hot_s("gpu.0") == 0.0


def test_gpus_stand_first_and_the_machine_is_no_device():
    findings = [heat(device=name) for name in ("cpu", "gpu.10", "gpu.2", "machine", "board")]
    assert tallied(sample(0, *findings)).devices() == ("gpu.0", "gpu.2", "gpu.10", "cpu", "board")


def test_who_worked_in_a_third_of_the_samples_carried_the_load():
    samples = [sample(second, at_work=("gpu.0", "cpu") if second < 3 else ("gpu.0",)) for second in range(9)]
    assert tallied(*samples).at_work() == {"gpu.0", "cpu"}
    assert tallied(*samples, sample(9)).at_work() == {"gpu.0"}


def test_other_causes_are_added_up_by_their_words():
    weak = Finding("board", "other", "weak supply", 1.5)
    assert tallied(sample(0, weak), sample(1, weak, heat())).other == {"weak supply": 3.0}
    assert tallied(sample(0, heat())).other == {}


def test_words_are_counted_by_sample():
    tally = tallied(sample(0, heat(words="a"), heat(words="a")), sample(1, heat(words="a")), sample(2, heat(words="b")))
    assert tally.total("gpu.0", "thermal").words == {"a": 2, "b": 1}


def test_samples_out_of_order_take_no_time_away():
    assert tallied(sample(10), sample(5), sample(6)).loaded_s == 1.0
