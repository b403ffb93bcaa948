import pytest

from llmtui.metrics.heat.device_verdict import (
    HARD_S,
    LIMITED_SHARE,
    SLOW_AND_HOT_S,
    DeviceJudge,
)
from llmtui.metrics.heat.evidence import Finding, SampleEvidence, name_of
from llmtui.metrics.heat.throttle_tally import ThrottleTally

SECOND = 1_000_000_000
LOAD = 600


def judged(
    said, *, device="gpu.0", sources=("hard",), seconds=LOAD, missing=None, stuck=None, declined=False, observed=None
):
    """Judge a device that was asked each second, and said what `said` returns for it: kinds, or (kind, words)."""
    tally = ThrottleTally()
    for second in range(seconds):
        findings = []
        for word in said(second):
            kind, words, counted = (*word, False)[:3] if isinstance(word, tuple) else (word, word, False)
            findings.append(Finding(device, kind, words, 1.0, counted))
        asked = {(device, source): 1.0 for source in sources} if observed is None else observed(second)
        tally.add(SampleEvidence(second * SECOND, True, tuple(findings), asked, frozenset({device}), {device: 84.0}))
    return DeviceJudge(tally, float(seconds), missing or {}, stuck or {}, declined=declined).judge(device)


def between(start, end, *words):
    return lambda second: words if start <= second < end else ()


def nothing(_second):
    return ()


# --- slowed ----------------------------------------------------------------------------------------------------------


def test_heat_by_the_devices_own_word_has_onset_length_and_temperature():
    found = judged(between(120, 180, "thermal"))
    assert (found.kind, found.by_its_word) == ("thermal throttling", True)
    assert (found.seconds, found.onset_ns, found.degrees) == (60.0, 120 * SECOND, 84.0)
    assert "slowed by heat for 1:00 (10 % of the load), first 2:00 into the load, at 84 °C" in found.sentence
    assert any("60 samples" in line for line in found.evidence)


@pytest.mark.parametrize(
    ("seconds", "load", "kind"),
    [
        (int(HARD_S) - 1, 600, "not throttled"),
        (int(HARD_S), 600, "thermal throttling"),
        (int(HARD_S), 3600, "thermal throttling"),
        (2, 100, "thermal throttling"),
        (1, 40, "not throttled"),
    ],
)
def test_it_takes_ten_seconds_or_two_percent_and_two_readings_in_a_row(seconds, load, kind):
    found = judged(between(20, 20 + seconds, "thermal"), seconds=load)
    assert found.kind == kind
    if kind == "not throttled":
        assert f"slowed by heat for {seconds}.00 s only" in found.sentence


def test_single_states_far_apart_are_none_and_counted_ones_are():
    apart = judged(lambda second: ("thermal",) if second % 20 == 0 else ())
    assert apart.kind == "not throttled"
    counted = judged(lambda second: (("thermal", "counted", True),) if second % 20 == 0 else ())
    assert counted.kind == "thermal throttling"


def test_a_hardware_slowdown_is_not_called_heat_and_heat_comes_first():
    assert judged(between(0, 60, "hardware")).kind == "hardware slowdown"
    assert judged(between(0, 60, "hardware", "thermal")).kind == "thermal throttling"


def test_low_clock_at_the_limit_of_temperature_is_likely_heat_only_where_the_device_can_not_speak():
    long = int(SLOW_AND_HOT_S)
    told = between(100, 100 + long, "clock", "hot")
    quiet = judged(told, sources=("heat", "clock"))
    assert (quiet.kind, quiet.by_its_word) == ("likely thermal", False)
    assert judged(told, sources=("hard", "heat", "clock")).kind == "not throttled"
    short = between(100, 90 + long, "clock", "hot")
    assert judged(short, sources=("heat", "clock")).kind == "not throttled"
    assert judged(short, sources=("heat", "clock"), declined=True).kind == "likely thermal"
    cool = between(100, 100 + long, "clock")
    assert judged(cool, sources=("heat", "clock"), declined=True).kind == "not throttled"


