import pytest

from llmtui.metrics.client_bound import LEAST_LAGS, LEAST_SECONDS, client_bound_reason

MS = 1_000_000


def reason(cpu=0.0, seconds=10.0, lags=()):
    return client_bound_reason(cpu, seconds, lags, most_cpu=70.0, most_lag_ms=20.0)


@pytest.mark.parametrize(("cpu", "flagged"), [(7.0, False), (7.1, True), (25.0, True), (0.0, False)])
def test_processor_time_beyond_its_bound_is_flagged(cpu, flagged):
    assert (reason(cpu) is not None) is flagged


def test_the_sentence_has_both_numbers_and_a_next_step():
    told = reason(8.0)
    assert "used 80 % of a core (limit 70 %)" in told
    assert "take fewer streams" in told


def test_a_job_too_short_to_tell_is_not_flagged():
    assert reason(LEAST_SECONDS, LEAST_SECONDS - 0.1) is None
    assert reason(LEAST_SECONDS, LEAST_SECONDS) is not None
    assert reason(0.0, 0.0) is None


def test_lag_is_judged_by_its_p99():
    calm, late = [1 * MS] * 1000, [1 * MS] * 980 + [50 * MS] * 20
    assert reason(lags=calm) is None
    assert "was 50 ms late at p99 (limit 20 ms)" in reason(lags=late)
    assert reason(lags=[1 * MS] * 995 + [900 * MS] * 5) is None, "a few are no p99"


def test_too_few_lags_have_no_p99():
    assert reason(lags=[500 * MS] * (LEAST_LAGS - 1)) is None
    assert reason(lags=[500 * MS] * LEAST_LAGS) is not None
