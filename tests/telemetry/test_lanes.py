import threading

import pytest

from llmtui.telemetry.base import Missing
from llmtui.telemetry.lanes import InlineLane, Lane

S = 1_000_000_000


class Clock:
    def __init__(self):
        self.now_ns = 0

    def __call__(self):
        return self.now_ns


class Gate:
    """A probe that hangs while its gate is shut."""

    def __init__(self):
        self.open = threading.Event()
        self.entered = threading.Event()
        self.calls = 0

    def sample(self, now_ns):
        self.calls += 1
        self.entered.set()
        self.open.wait(60)
        return {"gpu.0.percent": 5.0}


class Fails:
    def sample(self, now_ns):
        raise ZeroDivisionError("by nothing")


@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


def test_a_probe_that_hangs_is_told_stale_once_and_never_asked_twice(gate):
    clock = Clock()
    lane = Lane(gate, S, clock=clock, keys=["gpu.0.percent"], stale_ns=3 * S)
    lane.kick()
    assert gate.entered.wait(60)
    lane.wait(0)
    assert lane.collect() is None, "patience first"
    clock.now_ns = 3 * S
    stale = lane.collect()
    assert stale.readings["gpu.0.percent"].reason.startswith("stale")
    for _ in range(5):
        clock.now_ns += 10 * S
        lane.kick()
        lane.wait(60)  # a stale one gets no more patience, or this test would take minutes
        assert lane.collect() is None
    assert gate.calls == 1
    gate.open.set()
    while (back := lane.collect()) is None:
        pass
    assert back.readings == {"gpu.0.percent": 5.0}
    assert back.taken_ns == 0, "what came late bears its own time"


def test_what_answers_in_time_is_not_stale(gate):
    gate.open.set()
    lane = Lane(gate, S, clock=Clock())
    lane.kick()
    lane.wait(60)
    assert lane.collect().readings == {"gpu.0.percent": 5.0}
    assert lane.collect() is None


def test_a_probe_is_asked_at_its_pace(gate):
    gate.open.set()
    clock = Clock()
    lane = Lane(gate, S, clock=clock, cost_clock=lambda: 0)
    for now_ns in (0, S // 2, S * 95 // 100, S, 2 * S):
        clock.now_ns = now_ns
        lane.kick()
        lane.wait(60)
        lane.collect()
    assert gate.calls == 3, "at 0, a hair early at 0.95 s, and at 2 s"


def test_a_costly_probe_is_read_less_often(gate):
    gate.open.set()
    ticks = iter(range(0, 100 * S, S // 50))
    lane = Lane(gate, S, clock=Clock(), cost_clock=ticks.__next__)
    lane.kick()
    lane.wait(60)
    lane.collect()
    assert lane.period_ns == S, "half of 20 ms, a hundred times: one second still"
    lane = Lane(gate, S // 10, clock=Clock(), cost_clock=ticks.__next__)
    lane.kick()
    lane.wait(60)
    lane.collect()
    assert lane.period_ns == S


@pytest.mark.parametrize("kind", [Lane, InlineLane])
def test_a_probe_that_fails_leaves_a_reason(kind):
    lane = kind(Fails(), S, clock=Clock(), keys=["gpu.0.power"])
    lane.kick()
    lane.wait(60)
    assert lane.collect().readings == {"gpu.0.power": Missing("reading it failed: ZeroDivisionError: by nothing")}


def test_an_inline_lane_reads_at_once_and_at_its_pace(gate):
    gate.open.set()
    clock = Clock()
    lane = InlineLane(gate, S, clock=clock)
    lane.kick()
    assert lane.collect().readings == {"gpu.0.percent": 5.0}
    lane.kick()
    assert lane.collect() is None
    clock.now_ns = S
    lane.kick()
    assert lane.collect() is not None
