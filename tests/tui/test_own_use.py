import os

import pytest

from llmtui.tui.own_use import OwnUse, OwnUseMeter


class Readings:
    """A meter whose clocks and bytes are set by hand."""

    def __init__(self):
        self.clock = self.cpu = 10.0
        self.sent = 1000
        self.meter = OwnUseMeter(lambda: self.sent, lambda: self.clock, lambda: self.cpu)

    def after(self, seconds, cpu=0.0, sent=0):
        self.clock += seconds
        self.cpu += cpu
        self.sent += sent
        return self.meter.look()


def test_use_counts_from_the_look_before():
    readings = Readings()
    assert readings.after(2.0, cpu=0.5, sent=5000) == OwnUse(25.0, 2500.0)
    assert readings.after(1.0, cpu=0.1, sent=100) == (pytest.approx(10.0), 100.0)
    assert readings.after(4.0) == OwnUse(0.0, 0.0)


def test_a_look_without_time_gives_nothing_and_loses_nothing():
    readings = Readings()
    assert readings.after(0.0, cpu=0.3, sent=300) is None
    assert readings.after(1.0) == (pytest.approx(30.0), 300.0)


def test_a_clock_that_goes_back_gives_no_negative_use():
    readings = Readings()
    assert readings.after(-5.0, cpu=0.1, sent=10) is None


def test_it_is_about_this_process():
    meter = OwnUseMeter(lambda: 0)
    assert meter.pid == os.getpid()
