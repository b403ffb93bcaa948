import msgspec

from llmtui.events import Model, OfferedLoad, Server
from llmtui.suites.levels import levels_of
from llmtui.suites.plan import PlannedTarget, model_names, plan_jobs, target_names
from llmtui.suites.reading import read_suite
from llmtui.suites.schema import Generate, Load, Search, Slo, Suite, Variant, Watch
from llmtui.suites.variants import balanced_order

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


# Loads


def load(**fields):
    return Load(**{"prompts": ("x",), "name": "load", "requests": 5, **fields})


def planned(*targets, **fields):
    return plan_jobs(Suite(name="q", **fields), targets)


def test_a_sweep_is_a_job_for_each_level_with_its_iterations_innermost():
    plans = planned(target(Model(id="m")), workloads=(load(concurrency=(1, 4)), load(rate=2.0)), iterations=2)
    assert [(p.load, p.iteration) for p in plans] == [
        (offered, iteration)
        for offered in (
            OfferedLoad(concurrency=1),
            OfferedLoad(concurrency=4),
            OfferedLoad(rate=2.0, arrivals="poisson"),
        )
        for iteration in (1, 2)
    ]
    assert [levels_of(p.workload) for p in plans] == [[p.load] for p in plans]
    assert {p.requests for p in plans} == {5}


def test_a_ramp_is_one_job_and_so_is_a_search():
    search = load(search=Search(), slo=Slo(ttft_ms=5))
    plans = planned(target(Model(id="m")), workloads=(load(concurrency=(1, 4, 1), ramp=True), search))
    assert [(p.load, p.requests) for p in plans] == [(None, 15), (None, 0)]
    assert plans[0].workload.concurrency == (1, 4, 1)


def test_what_a_level_asks_for_stands_in_the_queue():
    plans = planned(target(Model(id="m")), workloads=(load(requests=None, concurrency=(1, 16)),))
    assert [p.requests for p in plans] == [8, 64]
    assert planned(target(Model(id="m")), workloads=(load(requests=None, duration_s=3.0, rate=1),))[0].requests == 0


# Variants

A, B = Variant(name="a"), Variant(name="b", set={"max_tokens": 7})


def test_variants_take_turns_iteration_by_iteration():
    spec = Generate(prompts=("x",), name="g")
    plans = planned(
        target(Model(id="m")), workloads=(spec, Watch(name="w", duration_s=1)), variants=(A, B), iterations=4
    )
    turns = [(p.name, p.iteration, p.variant) for p in plans]
    orders = {
        name: [["ab"[turn] for turn in order] for order in balanced_order(2, 4, 1 + number)]
        for number, name in enumerate("gw")
    }
    assert turns == [
        (name, iteration, variant)
        for name in "gw"
        for iteration in (1, 2, 3, 4)
        for variant in orders[name][iteration - 1]
    ]
    assert {(p.variant, getattr(p.workload, "max_tokens", None)) for p in plans if p.name == "g"} == {
        ("a", 128),
        ("b", 7),
    }


def test_the_order_comes_from_the_seed():
    def order(seed):
        variants = (A, B, Variant(name="c"))
        plans = planned(target(Model(id="m")), workloads=(Watch(),), variants=variants, iterations=3, order_seed=seed)
        return "".join(p.variant for p in plans)

    assert order(1) == order(1)
    assert len({order(seed) for seed in range(10)}) > 1


def test_levels_are_compared_level_by_level():
    plans = planned(target(Model(id="m")), workloads=(load(concurrency=(1, 2)),), variants=(A, B), iterations=1)
    assert [p.load.concurrency for p in plans] == [1, 1, 2, 2]
    assert [p.variant for p in plans[:2]] == [p.variant for p in plans[2:]]


def test_a_variant_with_fewer_levels_sits_the_others_out():
    few = Variant(name="few", set={"concurrency": 1})
    plans = planned(target(Model(id="m")), workloads=(load(concurrency=(1, 2)),), variants=(A, few))
    assert sorted((p.load.concurrency, p.variant) for p in plans) == [(1, "a"), (1, "few"), (2, "a")]


