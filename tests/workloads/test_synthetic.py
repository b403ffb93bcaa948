import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.load_bench import LoadBench, run_virtual

from llmtui.metrics.latency import CHARACTERS_PER_TOKEN
from llmtui.workloads.synthetic import WORDS, exact_text


def words(text):
    return len(text.split())


def with_a_begin(text):
    """Each word is a token, and the server puts one of its own in front."""
    return words(text) + 1


def long_words_split(text):
    """Words above five letters are two tokens."""
    return sum(1 + (len(word) > 5) for word in text.split())


def pairs_join(text):
    """Two short words in a row are one token: adding a word does not always add a token."""
    count, joinable = 0, False
    for word in text.split():
        if joinable and len(word) <= 6:
            joinable = False
            continue
        count += 1
        joinable = len(word) <= 6
    return count


def ones_join(text):
    """A run of `a` is one token, however long: the filler adds nothing."""
    tokens = ["a" if word == "a" else word for word in text.split()]
    return sum(not (word == "a" and place and tokens[place - 1] == "a") for place, word in enumerate(tokens))


def always_even(text):
    """Tokens come in twos: odd lengths do not exist."""
    return 2 * words(text)


def make(count, tokens, seed=1):
    bench = LoadBench(count=count)
    text, exact = run_virtual(exact_text(bench, tokens, random.Random(seed)))
    return text, exact, bench


@pytest.mark.parametrize("tokenizer", [words, with_a_begin, long_words_split, pairs_join])
@given(tokens=st.integers(2, 700), seed=st.integers(0, 99))
def test_a_text_has_exactly_the_tokens_that_were_asked_for(tokenizer, tokens, seed):
    text, exact, bench = make(tokenizer, tokens, seed)
    assert tokenizer(text) == tokens
    assert exact
    assert len(bench.counted) < 80, "the server is not asked for ever"


@pytest.mark.parametrize(("tokenizer", "tokens", "nearest"), [(always_even, 101, 100), (ones_join, 50, 50)])
def test_without_such_a_text_the_nearest_shorter_one_is_taken(tokenizer, tokens, nearest):
    text, exact, _ = make(tokenizer, tokens)
    assert (tokenizer(text), exact) == (nearest, True)


def test_a_tokenizer_that_counts_nothing_ends_too():
    text, _, bench = make(lambda _text: 0, 50)
    assert text
    assert len(bench.counted) < 200


def test_fewer_tokens_than_the_server_adds_itself_is_an_empty_text():
    text, _, _ = make(lambda text: words(text) + 5, 3)
    assert words(text) == 0


@pytest.mark.parametrize("tokens", [1, 7, 1000])
def test_without_a_tokenizer_the_length_is_estimated_from_characters(tokens):
    text, exact, bench = make(lambda _text: None, tokens)
    assert not exact
    assert len(bench.counted) == 1
    wanted = tokens * CHARACTERS_PER_TOKEN
    assert wanted - 1 <= len(text) <= wanted


def test_the_same_draw_gives_the_same_text_of_common_words():
    first, other = make(words, 60, seed=1)[0], make(words, 60, seed=2)[0]
    assert first == make(words, 60, seed=1)[0] != other
    assert set(first.split()) <= set(WORDS)
    assert len(WORDS) == len(set(WORDS))
