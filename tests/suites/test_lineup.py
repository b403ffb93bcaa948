import pytest

from llmtui.documents import DocumentError
from llmtui.events import Model, Server
from llmtui.suites.lineup import servers_together
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite

SUITE = "name: c\nworkloads:\n  - {kind: compare-models, name: same, prompts: [one, two]}\n"


def target(name, *models, kind="ollama", quantization="Q4_1"):
    found = tuple(Model(id=model, quantization=quantization) for model in models)
    return PlannedTarget(name, Server(url=f"http://{name}", kind=kind, models=found))


def jobs(*targets, models=(), **overrides):
    if models:
        overrides["models"] = f"[{', '.join(models)}]"
    return plan_jobs(read_suite(SUITE, "f", {key: str(value) for key, value in overrides.items()}), targets)


def lineups(planned):
    return [[(model.place.target, model.place.model) for model in job.models] for job in planned]


def test_one_after_another_each_model_is_a_job():
    planned = jobs(target("x", "a", "b"), models="ab", iterations=2)
    assert lineups(planned) == [[("x", "a")], [("x", "a")], [("x", "b")], [("x", "b")]]
    assert [(job.model, job.target, job.iteration, job.requests) for job in planned] == [
        ("a", "x", 1, 2),
        ("a", "x", 2, 2),
        ("b", "x", 1, 2),
        ("b", "x", 2, 2),
    ]


def test_together_they_stand_in_batches_of_five():
    planned = jobs(target("x", *"abcdefg"), models="abcdefg", mode="parallel")
    assert [[model for _, model in lineup] for lineup in lineups(planned)] == [list("abcde"), list("fg")]
    assert [(job.model, job.requests) for job in planned] == [("a + b + c + d + e", 10), ("f + g", 4)]


def test_a_batch_can_be_smaller_and_is_one_for_each_iteration():
    planned = jobs(target("x", *"abc"), models="abc", mode="parallel", together=2, iterations=2)
    found = [(job.iteration, job.model) for job in planned]
    assert sorted(found) == [(1, "a + b"), (1, "c"), (2, "a + b"), (2, "c")]


def test_a_batch_goes_over_several_targets():
    (job,) = jobs(target("x", "a"), target("y", "b", kind="llamacpp", quantization="F16"), mode="parallel")
    assert lineups([job]) == [[("x", "a"), ("y", "b")]]
    assert (job.target, job.backend, job.model, job.quantization) == ("x + y", "ollama + llamacpp", "a + b", None)


def test_what_one_server_lacks_and_another_has_is_no_failure():
    planned = jobs(target("x", "a"), target("y", "b:latest"), models="ab")
    assert lineups(planned) == [[("x", "a")], [("y", "b:latest")]]
    assert [job.problem for job in planned] == [None, None]


def test_what_no_server_has_fails_with_its_reason():
    planned = jobs(target("x", "a"), target("y", "b"), models="ac")
    assert lineups(planned)[0] == [("x", "a")]
    assert {model for lineup in lineups(planned[1:]) for _, model in lineup} == {"c"}
    assert all("has no model `c`" in job.problem for job in planned[1:])


def test_a_server_that_is_gone_is_a_failure_though_another_one_has_the_model():
    planned = jobs(PlannedTarget("x", None, "nobody listens at x"), target("y", "a"), models="a")
    assert [(job.models[0].place.target, job.problem) for job in planned] == [("x", "nobody listens at x"), ("y", None)]


def test_together_a_model_that_cannot_run_does_not_stop_the_others():
    (job,) = jobs(target("x", "a"), models="ab", mode="parallel")
    assert job.problem is None
    assert [model.problem is None for model in job.models] == [True, False]


def test_other_kinds_of_work_are_left_as_they_are():
    text = "name: c\nworkloads:\n  - {kind: generate, prompts: [x]}\n"
    (job,) = plan_jobs(read_suite(text, "f", {}), [target("x", "a")])
    assert (job.models, job.model) == ((), "a")


@pytest.mark.parametrize(
    ("models", "overrides", "count"),
    [
        ("abc", {"mode": "parallel"}, 3),
        ("abc", {"mode": "parallel", "together": "2"}, 2),
        ("abc", {}, 1),
        ("", {"mode": "parallel"}, 1),
    ],
)
def test_servers_that_run_together_are_counted(models, overrides, count):
    given = {"models": f"[{', '.join(models)}]"} if models else {}
    assert servers_together(read_suite(SUITE, "f", given | overrides)) == count


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"together": "6"}, "together` is 6; it must be from 1 to 5"),
        ({"together": "0"}, "together` is 0"),
        ({"prompts": "[]"}, "prompts` is empty"),
        ({"mode": "both"}, "mode"),
    ],
)
def test_what_a_comparison_cannot_be_is_said(overrides, words):
    with pytest.raises(DocumentError) as caught:
        read_suite(SUITE, "f", overrides)
    assert words in str(caught.value)


def test_a_quick_one_asks_one_short_prompt():
    (job,) = jobs(target("x", "a"), quick="true", max_tokens=500)
    assert (job.workload.asked, job.workload.answer_tokens, job.requests) == (("one",), 32, 1)
