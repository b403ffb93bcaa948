import math

import pytest

from llmtui.metrics.rating_tables import SCALES, THRESHOLDS, TITLES, USES, Threshold
from llmtui.metrics.ratings import Kept, margin, plain_words, rate, value_text
from llmtui.suites.schema import AnyWorkload

WAIT = Threshold("slowest_ttft_s", "max_ttft_s", "at most", "first token")
SPEED = Threshold("slowest_rate", "min_rate", "at least", "tokens/s")
MATH = Threshold("right_math", "pass_marks.math", "share", "math")


@pytest.mark.parametrize(
    ("seconds", "level"),
    [
        (0.0, "excellent"), (15.0, "excellent"), (15.1, "good"), (24.0, "good"), (24.1, "acceptable"),
        (30.0, "acceptable"), (30.1, "poor"), (45.0, "poor"), (45.1, "failed"), (1e9, "failed"),
    ],
)  # fmt: skip
def test_an_upper_limit(seconds, level):
    assert rate([Kept(WAIT, seconds, 30.0)]).level == level


@pytest.mark.parametrize(
    ("rate_", "level"),
    [(3.0, "excellent"), (2.9, "good"), (2.4, "good"), (2.3, "acceptable"), (2.0, "acceptable"), (1.9, "poor"),
     (1.0, "poor"), (0.9, "failed"), (0.0, "failed")],
)  # fmt: skip
def test_a_lower_limit(rate_, level):
    assert rate([Kept(SPEED, rate_, 2.0)]).level == level


@pytest.mark.parametrize(
    ("share", "level"),
    [(100, "excellent"), (90, "excellent"), (89, "good"), (84, "good"), (83, "acceptable"), (80, "acceptable"),
     (79, "poor"), (40, "poor"), (39, "failed"), (0, "failed")],
)  # fmt: skip
def test_a_share_is_rated_by_the_room_above_its_mark(share, level):
    assert rate([Kept(MATH, share, 80.0)]).level == level


def test_a_mark_of_all_is_beaten_by_all_and_by_nothing_else():
    assert rate([Kept(MATH, 100.0, 100.0)]).level == "excellent"
    assert rate([Kept(MATH, 99.0, 100.0)]).level == "poor"


def test_the_weakest_threshold_decides_and_is_named():
    rating = rate([Kept(WAIT, 3.0, 30.0), Kept(SPEED, 2.2, 2.0)])
    assert (rating.level, rating.recommendable) == ("acceptable", True)
    assert rating.sentence == "tokens/s 2.20, at least 2.00: beaten by 10 %"
    missed = rate([Kept(WAIT, 33.0, 30.0), Kept(SPEED, 9.0, 2.0)])
    assert (missed.level, missed.recommendable) == ("poor", False)
    assert missed.sentence == "first token 33.00 s, at most 30.00 s: missed by 10 %"
    assert rate([Kept(WAIT, 30.0, 30.0)]).sentence.endswith("kept exactly")


def test_a_figure_that_is_not_there_gives_no_rating_but_its_reason():
    rating = rate([Kept(WAIT, 3.0, 30.0), Kept(SPEED, None, 2.0, "no answer has this figure")])
    assert (rating.level, rating.recommendable) == (None, False)
    assert rating.sentence == "tokens/s: no answer has this figure"
    assert rate([Kept(WAIT, 3.0, None)]).level is None
    assert rate([]).level is None


def test_a_job_that_failed_has_failed_whatever_it_measured():
    rating = rate([Kept(WAIT, 3.0, 30.0)], failed="the job failed: it broke")
    assert (rating.level, rating.sentence) == ("failed", "the job failed: it broke")


@pytest.mark.parametrize(
    ("value", "limit"), [(math.nan, 3.0), (math.inf, 3.0), (3.0, 0.0), (3.0, -1.0), (3.0, math.nan)]
)
def test_what_is_no_number_has_no_margin(value, limit):
    assert all(margin(value, limit, sense) is None for sense in ("at most", "at least", "share"))


@pytest.mark.parametrize(
    ("figure", "value", "words"),
    [
        ("decode_rate", 1.9, "slower than most people type"),
        ("decode_rate", 2.0, "slow but readable, like careful dictation"),
        ("decode_rate", 4.9, "slow but readable, like careful dictation"),
        ("decode_rate", 39.9, "faster than most people read"),
        ("decode_rate", 40.0, "nearly instant"),
        ("decode_rate", 1e9, "nearly instant"),
        ("ttft_s", 31.0, "too long for a conversation"),
        ("loading_s", 61.0, "time to get a coffee"),
        ("memory", 4e9, "fits a machine of 8 GiB"),
        ("documents_hour", 100.0, "a document in a minute or so"),
        ("temperature", 90.0, "close to where devices slow down"),
        ("temperature", math.nan, None),
        ("usable_context", 4096.0, None),
    ],
)
def test_figures_in_plain_words(figure, value, words):
    assert plain_words(figure, value) == words


def test_every_scale_rises_and_ends_open():
    for scale in SCALES.values():
        bounds = [band.below for band in scale.bands]
        assert bounds[-1] is None
        assert bounds[:-1] == sorted(set(bounds[:-1]))


def test_every_threshold_is_a_parameter_of_its_kind():
    kinds = {kind.__struct_config__.tag: kind for kind in AnyWorkload.__args__}
    for kind, thresholds in THRESHOLDS.items():
        for threshold in thresholds:
            assert threshold.parameter.partition(".")[0] in kinds[kind].__struct_fields__


def test_every_use_goes_by_a_figure_that_has_a_name():
    assert {use.figure for use in USES} | {use.then for use in USES} <= set(TITLES)
    assert {use.kind for use in USES} - {None} <= set(THRESHOLDS)


@pytest.mark.parametrize(
    ("figure", "value", "text"),
    [("ttft_s", 0.5, "500 ms"), ("right_share", 84.6, "85 %"), ("usable_context", 8192.0, "8192"), ("memory", 2.0**30, "1.00 GiB"),
     ("variation", 0.123, "12.3 %"), ("temperature", 71.6, "72 °C"), ("decode_rate", 12.34, "12.3")],
)  # fmt: skip
def test_a_value_has_its_unit(figure, value, text):
    assert value_text(figure, value) == text
