from llmtui.events import Model, Server
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite

SUITE = """
name: q
iterations: 2
workloads:
  - kind: generate
    name: a
    prompts: [x, y]
  - kind: watch
    duration_s: 1
"""


def target(*models):
    return PlannedTarget("t", Server(url="http://127.0.0.1:1", kind="ollama", models=models))


def jobs(targets, **overrides):
    return plan_jobs(read_suite(SUITE, "f", overrides), targets)


def test_iterations_are_innermost_and_models_outermost():
    plans = jobs([target(Model(id="m1"), Model(id="m2"))], models="[m1, m2]")
    assert [(p.model, p.name, p.iteration) for p in plans] == [
        (model, name, iteration) for model in ("m1", "m2") for name in ("a", "watch 2") for iteration in (1, 2)
    ]
    assert [p.requests for p in plans[:3]] == [2, 2, 0]


def test_the_loaded_model_is_the_default():
    plans = jobs([target(Model(id="cold"), Model(id="hot", loaded=True))])
    assert {p.model for p in plans} == {"hot"}


def test_a_name_without_tag_finds_the_only_model_of_that_name():
    assert jobs([target(Model(id="smol:135m"))], models="[smol]")[0].model == "smol:135m"
    two = jobs([target(Model(id="smol:135m"), Model(id="smol:1b"))], models="[smol]")
    assert "has no model `smol`; it has: smol:135m, smol:1b" in two[0].problem


def test_a_target_that_is_not_there_fails_its_jobs_but_not_a_watch():
    plans = jobs([PlannedTarget("t", None, "nobody listens")])
    assert [p.problem for p in plans] == ["nobody listens"] * 2 + [None] * 2


def test_a_server_without_models_says_what_to_do():
    assert "offers no model" in jobs([target()])[0].problem
