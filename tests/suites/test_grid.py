from collections import Counter

import pytest

from llmtui.documents import DocumentError
from llmtui.events import Model, Server
from llmtui.suites.grid import (
    balanced_points,
    count_jobs,
    embedded_servers,
    grid_axes,
    points_of,
    varies_load,
)
from llmtui.suites.levels import parallel_of
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite
from llmtui.suites.schema import Embedded, Generate, Load, Suite, Variant
from llmtui.suites.variants import options_set, varied

GRID = {"temperature": [0, 0.8], "options.top_k": [1, 40, 400]}
ASK = Generate(name="ask", prompts=("x",))


def suite(grid=GRID, **fields):
    return Suite(**{"name": "s", "workloads": (ASK,), "grid": grid, "iterations": 4, **fields})


def target(name="t", *models, setting=None):
    server = Server(url="http://127.0.0.1:9", kind="ollama", models=models or (Model(id="m"),))
    return PlannedTarget(name, server, setting=setting)


def test_keys_may_be_written_in_one_or_as_mappings():
    nested = {"temperature": [0, 0.8], "options": {"top_k": [1, 40, 400]}}
    assert grid_axes(nested) == grid_axes(GRID) == GRID
    assert [point.values for point in points_of(suite(nested))] == [point.values for point in points_of(suite())]


def test_each_point_runs_once_an_iteration_with_its_values():
    plans = plan_jobs(suite(), [target()])
    assert len(plans) == 24
    assert Counter((plan.iteration, *plan.point.values()) for plan in plans) == {
        (iteration, temperature, top_k): 1
        for iteration in (1, 2, 3, 4)
        for temperature in (0, 0.8)
        for top_k in (1, 40, 400)
    }
    assert all(plan.workload.temperature == plan.point["temperature"] for plan in plans)
    assert all(plan.workload.options == {"top_k": plan.point["options.top_k"]} for plan in plans)
    assert {plan.variant for plan in plans} == {None}
    assert [plan.iteration for plan in plans] == sorted(plan.iteration for plan in plans)


def test_no_point_profits_from_its_place():
    points = points_of(suite())
    orders = balanced_points(points, 6, seed=1)
    for place in range(6):
        assert sorted(order[place] for order in orders) == list(range(6))
    assert orders == balanced_points(points, 6, seed=1) != balanced_points(points, 6, seed=2)


def test_points_that_share_a_loaded_model_follow_one_another():
    points = points_of(suite({"temperature": [0, 1, 2], "options.num_ctx": [10, 20]}))
    firsts = []
    for order in balanced_points(points, 4, seed=3):
        windows = [points[place].values["options.num_ctx"] for place in order]
        assert windows in ([10] * 3 + [20] * 3, [20] * 3 + [10] * 3)
        firsts.append(windows[0])
    assert sorted(firsts) == [10, 10, 20, 20]


def test_a_model_can_be_an_axis():
    plans = plan_jobs(suite({"model": ["a", "b"]}, iterations=1), [target("t", Model(id="a"), Model(id="b"))])
    assert {(plan.model, plan.point["model"]) for plan in plans} == {("a", "a"), ("b", "b")}


def test_a_load_is_swept_at_each_level():
    load = Load(name="load", prompts=("x",), concurrency=(1, 2), requests=4)
    plans = plan_jobs(suite({"max_tokens": [8, 16]}, workloads=(load,), iterations=1), [target()])
    assert Counter((plan.workload.max_tokens, plan.load.concurrency) for plan in plans) == {
        (tokens, level): 1 for tokens in (8, 16) for level in (1, 2)
    }
    wide = suite({"concurrency": [1, 7]}, workloads=(Load(name="l", prompts=("x",), concurrency=1, requests=4),))
    assert parallel_of(wide) == 7


