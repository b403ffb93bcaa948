import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.metrics.load import (
    LoadedRequest,
    Objective,
    Window,
    closed_window,
    keeps,
    measure_window,
    open_window,
)

S = 1_000_000_000
MS = 1_000_000
ANY = Objective(None, None, 10 * S, 0.95)


def request(due, ended, *, sent=None, done=True, ttft=None, itl=None, tokens=None, arrivals=(), e2e=None):
    """A request by its moments in seconds; its latencies in ms."""
    sent_s = due if sent is None else sent
    return LoadedRequest(
        due_ns=round(due * S),
        sent_ns=round(sent_s * S),
        ended_ns=round(ended * S),
        done=done,
        ttft_ns=None if ttft is None else ttft * MS,
        itl_ns=None if itl is None else itl * MS,
        e2e_ns=round((ended - sent_s) * S) if e2e is None else e2e * MS,
        tokens=tokens,
        arrivals=tuple(round(at * S) for at in arrivals),
    )


# Windows


def test_a_closed_loop_is_measured_from_the_first_answer_of_its_last_stream():
    window = closed_window([3 * S, 5 * S], 0, 20 * S, None, 2 * S, 2)
    assert window == Window(5 * S, 18 * S, ())


def test_a_warm_up_that_was_asked_for_counts_from_the_begin():
    assert closed_window([3 * S, 5 * S], 2 * S, 20 * S, 4 * S, 0, 2) == Window(6 * S, 20 * S, ())
    assert closed_window([3 * S, 5 * S], 2 * S, 20 * S, 0, 0, 2) == Window(2 * S, 20 * S, ())


@pytest.mark.parametrize("answers", [[], [3 * S], [3 * S, 20 * S], [3 * S, 25 * S], [3 * S, 20 * S - 27 * MS]])
def test_without_an_answer_of_every_stream_nothing_is_left_out_and_that_is_said(answers):
    window = closed_window(answers, 1 * S, 20 * S, None, 0, 2)
    assert (window.start_ns, window.end_ns) == (1 * S, 20 * S)
    assert "too few requests to leave a warm-up out" in window.notes[0]


def test_what_is_left_behind_a_warm_up_has_to_be_a_quarter_of_the_step():
    assert closed_window([15 * S], 0, 20 * S, None, 0, 1) == Window(15 * S, 20 * S, ())
    assert closed_window([15 * S + 1], 0, 20 * S, None, 0, 1)[:2] == (0, 20 * S)
    assert closed_window([15 * S], 0, 20 * S, None, 1, 1)[:2] == (0, 20 * S), "a cool-down takes of it too"


def test_an_open_loop_leaves_its_first_tenth_out():
    assert open_window(10 * S, 30 * S, None, 0) == Window(12 * S, 30 * S, ())
    assert open_window(10 * S, 30 * S, 5 * S, 3 * S) == Window(15 * S, 27 * S, ())
    assert open_window(10 * S, 30 * S, 0, 0) == Window(10 * S, 30 * S, ())


@pytest.mark.parametrize(("warmup", "cooldown"), [(20 * S, 0), (0, 20 * S), (12 * S, 8 * S), (50 * S, 50 * S)])
def test_a_warm_up_that_eats_the_step_is_not_taken_and_that_is_said(warmup, cooldown):
    for window in (open_window(0, 20 * S, warmup, cooldown), closed_window([], 0, 20 * S, warmup, cooldown, 1)):
        assert (window.start_ns, window.end_ns) == (0, 20 * S)
        assert "took the whole step" in window.notes[0]


# Rates


def test_the_rates_of_a_window_by_hand():
    requests = [
        request(0, 4, tokens=4, arrivals=(1, 2, 3, 4)),  # due before the window, two of its tokens in it
        request(1, 5),  # and another one that nobody counted
        request(3, 6, tokens=3, arrivals=(4, 5, 6)),
        request(7, 9, tokens=20, arrivals=(8, 9)),
        request(9, 13, tokens=4, arrivals=(10, 11, 12, 13)),  # ends after it, one token in it
        request(11, 12, tokens=1, arrivals=(12,)),  # due after it
    ]
    figures = measure_window(requests, Window(2 * S, 10 * S), None)
    assert (figures.requests, figures.failed) == (3, 0)
    assert figures.token_rate == (2 + 3 + 20 + 1) / 8
    assert figures.request_rate == 4 / 8
    assert figures.in_flight == (2 + 3 + 3 + 2 + 1) / 8
    assert (figures.good, figures.goodput, figures.kept_slo) == (None, None, None)


def test_failed_requests_count_as_failed_and_never_as_answers():
    requests = [request(1, 2), request(2, 3, done=False), request(3, 3, done=False)]
    figures = measure_window(requests, Window(0, 10 * S), ANY)
    assert (figures.requests, figures.failed, figures.good) == (3, 2, 1)
    assert figures.request_rate == figures.goodput == 0.1
    assert figures.kept_slo is False


