from llmtui.metrics.cache_hits import LEAST_PROMPT_TOKENS, PromptTiming, cache_hit_warning

MS = 1_000_000
LONG = 500


def timing(ttft=100, *, prompt="p", tokens=LONG, cached=None):
    return PromptTiming(prompt, tokens, cached, None if ttft is None else ttft * MS)


def test_the_servers_own_word_counts_with_or_without_company():
    timings = [timing(cached=0), timing(cached=400), timing(cached=499)]
    for alone in (True, False):
        warning = cache_hit_warning(timings, alone=alone)
        assert warning.startswith("2 of 3 prompts came mostly from the server's prompt cache")
        assert "prompt_cache: avoid" in warning


def test_a_template_in_front_is_no_hit():
    assert cache_hit_warning([timing(cached=LONG // 2)] * 3, alone=True) is None
    assert cache_hit_warning([timing(cached=LONG // 2 + 1)] * 3, alone=True) is not None


def test_short_prompts_give_nothing_away():
    short = LEAST_PROMPT_TOKENS - 1
    assert (
        cache_hit_warning(
            [timing(tokens=short, cached=short), timing(100, tokens=short), timing(1, tokens=short)], alone=True
        )
        is None
    )
    enough = LEAST_PROMPT_TOKENS
    assert cache_hit_warning([timing(tokens=enough, cached=enough)], alone=True) is not None


def test_a_ttft_far_below_that_of_the_same_prompt_gives_a_hit_away():
    timings = [timing(100), timing(39), timing(41), timing(20)]
    assert cache_hit_warning(timings, alone=True).startswith("the TTFT of 2 of 4 requests is so short")
    assert cache_hit_warning(timings, alone=False) is None, "beside others it may have found a shorter queue"


def test_other_prompts_are_no_measure():
    assert cache_hit_warning([timing(100, prompt="a"), timing(10, prompt="b")], alone=True) is None


def test_the_first_request_is_no_hit_and_a_later_longer_one_makes_none_of_it():
    assert cache_hit_warning([timing(10), timing(100), timing(90)], alone=True) is None


def test_unknown_figures_are_no_hits():
    timings = [timing(100), timing(None), timing(1, tokens=None), PromptTiming("p", None, 500, None)]
    assert cache_hit_warning(timings, alone=True) is None
    assert cache_hit_warning([], alone=True) is None
