"""The shipped stress command from end to end: a GPU that heats up, a server that slows with it, and the exit code."""

import os
import re
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest
from support.fake_gpu import MODEL, Scenario, build_library

from llmtui import events as ev
from llmtui.log.follow import LogFollower
from llmtui.log.read import read_log
from llmtui.readings import SW_THERMAL

TEMPERATURE = "gpu.0.temperature"
HEATS_UP = [(second, {"temp": 62 + 3 * second}) for second in range(1, 7)]
THROTTLES = (8, {"temp": 84, "reasons": SW_THERMAL, "clk_sm": 952})


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    return build_library(tmp_path_factory.mktemp("nvml"))


class Run:
    """What a run left: its exit code, what it printed, and its log."""

    def __init__(self, result, log):
        self.code = result.returncode
        self.text = result.stdout
        self.errors = result.stderr
        self.events = read_log(log).events

    def of(self, kind):
        return [event for event in self.events if type(event) is kind]

    @property
    def finished(self):
        (event,) = self.of(ev.JobFinished)
        return event

    @property
    def verdict(self):
        (event,) = self.of(ev.VerdictReached)
        return event

    @property
    def criteria(self):
        return {criterion.name: criterion.passed for criterion in self.verdict.criteria}

    @property
    def judged(self):
        """What its criteria leave of a run whose heat was not seen: on a busy machine the rate may fall as well."""
        assert None in self.criteria.values()
        return False if False in self.criteria.values() else None

    @property
    def temperatures(self):
        """(place in the log, moment, degrees) of each reading of the GPU's temperature."""
        samples = [(place, event) for place, event in enumerate(self.events) if type(event) is ev.SampleTaken]
        return [(place, event.t, event.values[TEMPERATURE]) for place, event in samples if TEMPERATURE in event.values]

    def alerts(self, code):
        return [event for event in self.of(ev.AlertRaised) if event.code == code]


@pytest.fixture
def stress(llmtui, library, tmp_path):
    def run(steps, *settings, seen=True, max_tokens=20):
        """Run the shipped suite against a scenario; `seen`: whether the driver's library is there."""
        with Scenario(library, tmp_path / "gpu", *steps) as scenario:
            result = llmtui(
                *("run", "stress", "--plain", "--url", scenario.server.url, "-m", MODEL),
                *(f"--set={setting}" for setting in ("record_s=0.5", "cooldown_s=3", "sample_ms=250", *settings)),
                f"--set=max_tokens={max_tokens}",
                environ=scenario.environ if seen else {},
            )
            run = Run(result, llmtui.log())
            run.requests, run.disconnects = list(scenario.requests), list(scenario.server.disconnects)
        assert "Traceback" not in result.stderr
        return run

    return run


def sampler_pid(log: Path) -> int:
    """Return the process of the sampler that was started last."""
    follower = LogFollower(log)
    pids = [event.pid for event in follower.poll() if isinstance(event, ev.SamplerStarted)]
    follower.close()
    return pids[-1]


def assert_whole(run):
    """The records follow one another without a gap from the load's first request to its end."""
    intervals = run.of(ev.IntervalRecorded)
    assert all(earlier.end == later.start for earlier, later in pairwise(intervals))
    assert all(interval.end - interval.start == 500_000_000 for interval in intervals[:-1])
    measured = {event.request for event in run.of(ev.RequestStarted) if not event.warmup}
    sent = [event.t for event in run.of(ev.RequestSent) if event.request in measured]
    assert intervals[0].start <= min(sent) < intervals[0].end
    came = sum(len(batch.texts) for batch in run.of(ev.TokensReceived) if batch.request in measured)
    # Each record is rounded to whole tokens, and the very last chunk may come at the end itself.
    assert sum(interval.tokens for interval in intervals) == pytest.approx(came, abs=2)


# --- throttling ----------------------------------------------------------------------------------------------------------


def test_a_gpu_that_throttles_is_told_from_rule_to_exit_code(stress):
    run = stress([*HEATS_UP, THROTTLES], "duration=20s")
    assert run.code == 1, run.text
    assert (run.finished.status, run.finished.cause, run.finished.passed) == ("done", None, False)
    assert run.verdict.verdict == "thermal throttling"
    assert run.criteria == {"temperature of GPU 0": True, "throttling": False, "swap": True, "rate": False}
    said = run.verdict.sentence
    assert re.match(r"Thermal throttling: GPU 0 was slowed by heat for [\d.]+ s \(\d\d % of the load\)", said), said
    assert re.search(r", first 0:(0[7-9]|1\d) into the load, at 84 °C; the rate fell from \d", said), said
    assert any(re.fullmatch(r"time to throttle: 0:(0[7-9]|1\d) at 84 °C", line) for line in run.verdict.evidence)
    assert any("GPU 0: its driver names heat" in line for line in run.verdict.evidence)
    assert_whole(run)
    assert len(run.of(ev.IntervalRecorded)) >= 40
    assert run.alerts("slowing"), "and it was told while it ran"
    report = run.text[run.text.index("job  workload") :]
    assert re.search(r"j1 .* done \(thermal throttling, not passed(, client-bound)?\)", report)
    assert f"j1: verdict: {said}" in report
    assert re.search(r"FAIL +throttling: thermal throttling", report)
    assert re.search(r"pass +temperature of GPU 0: at most 84 °C; the limit to pass is 85 °C", report)