def test_a_device_without_a_word_of_its_own_goes_by_its_board():
    tally = ThrottleTally()
    for second in range(LOAD):
        findings = (Finding("board", "thermal", "its firmware slows it", 1.0),) if second < 60 else ()
        asked = {("board", "hard"): 1.0, ("cpu", "heat"): 1.0}
        tally.add(SampleEvidence(second * SECOND, True, findings, asked, frozenset({"cpu"}), {}))
    judge = DeviceJudge(tally, float(LOAD), {}, {}, declined=False)
    found = judge.judge("cpu")
    assert (found.device, found.kind, found.by_its_word) == ("cpu", "thermal throttling", True)
    assert any(line.startswith("the board: its firmware slows it") for line in found.evidence)


# --- power -----------------------------------------------------------------------------------------------------------


def test_half_of_the_load_at_the_power_limit_is_a_limit_and_usual():
    sources = ("hard", "power")
    half = int(LIMITED_SHARE * LOAD)
    found = judged(between(0, half, "power"), sources=sources)
    assert (found.kind, "that is usual under load" in found.sentence) == ("power limited", True)
    assert judged(between(0, half - 1, "power"), sources=sources).kind == "not throttled"


@pytest.mark.parametrize("words", ["its driver names power brake", "its draw, which is set to 200 W of 300 W"])
def test_a_brake_or_a_lowered_limit_is_a_fault_however_short(words):
    found = judged(between(5, 7, ("power", words)), sources=("hard", "power"))
    assert (found.kind, "usual" in found.sentence) == ("power limited", False)
    once = judged(between(5, 6, ("power", words)), sources=("hard", "power"))
    assert once.kind == "not throttled"


def test_heat_outweighs_power():
    assert judged(between(0, LOAD, "power", "thermal"), sources=("hard", "power")).kind == "thermal throttling"


# --- quiet, or not to be judged ------------------------------------------------------------------------------------------


def test_a_device_that_was_asked_and_quiet_is_not_throttled():
    found = judged(nothing)
    assert (found.kind, found.sentence) == ("not throttled", f"{name_of('gpu.0')} reported no throttling")
    assert (found.seconds, found.onset_ns, found.degrees, found.evidence) == (None, None, None, ())


def test_clock_and_temperature_together_clear_a_device_too():
    assert "kept its clock" in judged(nothing, sources=("heat", "clock")).sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"sources": ()}, "it reports neither throttling nor clock and temperature"),
        ({"sources": (), "missing": {"gpu.0.throttle.reasons": "no permission"}}, "no permission"),
        ({"sources": (), "missing": {"gpu.0.temperature": "bad\x1b"}}, "bad␛"),
        ({"sources": (), "stuck": {"gpu.0": "heat"}}, "its driver says heat even while it idles"),
        ({"sources": ("heat",), "seconds": 60}, "120 s of load are needed to judge its clock"),
        ({"sources": ("heat",)}, "neither throttling nor clock"),
        ({"observed": lambda second: {("gpu.0", "hard"): 1.0} if second < 300 else {}}, "for only 50 % of the load"),
    ],
)
def test_what_can_not_be_judged_is_unknown_with_its_reason(options, sentence):
    found = judged(nothing, **options)
    assert (found.kind, sentence in found.sentence) == ("unknown", True), found.sentence


def test_a_source_that_spoke_for_most_of_the_load_suffices():
    most = judged(nothing, observed=lambda second: {("gpu.0", "hard"): 1.0} if second < 0.8 * LOAD else {})
    assert most.kind == "not throttled"


def test_bits_that_are_not_believed_stand_in_the_evidence():
    found = judged(nothing, stuck={"gpu.0": "heat"})
    assert found.kind == "not throttled", "another source can still be asked"
    assert any("not believed" in line for line in found.evidence)


@pytest.mark.parametrize(("device", "name"), [("board", "the board"), ("cpu", "CPU"), ("gpu.1", "GPU 1")])
def test_names_as_people_write_them(device, name):
    assert name_of(device) == name
