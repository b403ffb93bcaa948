import math

import pytest

from llmtui import wording


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 µs"),
        (840_000, "840 µs"),
        (999_600, "1.00 ms"),
        (12_345_678, "12.3 ms"),
        (999_600_000, "1.00 s"),
        (1_240_000_000, "1.24 s"),
        (59_960_000_000, "1:00"),
        (185_000_000_000, "3:05"),
        (3_723_000_000_000, "1:02:03"),
        (None, "-"),
        (math.nan, "-"),
    ],
)
def test_durations(ns, text):
    assert wording.duration(ns) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (98_362_432, "93.8 MiB"),
        (25_769_803_776, "24.0 GiB"),
        (None, "-"),
    ],
)
def test_sizes(count, text):
    assert wording.size(count) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.50"), (99.96, "100"), (12.34, "12.3"), (1234.5, "1234"), (None, "-")]
)
def test_numbers_have_three_digits(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (49.6, "%", "50 %"),
        (3600, "MHz", "3.60 GHz"),
        (800, "MHz", "800 MHz"),
        (1024, "B/s", "1.00 KiB/s"),
        (7.41, "cores", "7.41 cores"),
    ],
)
def test_readings(value, unit, text):
    assert wording.reading(value, unit) == text


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain ünïcode 🙂", "plain ünïcode 🙂"),
        ("a\nb\tc", "a⏎b c"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x00\x07", "␀␇"),
        ("\x9b31m", "\\u{9b}31m"),
        ("\u202eevil", "\\u{202e}evil"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_nothing_in_a_model_text_can_act(raw, shown):
    assert wording.visible(raw) == shown
