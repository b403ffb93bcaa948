import random
import re

import pytest

from llmtui.quality.judging import score_answer
from llmtui.quality.town import Fact, draw_facts, grammar, hide, scorer_of, town_text


def text_of(words, seed=1):
    return " ".join(town_text(words, random.Random(seed)))


def sentences_of(text):
    return re.split(r"(?<=\.)\s+", text)


def test_a_long_text_hardly_says_anything_twice():
    sentences = sentences_of(text_of(50_000))
    assert len(sentences) > 1500
    assert len(set(sentences)) > 0.98 * len(sentences)
    paragraphs = [part for part in text_of(50_000).split("\n\n") if part.strip()]
    assert len(set(paragraphs)) == len(paragraphs)


def test_the_same_seed_tells_the_same_and_another_one_does_not():
    assert text_of(500) == text_of(500)
    assert text_of(500) != text_of(500, seed=2)


def test_the_text_has_no_digits_and_no_open_phrase():
    text = text_of(20_000)
    assert not re.search(r"[\d{}]", text)
    assert all(sentence[0].isupper() for sentence in sentences_of(text))


def test_every_phrase_of_the_grammar_is_used_and_known():
    used = {name for sentence in grammar().sentences for name in re.findall(r"\{(\w+)\}", sentence)}
    assert used == set(grammar().words)
    assert all("{value}" in fact.statement for fact in grammar().facts)


@pytest.mark.parametrize("depth", [0.0, 0.05, 0.5, 0.95, 1.0])
def test_a_fact_stands_between_sentences_at_its_depth(depth):
    words = town_text(4000, random.Random(3))[:4000]
    fact = Fact("The bell bears the number 4172.", "Which number?", "4172", depth)
    text = hide(words, [fact])
    assert text.count(fact.statement) == 1
    assert re.search(r"(^|\.\s+)The bell bears the number 4172\.(\s+[A-Z]|$)", text)
    assert text.replace(fact.statement, "").split() == " ".join(words).split()
    place = len(text[: text.index(fact.statement)].split())
    assert abs(place - depth * len(words)) < 60


@pytest.mark.parametrize("words", [[], ["Alone"], ["No", "end", "here"], ["One."], ["One.", "Two."]])
def test_a_text_of_hardly_any_words_still_holds_its_facts(words):
    facts = draw_facts(2, random.Random(1))
    text = hide(words, facts)
    assert all(text.count(fact.statement) == 1 for fact in facts)


def test_facts_differ_in_what_they_are_about_and_in_their_numbers():
    for seed in range(50):
        one, other = draw_facts(2, random.Random(seed))
        assert one.question != other.question
        assert one.value != other.value
        assert all(0 < fact.depth < 1 for fact in (one, other))
        assert one.value in one.statement
        assert one.value not in one.question


def test_an_answer_needs_its_number_and_no_other():
    one, other = draw_facts(2, random.Random(1))
    scorer = scorer_of(one, [other])
    assert score_answer(scorer, f"It is {one.value}, says the text.").passed
    for wrong in ("", "It is 12.", f"1{one.value}", other.value, f"{one.value} or {other.value}", f"{one.value}0"):
        assert not score_answer(scorer, wrong).passed, wrong
