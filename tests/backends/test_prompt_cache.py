import pytest

from llmtui.backends.base import GenerationRequest
from llmtui.backends.prompt_cache import PromptCache

MODEL = "m:latest"


def send(cache, text, *, tokens, answer=4, settings=None, model=MODEL):
    """Send one chat turn to its end, and return the bound that it had."""
    request = GenerationRequest(model=model, messages=(("user", text),))
    sent = cache.begin(request, settings or {})
    sent.prompt_tokens, sent.completion_tokens = tokens, answer
    return cache.bound(model, sent)


@pytest.fixture
def cache():
    cache = PromptCache()
    cache.start_empty(MODEL)
    return cache


def test_the_first_prompt_after_loading_is_computed_whole(cache):
    assert send(cache, "Alpha", tokens=30) == 0


def test_a_model_that_somebody_else_loaded_has_no_bound():
    cache = PromptCache()
    assert send(cache, "Alpha", tokens=30) is None
    assert send(cache, "Beta", tokens=30) is None


def test_an_unrelated_prompt_shares_at_most_the_template_with_earlier_ones(cache):
    send(cache, "Alpha", tokens=30)
    assert send(cache, "Zulu " * 500, tokens=530) == 30


def test_the_template_is_no_longer_than_the_shortest_prompt(cache):
    send(cache, "Alpha " * 99, tokens=130)
    send(cache, "Kilo", tokens=28)
    assert send(cache, "Zulu " * 500, tokens=530) == 28


def test_shared_bytes_add_to_the_bound(cache):
    send(cache, "Story of a fox", tokens=34)
    assert send(cache, "Story of a bear", tokens=34) == 34 + len("Story of a ")


def test_a_prompt_that_goes_on_where_another_ended_may_find_all_of_it(cache):
    send(cache, "Alpha", tokens=30, answer=7)
    assert send(cache, "Alpha", tokens=30, answer=7) == 37
    assert send(cache, "Alpha and more", tokens=33) == 37


def test_beyond_what_is_kept_a_common_start_counts_as_common_to_the_end(cache):
    send(cache, "x" * 300 + "a", tokens=100, answer=5)
    assert send(cache, "x" * 300 + "b", tokens=100) == 105


def test_nothing_is_known_while_a_prompt_with_the_same_start_is_under_way(cache):
    request = GenerationRequest(model=MODEL, messages=(("user", "Alpha"),))
    cache.begin(request, {})
    assert send(cache, "Alpha", tokens=30) is None


def test_a_prompt_under_way_with_another_start_shares_only_the_template(cache):
    cache.begin(GenerationRequest(model=MODEL, messages=(("user", "Alpha"),)), {})
    assert send(cache, "Zulu", tokens=30) == 30


def test_settings_that_become_part_of_the_prompt_count_as_its_start(cache):
    settings = {"system": "You are terse."}
    send(cache, "Alpha", tokens=40, settings=settings)
    bound = send(cache, "Zulu", tokens=40, settings=settings)
    assert bound >= 40 + len("You are terse.")


def test_raw_and_templated_prompts_cannot_be_compared(cache):
    send(cache, "Alpha", tokens=30)
    assert send(cache, "Zulu", tokens=30, settings={"raw": True}) is None


def test_forgetting_a_model_leaves_the_others(cache):
    cache.start_empty("other:latest")
    cache.forget(MODEL)
    assert send(cache, "Alpha", tokens=30) is None
    assert send(cache, "Alpha", tokens=30, model="other:latest") == 0


def test_a_plain_prompt_is_compared_with_a_first_chat_turn(cache):
    send(cache, "Alpha", tokens=30, answer=4)
    sent = cache.begin(GenerationRequest(model=MODEL, prompt="Alpha"), {})
    assert cache.bound(MODEL, sent) == 34