def test_the_same_without_the_driver_s_library_is_unknown_and_never_passes(stress):
    run = stress([*HEATS_UP, THROTTLES], "duration=20s", seen=False)
    readings = {key for event in run.of(ev.SampleTaken) for key in event.values}
    if any(re.fullmatch(r"(cpu|gpu\.\d+)\.temperature", key) for key in readings):
        pytest.skip("this machine has sensors of its own")
    assert run.verdict.verdict == "slowed, cause unknown"
    assert "heat can't be judged" in run.verdict.sentence
    assert run.criteria.pop("temperature of CPU", run.criteria.get("temperature")) is None
    assert (run.criteria["throttling"], run.criteria["rate"]) == (None, False)
    assert run.finished.passed is False
    assert run.code == 1
    assert re.search(r"not judged +throttling", run.text)


# --- too hot ---------------------------------------------------------------------------------------------------------------


def test_a_gpu_at_its_limit_ends_the_load_and_everything_is_kept(stress):
    # It stays hot for as long as there is a load.
    cools = [(7, Scenario.wait_until_left), (8, {"temp": 78, "util": 0}), (9, {"temp": 66})]
    run = stress([*HEATS_UP, (7, {"temp": 91}), *cools], "duration=20s", max_tokens=2000)
    assert run.code == 3, run.text
    assert (run.finished.status, run.finished.cause, run.finished.passed) == ("failed", "overheated", False)
    assert run.finished.reason == "GPU 0 reached 91 °C; the limit is 90 °C (the usual limits)"
    assert run.criteria["temperature of GPU 0"] is False
    hot = [(place, t) for place, t, degrees in run.temperatures if degrees >= 90]
    (cut,) = [event for event in run.of(ev.RequestFinished) if event.status == "cancelled"]
    # The sensor is read once a second: within a second of the second hot reading is before the fourth one.
    assert len([place for place, _ in hot if place < run.events.index(cut)]) in (2, 3)
    assert run.events.index(cut) > hot[1][0], "one hot reading alone ends nothing"
    assert len(run.disconnects) == 1, "and the server was told"
    assert run.requests[-1].at_ns < run.disconnects[0].at_ns, "nothing was sent any more"
    assert_whole(run)
    assert cut.figures.tokens > 0
    after = [degrees for _, t, degrees in run.temperatures if t > cut.t]
    assert len(after) >= 2, "the cool-down is sampled"
    assert any(re.match(r"GPU 0: (recovered within|still \d+ °C after) ", line) for line in run.verdict.evidence)
    assert re.search(r"^j1: GPU 0 reached 91 °C", run.text, re.MULTILINE)


# --- blind -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"), [({"error": 15}, "the GPU is lost"), ({"sleep_ms": 90_000}, "stale")], ids=["lost", "hangs"]
)
def test_a_gpu_that_can_not_be_read_any_more_ends_the_load_after_a_banner(stress, change, reason):
    run = stress([(3, change)], "duration=40s")
    assert run.code == 4, run.text
    assert (run.finished.status, run.finished.cause) == ("failed", "sensor lost")
    assert run.finished.passed is run.judged
    (banner,) = run.alerts("guard-blind")
    assert reason in banner.text
    assert banner.text.endswith("; the load ends in 10 s")
    assert f"warning: {banner.text}" in run.text
    missing = next(event for event in run.of(ev.SampleTaken) if TEMPERATURE in event.missing)
    assert run.events.index(missing) < run.events.index(banner)
    later = [event for event in run.events if event.t > banner.t and type(event) is ev.RequestFinished]
    assert len([event for event in later if event.status == "done"]) >= 5, "the load went on for a while"
    assert run.criteria["temperature of GPU 0"] is None
    assert_whole(run)
    assert len(run.of(ev.IntervalRecorded)) < 70, "it ended before its time"