def test_model_variants_run_their_models():
    variants = (Variant(name="small", model="m1"), Variant(name="large", model="m2"))
    suite = Suite(name="q", workloads=(Watch(),), variants=variants, models=("m3",))
    assert model_names(suite) == ("m1", "m2")
    plans = plan_jobs(suite, [target(Model(id="m1"), Model(id="m2"), Model(id="m3", loaded=True))])
    assert sorted((p.variant, p.model) for p in plans) == [("large", "m2"), ("small", "m1")]


def test_a_variant_without_a_model_takes_the_suites_own():
    suite = Suite(name="q", workloads=(Watch(),), variants=(A, Variant(name="b", model="m2")), models=("m1",))
    assert model_names(suite) == ("m1", "m2")
    assert model_names(msgspec.structs.replace(suite, models=())) == (None, "m2")
    assert model_names(msgspec.structs.replace(suite, variants=())) == ("m1",)
    plans = plan_jobs(suite, [target(Model(id="m1"), Model(id="m2"))])
    assert sorted((p.variant, p.model) for p in plans) == [("a", "m1"), ("b", "m2")]


def test_embedded_models_are_targets_of_their_own():
    def embedded(name):
        return PlannedTarget(
            f"embedded:{name}", Server(url="embedded", kind="embedded", models=(Model(id=name),)), None, (name,)
        )

    variants = (Variant(name="small", model="m1"), Variant(name="large", model="m2"))
    suite = Suite(name="q", workloads=(Watch(),), variants=variants, targets=("embedded",))
    plans = plan_jobs(suite, [embedded("m1"), embedded("m2")])
    assert sorted((p.variant, p.target, p.model) for p in plans) == [
        ("large", "embedded:m2", "m2"),
        ("small", "embedded:m1", "m1"),
    ]


def url_target(port, model="m"):
    url = f"http://127.0.0.1:{port}"
    return PlannedTarget(url, Server(url=url, kind="openai", models=(Model(id=model),)))


def test_target_variants_run_on_their_targets():
    one, other = url_target(1), url_target(2)
    variants = (Variant(name="one", target=one.name), Variant(name="other", target=other.name))
    suite = Suite(name="q", workloads=(Generate(prompts=("x",)),), variants=variants)
    assert target_names(suite) == (one.name, other.name)
    plans = plan_jobs(suite, [one, other])
    assert sorted((p.variant, p.target) for p in plans) == [("one", one.name), ("other", other.name)]


def test_a_variant_without_a_target_stays_on_the_suites_own():
    own, other = url_target(1), url_target(2)
    suite = Suite(
        name="q",
        workloads=(Generate(prompts=("x",)),),
        targets=(own.name,),
        variants=(A, Variant(name="b", target=other.name)),
    )
    assert target_names(suite) == (own.name, other.name)
    plans = plan_jobs(suite, [own, other])
    assert sorted((p.variant, p.target) for p in plans) == [("a", own.name), ("b", other.name)]


def test_a_target_of_a_variant_that_is_not_there_fails_its_jobs_only():
    there, gone = url_target(1), PlannedTarget("http://127.0.0.1:2", None, "nobody listens")
    variants = (Variant(name="one", target=there.name), Variant(name="other", target=gone.name))
    plans = plan_jobs(Suite(name="q", workloads=(Generate(prompts=("x",)),), variants=variants), [there, gone])
    assert {p.variant: p.problem for p in plans} == {"one": None, "other": "nobody listens"}


def test_variants_over_several_servers_keep_to_one_server_at_a_time():
    plans = planned(url_target(1), url_target(2), workloads=(Watch(),), variants=(A, B), iterations=2)
    assert [p.target for p in plans] == [url_target(1).name] * 4 + [url_target(2).name] * 4
    assert [p.variant for p in plans[:4]] == [p.variant for p in plans[4:]]


def test_no_target_is_no_job():
    assert planned(workloads=(Watch(),), variants=(A, B)) == planned(workloads=(Watch(),)) == []
