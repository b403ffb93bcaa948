import pytest

from llmtui.quality.judging import score_answer
from llmtui.quality.numbers import numbers_in
from llmtui.quality.scorers import Number
from llmtui.quality.tasks import CATEGORIES, QUICK, chosen_tasks, tasks_of

ALL = chosen_tasks(CATEGORIES, quick=False)
named = pytest.mark.parametrize("task", [pytest.param(task, id=task.name) for _, task in ALL])


@named
def test_the_reference_is_right(task):
    score = score_answer(task.scorer, task.reference)
    assert score.passed, score.detail
    assert score.score == 1.0


@named
def test_the_tempting_answers_are_wrong(task):
    assert task.tempting
    for answer in task.tempting:
        score = score_answer(task.scorer, answer)
        assert not score.passed, (answer, score.detail)
        assert score.detail


@named
@pytest.mark.parametrize("answer", ["", "I don't know.", "\x1b[2J\x1b]0;right\x07", "<think>still at it"])
def test_no_answer_is_wrong(task, answer):
    assert not score_answer(task.scorer, answer).passed


@named
def test_repeating_the_question_is_wrong(task):
    if isinstance(task.scorer, Number) and task.scorer.value in {
        value for value, _, _ in numbers_in(task.question, {})
    }:
        assert task.name == "later correction", "the expected number stands in the question"
    assert not score_answer(task.scorer, task.question).passed


def test_there_are_enough_and_each_has_its_own_name():
    assert len(ALL) >= 40
    assert len({task.name for _, task in ALL}) == len({task.question for _, task in ALL}) == len(ALL)
    assert all(len(tasks_of(category)) >= 10 for category in CATEGORIES)


def test_a_quick_run_asks_two_of_each():
    assert [category for category, _ in chosen_tasks(CATEGORIES, quick=True)] == [
        c for c in CATEGORIES for _ in range(QUICK)
    ]
    assert chosen_tasks(("math",), quick=True) == [("math", task) for task in tasks_of("math")[:2]]