def test_jobs_are_counted_with_iterations_workloads_and_models():
    assert count_jobs(suite()) == 24
    assert count_jobs(suite(workloads=(ASK, Generate(name="b", prompts=("x",))), models=("a", "b"))) == 96
    assert count_jobs(suite({"model": ["a", "b"]}, models=("c", "d"))) == 8


# The embedded server with settings of its own


def test_each_setting_is_a_server_of_its_own():
    swept = suite({"embedded.threads": [1, 2], "temperature": [0, 1]}, embedded=Embedded(context=512))
    servers = embedded_servers(swept)
    assert [(server.setting, server.settings.threads, server.settings.context) for server in servers] == [
        ("threads=1", 1, 512),
        ("threads=2", 2, 512),
    ]
    targets = [target(f"embedded[{server.setting}]", setting=server.setting) for server in servers]
    plans = plan_jobs(swept, targets)
    assert Counter((plan.target, plan.point["embedded.threads"]) for plan in plans) == {
        ("embedded[threads=1]", 1): 8,
        ("embedded[threads=2]", 2): 8,
    }


def test_a_variant_lays_its_settings_over_those_of_the_suite():
    variants = (Variant(name="a"), Variant(name="b", embedded={"threads": 3}), Variant(name="c", target="http://x"))
    compared = suite({}, variants=variants, embedded=Embedded(context=512))
    assert [(server.setting, server.settings) for server in embedded_servers(compared)] == [
        ("", Embedded(context=512)),
        ("threads=3", Embedded(context=512, threads=3)),
    ]
    plans = plan_jobs(
        suite({}, variants=variants[:2], iterations=1),
        [target("embedded", setting=""), target("embedded[threads=3]", setting="threads=3")],
    )
    assert {(plan.variant, plan.target) for plan in plans} == {("a", "embedded"), ("b", "embedded[threads=3]")}


def test_settings_of_a_server_that_is_not_ours_fail_the_job_with_a_sentence():
    plans = plan_jobs(suite({"embedded.threads": [1, 2]}, iterations=1), [target("http://127.0.0.1:9")])
    assert all("is not started by llmtui" in plan.problem for plan in plans)
    assert plan_jobs(suite(iterations=1), [target("http://127.0.0.1:9")])[0].problem is None


# Options


def test_options_of_a_variant_are_laid_over_those_of_the_workload():
    own = Generate(prompts=("x",), options={"top_k": 1, "min_p": 0.1})
    variant = Variant(name="v", set={"options.top_p": 0.5}, options={"top_k": 2})
    assert varied(own, variant).options == {"top_k": 2, "min_p": 0.1, "top_p": 0.5}
    assert options_set(variant) == {"top_p": 0.5, "top_k": 2}
    assert options_set(Variant(name="v", set={"options": {"a": 1}, "temperature": 1})) == {"a": 1}


@pytest.mark.parametrize(
    ("fields", "kind", "varies"),
    [
        ({"grid": {"options.num_ctx": [1, 2]}}, "ollama", True),
        ({"grid": {"options.num_ctx": [1, 2]}}, "llamacpp", False),
        ({"grid": GRID}, "ollama", False),
        ({"grid": {}, "variants": (Variant(name="a"), Variant(name="b", options={"num_gpu": 0}))}, "ollama", True),
        ({"grid": {}}, "ollama", False),
    ],
)
def test_whether_what_is_compared_is_loaded_in_different_ways(fields, kind, varies):
    assert varies_load(suite(**fields), kind) is varies


# What is wrong

TEXT = """
name: s
workloads:
  - kind: sweep
"""


def problem(text):
    with pytest.raises(DocumentError) as caught:
        read_suite(text, "f")
    return str(caught.value).removeprefix("f: ")


