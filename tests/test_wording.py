import ast
import math
import re
from itertools import pairwise
from pathlib import Path

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


@pytest.mark.parametrize(
    ("share", "options", "text"),
    [
        (0.2, {}, "20 %"),
        (0.2249, {"decimals": 1}, "22.5 %"),
        (0.031, {"decimals": 1, "signed": True}, "+3.1 %"),
        (-0.02, {"decimals": 1, "signed": True}, "-2.0 %"),
        (1, {}, "100 %"),
    ],
)
def test_a_share_has_a_space_before_its_unit_as_all_figures_have(share, options, text):
    assert wording.percent(share, **options) == text


INPUT = re.compile(
    r"decode<-5%|ttft>10%|12:30, 50%|`50%`|(width|height|foreground) \$?[a-z]*\s*\d+%|(width|height): \d+%"
)
"""What people type into a rule or a line for moments, and the measures of a style sheet."""

RULES = "reports/rules.py"
"""Writes rules as they are typed."""


def tight_percents(source):
    """Yield each piece of text in which a percent sign follows a figure without a space."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FormattedValue) and isinstance(node.format_spec, ast.JoinedStr):
            spec = ast.unparse(node.format_spec)
            if re.search(r"\d%'$", spec):
                yield spec
        if isinstance(node, ast.JoinedStr):
            for one, following in pairwise(node.values):
                text = following.value if isinstance(following, ast.Constant) else ""
                if isinstance(one, ast.FormattedValue) and str(text).startswith("%"):
                    yield ast.unparse(node)
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.search(r"\d%", INPUT.sub("", node.value))
        ):
            yield node.value


@pytest.mark.parametrize("code", ['f"{x:.1%}"', 'f"{x:.0f}% of it"', '"95% interval"'])
def test_a_percentage_without_its_space_is_found(code):
    assert list(tight_percents(code))


@pytest.mark.parametrize("code", ['f"{x:.1f} %"', '"95 % interval"', '"write decode<-5% or so"', 'f"{d:%Y-%m-%d}"'])
def test_what_is_right_is_let_through(code):
    assert list(tight_percents(code)) == []


def test_no_percentage_in_the_program_lacks_its_space():
    root = Path(wording.__file__).parent
    found = {
        str(path.relative_to(root)): pieces
        for path in root.rglob("*.py")
        if str(path.relative_to(root)) != RULES and (pieces := list(tight_percents(path.read_text(encoding="utf-8"))))
    }
    assert found == {}
