import math

import pytest
from support.conversation import header, queued

from llmtui import events as ev
from llmtui.state.overlays import OverlaySide, overlays
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

S = 1_000_000_000


def asked(name, sent, ttft, e2e, rate, *, job="j1", itl=10.0, warmup=False, status="done"):
    """A request sent at this second; its text comes from sent + ttft to sent + e2e at this rate."""
    figures = ev.Figures(ttft_ns=int(ttft * S), e2e_ns=int(e2e * S), decode_rate=rate, itl_p50_ns=itl)
    return [
        ev.RequestStarted(t=int(sent * S), request=name, job=job, model="m", messages=(), warmup=warmup),
        ev.RequestSent(t=int(sent * S), request=name),
        ev.RequestFinished(
            t=int((sent + e2e) * S), request=name, job=job, status=status, warmup=warmup, figures=figures
        ),
    ]


def side(letter, *events, jobs=None):
    state = SessionState()
    told = [event for group in events for event in (group if isinstance(group, list) else [group])]
    apply_all(state, [header(), queued("j1"), queued("j2"), *sorted(told, key=lambda event: event.t)])
    return OverlaySide(letter, letter, state, jobs)


def points(chart, letter):
    (line,) = [line for line in chart.lines if line.letter == letter]
    return [None if math.isnan(value) else round(value, 6) for value in line.points]


def chart(key, axis, count, *sides):
    return next(found for found in overlays(sides, axis, count) if found.key == key)


def test_sides_begin_together_whenever_they_ran():
    a = side("A", asked("r1", 100, 0, 10, 50.0))
    b = side("B", asked("r1", 7, 0, 5, 20.0))
    found = chart("decode", "time", 10, a, b)
    assert points(found, "A") == [50.0] * 10
    assert points(found, "B") == [20.0] * 5 + [None] * 5
    assert (found.high, found.end_text) == (50.0, "0:10")


def test_until_the_first_text_there_is_no_rate_and_streams_add_up():
    a = side("A", asked("r1", 0, 2, 10, 50.0), asked("r2", 0, 4, 6, 30.0))
    assert points(chart("decode", "time", 10, a), "A") == [None, None, 50, 50, 80, 80, 50, 50, 50, 50]
    assert points(chart("itl", "time", 5, a), "A") == [None, 10, 10, 10, 10]


def test_a_place_that_is_covered_in_part_shows_the_rate_and_not_less():
    a = side("A", asked("r1", 0, 0, 5, 50.0), asked("r2", 7, 0, 3, 20.0))
    assert points(chart("decode", "time", 2, a), "A") == [50.0, 20.0]
    a = side("A", asked("r1", 0, 0, 8, 50.0), asked("r2", 8, 0, 2, 20.0))
    assert points(chart("decode", "time", 2, a), "A") == [50.0, 38.0]


def test_mean_of_itl_while_several_run():
    a = side("A", asked("r1", 0, 0, 4, 1.0, itl=10.0), asked("r2", 0, 0, 4, 1.0, itl=30.0))
    assert points(chart("itl", "time", 2, a), "A") == [20.0, 20.0]


def test_over_the_number_of_the_request_sides_of_other_lengths_stand_on_one_axis():
    a = side("A", *(asked(f"r{n}", n, 0, 1, 10.0 * (n + 1)) for n in range(4)))
    b = side("B", asked("r1", 0, 0, 1, 5.0), asked("r2", 9, 0, 1, 6.0))
    found = chart("decode", "requests", 4, a, b)
    assert points(found, "A") == [10, 20, 30, 40]
    assert points(found, "B") == [5, 6, None, None]
    assert found.end_text == "request 4"
    assert points(chart("decode", "requests", 8, a), "A") == [10, 10, 20, 20, 30, 30, 40, 40]
    assert points(chart("decode", "requests", 2, a), "A") == [15, 35], "several at one place are averaged"


def test_only_what_was_measured_counts_and_only_of_the_jobs_that_are_meant():
    a = side(
        "A",
        asked("w", 0, 0, 1, 999.0, warmup=True),
        asked("f", 2, 0, 1, 999.0, status="failed"),
        asked("r1", 4, 0, 1, 10.0),
        asked("r2", 6, 0, 1, 20.0, job="j2"),
    )
    assert points(chart("decode", "requests", 2, a), "A") == [10, 20]
    assert points(chart("decode", "requests", 1, a._replace(jobs=frozenset({"j2"}))), "A") == [20]


def test_temperature_of_each_device_is_held_between_samples_and_not_for_ever():
    samples = [ev.SampleTaken(t=second * S, values={"gpu.1.temperature": 50.0 + second}) for second in (0, 2, 20)]
    a, b = side("A", asked("r1", 0, 0, 20, 1.0), *samples), side("B", asked("r1", 0, 0, 20, 1.0))
    found = chart("gpu.1.temperature", "time", 20, a, b)
    assert points(found, "A")[:8] == [50, 50, 52, 52, 52, 52, 52, None]
    assert found.title == "GPU temperature 1"
    (line,) = [line for line in found.lines if line.letter == "B"]
    assert (line.points, line.missing) == ((), "it was not read")


def test_what_no_side_has_says_why():
    found = overlays([side("A"), side("B")], "time", 10)
    assert [chart.key for chart in found] == ["decode", "itl"]
    assert {line.missing for chart in found for line in chart.lines} == {"no request measured it"}


@pytest.mark.parametrize("axis", ["time", "requests"])
def test_requests_that_took_no_time_divide_nothing(axis):
    found = overlays([side("A", asked("r1", 1, 0, 0, 5.0))], axis, 7)
    assert len(found) == 2


def test_the_median_of_a_line_is_that_of_its_requests():
    a = side("A", asked("r1", 0, 0, 9, 10.0), asked("r2", 10, 0, 1, 20.0), asked("r3", 12, 0, 1, 30.0))
    (line,) = chart("decode", "time", 10, a).lines
    assert line.middle == 20.0