@pytest.mark.parametrize(
    ("grid", "wanted"),
    [
        ("", "a `sweep` needs a `grid` in the suite, such as grid: {temperature: [0, 0.8]}"),
        ("grid: {temperature: 1}", "`grid.temperature` must be a list of values, such as [1, 2]"),
        ("grid: {temperature: []}", "`grid.temperature` must be a list of values, such as [1, 2]"),
        ("grid: {temperature: [1, 1.0]}", "`grid.temperature` has 1 twice"),
        (
            "grid: {temprature: [1, 2]}",
            "`grid.temprature`: not every workload has such a key; did you mean `temperature`?",
        ),
        ("grid: {max_tokens: [0, 2]}", "`grid` at max_tokens=0: `max_tokens` is 0; it must be at least 1"),
        ("grid: {max_tokens: [a, 2]}", "`grid` at max_tokens=a: `max_tokens`: expected a whole number, got a text"),
        ("grid: {model: [1]}", "`grid.model` must be a list of names of models"),
        (
            "grid: {embedded.thread: [1]}",
            "`grid.embedded.thread`: the embedded server has no such key; did you mean `threads`?",
        ),
        ("grid: {embedded.threads: [0]}", "`grid` at threads=0: `embedded.threads` is 0; it must be at least 1"),
        (
            "grid: {embedded.threads: [x]}",
            "`grid` at threads=x: `embedded`: `threads`: expected a whole number or nothing, got a text",
        ),
        (
            "grid: {seed: [1]}\nvariants: [{name: a}, {name: b}]",
            "`grid` and `variants` exclude each other; give one of them",
        ),
        ("grid: {seed: [1]}\nmost_jobs: 0", "`most_jobs` is 0; it must be at least 1"),
        ("grid: {seed: [1]}\nembedded: {gpu_layers: -1}", "`embedded.gpu_layers` is -1; it must be at least 0"),
    ],
)
def test_a_wrong_grid_is_told(grid, wanted):
    assert problem(TEXT + grid) == wanted


def test_a_variant_with_a_wrong_setting_is_told():
    text = "name: s\nworkloads: [{kind: report}]\nvariants: [{name: a}, {name: b, embedded: {thread: 1}}]"
    assert problem(text).startswith("variant `b`: `embedded`: there is no key `thread`")


def test_many_jobs_need_an_explicit_limit():
    many = f"{TEXT}iterations: 10\ngrid:\n  seed: [{', '.join(map(str, range(31)))}]\n"
    assert problem(many) == (
        "`grid` has 310 jobs, iterations and workloads counted; leave out values, or allow so many by `most_jobs: 310`"
    )
    assert len(points_of(read_suite(f"{many}most_jobs: 310\n", "f"))) == 31


def test_a_huge_grid_is_refused_at_once():
    huge = "\n".join(f"  options.a{axis}: [{', '.join(map(str, range(100)))}]" for axis in range(8))
    assert "has 10000000000000000 jobs" in problem(f"{TEXT}grid:\n{huge}\n")


def test_the_grid_can_be_set_from_outside():
    text = f"{TEXT}grid: {{temperature: [0, 1]}}"
    swept = read_suite(text, "f", {"grid.options.top_k": "[1, 2]", "grid.temperature": "[0.5]", "best": "ttft"})
    assert grid_axes(swept.grid) == {"temperature": [0.5], "options.top_k": [1, 2]}
    assert swept.best == "ttft"


@pytest.mark.parametrize(
    ("keys", "wanted"),
    [
        ("least_words: 0", "`workloads[0].least_words` is 0; it must be at least 1"),
        ("most_words: 700", "`workloads[0].most_words` is 700; it must be at least `least_words`, 800"),
        ("topic: ' '", "`workloads[0].topic` is empty; say what the report is to be about"),
    ],
)
def test_a_report_must_be_possible(keys, wanted):
    assert problem(f"name: s\nworkloads:\n  - kind: report\n    {keys}\n") == wanted


def test_a_sweep_needs_a_prompt():
    assert problem(f"{TEXT}    prompts: []\ngrid: {{seed: [1]}}") == (
        "`workloads[0].prompts` is empty; give one prompt at least"
    )
