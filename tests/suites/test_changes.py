import pytest

from llmtui.documents import DocumentError
from llmtui.events import OfferedLoad
from llmtui.suites.changes import (
    change_workload,
    changed_plans,
    parameter_texts,
    parse_change,
    variant_name,
)
from llmtui.suites.logged_plan import workload_of
from llmtui.suites.plan import JobPlan
from llmtui.suites.schema import Generate, Load, Stress

GENERATE = Generate(name="first", prompts=("one", "two"), max_tokens=128)


def plan(workload, **changes):
    fields = {"target": "t", "backend": "b", "model": "m", "quantization": None, "name": "first", "iteration": 3}
    return JobPlan(**{**fields, "requests": 2, "workload": workload, **changes})


@pytest.mark.parametrize(
    ("workload", "changes", "key", "value"),
    [
        (GENERATE, {"max_tokens": "64"}, "max_tokens", 64),
        (GENERATE, {"temperature": "null"}, "temperature", None),
        (GENERATE, {"options.min_p": "0.1"}, "options", {"min_p": 0.1}),
        (GENERATE, {"prompts": "[a, b, c]"}, "prompts", ("a", "b", "c")),
        (Stress(), {"duration": "90s"}, "duration_s", 90),
    ],
)
def test_a_change_sets_one_value_and_leaves_the_others(workload, changes, key, value):
    changed = change_workload(workload, changes)
    assert getattr(changed, key) == value
    others = [name for name in workload.__struct_fields__ if name != key]
    assert [getattr(changed, name) for name in others] == [getattr(workload, name) for name in others]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"max_tokns": "64"}, r"max_tokns=64: no such key; did you mean `max_tokens`\?"),
        ({"max_tokens": "0"}, "max_tokens=0: `max_tokens` is 0; it must be at least 1"),
        ({"max_tokens": "many"}, "max_tokens=many: `max_tokens`: expected a whole number, got a text"),
        ({"max_tokens": "128"}, "it has this value already"),
        ({"kind": "load"}, "`kind` can't be changed"),
        ({"name": "x"}, "`name` can't be changed"),
        ({"iterations": "3"}, "no such key"),
        ({"concurrency": "2", "rate": "2"}, "exclude each other"),
        ({"prompts": "[]"}, "give one prompt at least"),
    ],
)
def test_a_wrong_change_gets_one_sentence_and_changes_nothing(changes, sentence):
    with pytest.raises(DocumentError, match=sentence):
        change_workload(GENERATE, changes)


def test_a_level_puts_prompts_under_load_and_each_level_is_a_job():
    plans = changed_plans(plan(GENERATE), {"concurrency": "[2, 4]", "requests": "9"})
    assert [one.load for one in plans] == [OfferedLoad(concurrency=2), OfferedLoad(concurrency=4)]
    assert all(isinstance(one.workload, Load) for one in plans)
    assert [one.requests for one in plans] == [9, 9]
    again = changed_plans(plans[0], {"rate": "3"})
    assert [one.load for one in again] == [OfferedLoad(rate=3.0, arrivals="poisson")], "it takes the place of the other"


def test_a_plan_that_is_changed_is_a_first_iteration_and_says_what_changed():
    (changed,) = changed_plans(plan(GENERATE, variant="a"), {"max_tokens": "64"})
    assert (changed.variant, changed.iteration, changed.workload.max_tokens) == ("a; max_tokens=64", 1, 64)
    (again,) = changed_plans(changed, {"max_tokens": "32"})
    assert again.variant == "a; max_tokens=32", "a value that was changed once more stands there once"


def test_a_value_of_a_grid_that_is_changed_is_no_longer_the_grid_s():
    (changed,) = changed_plans(plan(GENERATE, point={"max_tokens": 128, "seed": 42}), {"max_tokens": "64"})
    assert changed.point == {"seed": 42}


def test_long_values_that_begin_alike_have_names_that_differ():
    names = [variant_name(None, {"prompts": f"[{'x' * 60}{end}]"}) for end in "ab"]
    assert len(set(names)) == 2
    assert all(len(name) < 70 for name in names)


def test_every_parameter_is_offered_as_it_would_be_written():
    workload = Generate(prompts=("one", "t: wo"), system="42", stop=("\n",))
    parameters = {"kind": "generate", **{name: getattr(workload, name) for name in workload.__struct_fields__}}
    offered = dict(parameter_texts(parameters))
    assert {"kind", "name"} & set(offered) == set()
    for key, text in offered.items():
        assert getattr(
            change_workload(
                Generate(
                    prompts=("z",),
                    system="z",
                    stop=("z",),
                    max_tokens=9,
                    temperature=9.0,
                    seed=9,
                    options={"z": 1},
                    prompt_cache="allow",
                ),
                {key: text},
            ),
            key,
        ) == getattr(workload, key), key


def test_a_workload_comes_back_from_the_log_or_says_that_it_can_not():
    assert workload_of({"kind": "generate", "prompts": ["x"]}) == Generate(prompts=("x",))
    with pytest.raises(DocumentError, match="this version of llmtui can't run it"):
        workload_of({"kind": "juggle"})


@pytest.mark.parametrize("text", ["", "max_tokens", "=4", "max_tokens=", " = "])
def test_what_is_no_change_says_how_to_write_one(text):
    with pytest.raises(DocumentError, match="write key=value"):
        parse_change(text)


def test_a_change_is_split_at_its_first_equals_sign():
    assert parse_change(" system = a=b ") == ("system", "a=b")