@pytest.mark.parametrize("objective", [None, ANY])
def test_a_window_without_length_or_requests_divides_by_nothing(objective):
    empty = measure_window([request(5, 5)], Window(5 * S, 5 * S), objective)
    assert (empty.token_rate, empty.request_rate, empty.goodput, empty.in_flight) == (None, None, None, None)
    nothing = measure_window([], Window(0, 5 * S), objective)
    assert (nothing.requests, nothing.token_rate, nothing.request_rate) == (0, 0, 0)
    assert nothing.kept_slo is None, "a load without requests neither keeps nor breaks anything"


def test_tokens_nobody_counted_are_in_no_rate():
    figures = measure_window([request(1, 2, arrivals=(1.5, 2))], Window(0, 4 * S), None)
    assert figures.token_rate == 0
    assert measure_window([request(1, 2, tokens=3)], Window(0, 4 * S), None).token_rate == 0


def test_a_request_that_never_left_is_in_flight_from_when_it_was_due():
    never = LoadedRequest(due_ns=1 * S, sent_ns=None, ended_ns=3 * S, done=False)
    assert never.delay_ns == 2 * S
    assert measure_window([never], Window(0, 4 * S), None).in_flight == 0.5


moments = st.integers(0, 100)


@given(st.lists(st.tuples(moments, st.integers(0, 30), st.integers(0, 50), st.integers(0, 9)), max_size=12), moments)
def test_windows_side_by_side_add_up_to_the_whole(drawn, cut):
    requests = []
    for due, delay, length, tokens in drawn:
        sent = due + delay
        arrivals = tuple(sent + length * place // max(1, tokens) for place in range(1, tokens + 1))
        requests.append(LoadedRequest(due, sent, sent + length, True, tokens=tokens, arrivals=arrivals))
    whole = measure_window(requests, Window(-1, 200), ANY)
    parts = [
        (measure_window(requests, Window(-1, cut), ANY), cut + 1),
        (measure_window(requests, Window(cut, 200), ANY), 200 - cut),
    ]
    for name in ("token_rate", "request_rate", "goodput", "in_flight"):
        added = sum((getattr(figures, name) or 0) * length for figures, length in parts)
        assert added == pytest.approx(getattr(whole, name) * 201), name


# Goodput, and no coordinated omission


@pytest.mark.parametrize(
    ("objective", "kept"),
    [
        (Objective(100 * MS, None, None, 1), True),
        (Objective(99 * MS, None, None, 1), False),
        (Objective(None, 20 * MS, None, 1), True),
        (Objective(None, 19 * MS, None, 1), False),
        (Objective(None, None, 1000 * MS, 1), True),
        (Objective(None, None, 999 * MS, 1), False),
        (Objective(100 * MS, 20 * MS, 999 * MS, 1), False),
        (Objective(100 * MS, 20 * MS, 1000 * MS, 1), True),
    ],
)
def test_every_limit_has_to_be_kept(objective, kept):
    assert keeps(request(1, 2, ttft=100, itl=20), objective) is kept
    assert not keeps(request(1, 2, ttft=100, itl=20, done=False), objective)


def test_a_figure_that_is_limited_and_unknown_is_not_kept():
    assert not keeps(request(1, 2), Objective(100 * MS, None, None, 1))
    assert not keeps(request(1, 2), Objective(None, 100 * MS, None, 1))
    assert keeps(request(1, 2), Objective(None, None, 1 * S, 1))


def test_a_request_that_is_sent_late_counts_from_when_it_was_due():
    limits = Objective(200 * MS, None, None, 1)
    assert keeps(request(1, 3, sent=1.1, ttft=100), limits)
    assert not keeps(request(1, 3, sent=1.2, ttft=100), limits)
    assert not keeps(request(1, 3, sent=2.5, ttft=100), Objective(None, None, 1 * S, 1)), "E2E counts from then too"
    assert keeps(request(1, 3, sent=2.5, ttft=100, itl=5), Objective(None, 5 * MS, None, 1)), "the ITL does not"


def test_a_request_that_is_sent_early_gains_nothing():
    assert request(2, 3, sent=1).delay_ns == 0
    assert not keeps(request(2, 3, sent=1, ttft=300), Objective(200 * MS, None, None, 1))


@pytest.mark.parametrize(
    ("good", "share", "kept"), [(19, 0.95, True), (18, 0.95, False), (20, 1, True), (19, 1, False)]
)
def test_the_share_decides_whether_a_load_keeps_its_slo(good, share, kept):
    requests = [request(1, 2, ttft=50 if place < good else 500) for place in range(20)]
    figures = measure_window(requests, Window(0, 4 * S), Objective(100 * MS, None, None, share))
    assert (figures.good, figures.kept_slo, figures.goodput) == (good, kept, good / 4)
