import pytest

from llmtui.metrics.context_verdict import ContextLimit, MeasuredContext, judge_contexts

S = 1_000_000_000
MB = 1_000_000
GOOD = (MeasuredContext(4096, 10 * S, 0.0), MeasuredContext(8192, 40 * S, 2.0 * MB))


def judged(*measured, limit=None, most=60.0):
    return judge_contexts(measured, limit, most, "the swap can't be read here")


def outcomes(verdict):
    return {criterion.name: criterion.passed for criterion in verdict.criteria}


def test_all_in_time_and_in_memory_is_passed():
    verdict = judged(*GOOD)
    assert (verdict.verdict, verdict.passed) == ("usable to 8192", True)
    assert outcomes(verdict) == {"load": True, "memory": True}
    assert [criterion.text for criterion in verdict.criteria] == [
        "8192 tokens took 40.00 s to load, allowed are 60 s",
        "1.91 MiB came back from the swap",
    ]
    assert verdict.evidence == ("every size that was asked for was measured",)


@pytest.mark.parametrize(("load_ns", "passed"), [(60 * S, True), (60 * S + 1, False)])
def test_one_that_takes_too_long_fails_and_is_not_usable(load_ns, passed):
    verdict = judged(*GOOD, MeasuredContext(16384, load_ns, 0.0))
    assert outcomes(verdict) == {"load": passed, "memory": True}
    assert verdict.verdict == f"usable to {16384 if passed else 8192}"
    assert verdict.passed is passed


def test_memory_that_ran_out_fails():
    out = ContextLimit("out of memory", "the system killed a process for lack of memory")
    verdict = judged(*GOOD, limit=out)
    assert outcomes(verdict) == {"load": True, "memory": False}
    assert verdict.evidence == ("it ends there: the system killed a process for lack of memory",)
    swapping = judged(*GOOD, MeasuredContext(16384, S, 9e9, "swapped"), limit=ContextLimit("out of memory", "swapped"))
    assert (swapping.verdict, swapping.passed) == ("usable to 8192", False)


def test_a_limit_of_the_server_is_no_failure():
    verdict = judged(*GOOD, limit=ContextLimit("does not fit", "the server gives a request 8192 tokens"))
    assert verdict.passed


def test_what_can_not_be_read_is_not_judged():
    verdict = judged(MeasuredContext(4096, None, None))
    assert outcomes(verdict) == {"load": None, "memory": None}
    assert verdict.verdict == "none usable"
    assert verdict.criteria[1].text == "not evaluated: the swap can't be read here"
