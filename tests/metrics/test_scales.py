import math

import pytest

from llmtui.metrics.scales import FINE, round_up


@pytest.mark.parametrize(
    ("value", "end"),
    [
        (1.0, 1.0),
        (1.1, 2.0),
        (2.0, 2.0),
        (2.1, 5.0),
        (7, 10),
        (99, 100),
        (101, 200),
        (0.03, 0.05),
        (0.0, 1.0),
        (-5, 1.0),
    ],
)
def test_the_end_of_an_axis_is_1_2_or_5_of_a_power_of_ten_and_never_below(value, end):
    assert round_up(value) == pytest.approx(end)


@pytest.mark.parametrize(("value", "end"), [(1.1, 1.2), (101, 120), (2.2, 2.5), (7, 8), (9, 10), (0.0, 1.0)])
def test_where_all_values_are_known_the_end_lies_nearer(value, end):
    assert round_up(value, FINE) == pytest.approx(end)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_has_an_axis_too(value):
    assert round_up(value) == 1.0