def test_the_load_goes_on_blind_where_that_is_allowed(stress):
    run = stress([(2, {"error": 15})], "duration=16s", "allow_blind=true", "cooldown_s=0")
    assert (run.finished.status, run.finished.cause, run.finished.passed) == ("done", None, run.judged)
    assert run.code == (0 if run.judged is None else 1), run.text
    (banner,) = run.alerts("guard-blind")
    assert banner.text.endswith("; the load goes on")
    assert run.criteria["temperature of GPU 0"] is None
    assert run.criteria["throttling"] is None
    assert len(run.of(ev.IntervalRecorded)) >= 32
    assert re.search(r"not judged +temperature of GPU 0: .*could not be read all the time: the GPU is lost", run.text)


def test_a_gpu_that_comes_back_is_read_again_and_ends_nothing(stress):
    run = stress([(2, {"error": 15}), (4, {"error": 0, "temp": 71})], "duration=14s", "cooldown_s=0")
    assert run.finished.cause is None
    assert len(run.alerts("guard-blind")) == 1
    gap = next(event.t for event in run.of(ev.SampleTaken) if "lost" in event.missing.get(TEMPERATURE, ""))
    assert next(degrees for _, t, degrees in run.temperatures if t > gap) == 71
    assert run.criteria["temperature of GPU 0"] is True


def wait_for(log, condition, seconds=20.0):
    """Wait until the log so far fulfils a condition."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        follower = LogFollower(log())
        events = list(follower.poll())
        follower.close()
        if condition(events):
            return
        time.sleep(0.1)


def test_a_driver_that_crashes_takes_the_sampler_which_comes_back(stress, llmtui):
    def until_lost(_scenario):
        wait_for(llmtui.log, lambda events: any(isinstance(event, ev.SamplerLost) for event in events))

    run = stress(
        [(3, {"crash": 1}), (3.1, until_lost), (3.1, {"crash": 0, "temp": 73})], "duration=14s", "cooldown_s=0"
    )
    lost = run.of(ev.SamplerLost)
    assert f"by signal {int(signal.SIGSEGV)}" in lost[0].reason
    assert len(run.alerts("sampler-lost")) == len(lost)
    assert len({event.pid for event in run.of(ev.SamplerStarted)}) == len(lost) + 1
    assert len(run.alerts("guard-blind")) == 1, "the gap counts as blind, and it is told once"
    assert next(degrees for _, t, degrees in run.temperatures if t > lost[-1].t) == 73
    assert (run.finished.status, run.finished.cause) == ("done", None)
    assert run.criteria["temperature of GPU 0"] is True
    assert_whole(run)


def test_a_sampler_that_hangs_is_replaced_and_its_silence_counts_as_blind(stress, llmtui):
    stopped = []

    def stop(_scenario):
        stopped.append(sampler_pid(llmtui.log()))
        os.kill(stopped[0], signal.SIGSTOP)

    run = stress([(2, stop), (3, {"temp": 74})], "duration=16s", "cooldown_s=0")
    (lost,) = run.of(ev.SamplerLost)
    assert "silent for 5 s" in lost.reason
    first, second = run.of(ev.SamplerStarted)
    assert first.pid == stopped[0] != second.pid
    assert not Path(f"/proc/{stopped[0]}").exists(), "the one that hung was ended"
    (banner,) = run.alerts("guard-blind")
    assert "silent" in banner.text
    assert next(degrees for _, t, degrees in run.temperatures if t > second.t) == 74
    assert (run.finished.status, run.finished.cause) == ("done", None)


# --- the real server ---------------------------------------------------------------------------------------------------------


@pytest.mark.embedded
def test_on_a_machine_without_sensors_heat_is_unknown_and_the_rate_is_judged(llmtui):
    result = llmtui(
        *("run", "stress", "--plain", "--set=duration=20s", "--set=record_s=0.5", "--set=cooldown_s=1"),
        "--set=max_tokens=64",
    )
    run = Run(result, llmtui.log())
    readings = {key for event in run.of(ev.SampleTaken) for key in event.values}
    if any(re.fullmatch(r"(cpu|gpu\.\d+)\.temperature", key) for key in readings):
        pytest.skip("this machine has sensors")
    # Neighbours on the machine may slow the server: then the rate has a word in it, heat never.
    assert run.verdict.verdict in {"unknown", "slowed, cause unknown", "slowed, other cause"}
    assert "heat can't be judged" in run.verdict.sentence or run.verdict.verdict == "slowed, other cause"
    assert run.criteria.pop("temperature of CPU", run.criteria.get("temperature")) is None
    assert run.criteria["throttling"] is None
    assert run.finished.passed in {None, False}
    assert result.returncode == (1 if run.finished.passed is False else 0)
    assert_whole(run)
    assert re.search(r"not judged +throttling: not evaluated", run.text)
