import pytest

from llmtui.documents import DocumentError
from llmtui.suites.reading import read_suite
from llmtui.suites.schema import Generate, Load, Slo, Synthetic, Watch

BASE = "name: q\nworkloads:\n  - kind: generate\n    prompts: [hi]\n"


@pytest.mark.parametrize(
    ("extra", "overrides", "sentence"),
    [
        ("    max_token: 3\n", {}, "f.yaml:5: unknown key `workloads[0].max_token`; did you mean `max_tokens`?"),
        ("    max_tokens: x\n", {}, "f.yaml:5: `workloads[0].max_tokens`: expected a whole number, got a text"),
        ("limits: {stall: 3}\n", {}, "f.yaml:5: unknown key `limits.stall`; did you mean `stall_s`?"),
        ("  - kind: generat\n", {}, "f.yaml:5: `workloads[1].kind`: invalid value 'generat'; known are"),
        ("iteration: 2\n", {}, "f.yaml:5: unknown key `iteration`; did you mean `iterations`?"),
        ("iterations: 0\n", {}, "`iterations` is 0; it must be at least 1"),
        ("name: again\n", {}, "f.yaml:5: `name` stands here a second time"),
        ("   foo: [\n", {}, "not valid YAML"),
        ("", {"max_toke": "7"}, "--set max_toke=7: no such key; did you mean `max_tokens`?"),
        ("", {"limits.stall_s": "abc"}, "--set limits.stall_s=abc: `limits.stall_s`: expected a number, got a text"),
        ("", {"workloads.3.max_tokens": "9"}, "--set workloads.3.max_tokens=9: there is nothing at `3`"),
        ("", {"max_tokens": "0"}, "f.yaml with max_tokens=0: `workloads[0].max_tokens` is 0"),
        ("", {"prompts": "[]"}, "`workloads[0].prompts` is empty"),
    ],
)
def test_a_wrong_suite_gets_one_sentence(extra, overrides, sentence):
    with pytest.raises(DocumentError) as caught:
        read_suite(BASE + extra, "f.yaml", overrides)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_that_nobody_knows_is_answered_by_each_known_one_once():
    with pytest.raises(DocumentError) as caught:
        read_suite(BASE, "f.yaml", {"zzz": "1"})
    assert str(caught.value).startswith("--set zzz=1: no such key; known keys are ")
    assert str(caught.value).count("`name`") == 1
    assert str(caught.value).count("`max_tokens`") == 1


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "name: q\n", "name: q\nworkloads: []\n"])
def test_what_is_no_suite_is_refused(text):
    with pytest.raises(DocumentError):
        read_suite(text, "f.yaml")


def test_overrides_reach_the_suite_and_its_workloads():
    suite = read_suite(BASE, "f.yaml", {"max_tokens": "7", "limits.stall_s": "3", "iterations": "4"})
    assert (suite.workloads[0].max_tokens, suite.limits.stall_s, suite.iterations) == (7, 3.0, 4)
    assert read_suite(BASE, "f.yaml").workloads[0].max_tokens == 128


BOTH = BASE + "  - kind: load\n    prompts: [ho]\n    concurrency: 2\n  - kind: watch\n    duration_s: 1\n"


@pytest.mark.parametrize(
    ("key", "raw", "level"),
    [
        ("concurrency", "4", {"concurrency": 4, "rate": ()}),
        ("concurrency", "[1, 2]", {"concurrency": (1, 2), "rate": ()}),
        ("rate", "0.5", {"concurrency": (), "rate": 0.5}),
        ("rate", "[1, 2.5]", {"concurrency": (), "rate": (1.0, 2.5)}),
    ],
)
def test_a_level_puts_the_prompts_under_load_in_place_of_what_was_there(key, raw, level):
    suite = read_suite(BOTH, "f.yaml", {key: raw})
    generate, load, watch = suite.workloads
    assert (generate, load) == (Load(prompts=("hi",), **level), Load(prompts=("ho",), **level))
    assert watch == Watch(duration_s=1)
    plain = read_suite(BOTH, "f.yaml").workloads
    assert plain[:2] == (Generate(prompts=("hi",)), Load(prompts=("ho",), concurrency=2))


def test_a_level_ends_a_search():
    text = "name: q\nworkloads:\n  - kind: load\n    prompts: [hi]\n    slo: {ttft_ms: 9}\n    search: {highest: 8}\n"
    assert read_suite(text, "f.yaml").workloads[0].search is not None
    assert read_suite(text, "f.yaml", {"concurrency": "4"}).workloads[0].search is None


@pytest.mark.parametrize("order", [1, -1])
def test_what_only_a_load_has_can_be_set_beside_its_level_in_any_order(order):
    overrides = dict([("duration_s", "9"), ("concurrency", "4")][::order])
    assert read_suite(BASE, "f.yaml", overrides).workloads == (Load(prompts=("hi",), concurrency=4, duration_s=9.0),)
    with pytest.raises(DocumentError, match="no such key"):
        read_suite(BASE, "f.yaml", {"duration_s": "9"})


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"concurrency": "0"}, "`workloads[0].concurrency` is 0; it must be from 1 to 1024"),
        ({"concurrency": "[]"}, "give one of `concurrency`, `rate` and `search`"),
        (
            {"concurrency": "a"},
            "--set concurrency=a: `workloads[0].concurrency`: expected a whole number or a list, got a text",
        ),
        (
            {"concurrency": "1.5"},
            "--set concurrency=1.5: `workloads[0].concurrency`: expected a whole number or a list, got a number",
        ),
        ({"rate": "-1"}, "`workloads[0].rate` is -1; it must be above 0"),
        ({"concurrency": "1", "rate": "1"}, "`concurrency` and `rate` exclude each other; set one of them"),
    ],
)
def test_a_wrong_level_gets_one_sentence(overrides, sentence):
    with pytest.raises(DocumentError) as caught:
        read_suite(BASE, "f.yaml", overrides)
    assert sentence in str(caught.value)


def test_a_level_for_a_suite_without_prompts_is_refused():
    with pytest.raises(DocumentError, match="--set concurrency=4: no such key"):
        read_suite("name: q\nworkloads:\n  - kind: watch\n", "f.yaml", {"concurrency": "4"})


def test_a_path_reaches_into_what_a_load_holds():
    text = (
        "name: q\nworkloads:\n  - kind: load\n    synthetic: {tokens: 9}\n    concurrency: 1\n    slo: {ttft_ms: 5}\n"
    )
    (load,) = read_suite(text, "f.yaml", {"synthetic.tokens": "7", "workloads.0.slo.itl_ms": "3"}).workloads
    assert (load.synthetic, load.slo) == (Synthetic(tokens=7), Slo(ttft_ms=5, itl_ms=3))


NAMED_AND_NOT = """
name: three
workloads:
  - {kind: generate, name: short, prompts: [hi], max_tokens: 8}
  - {kind: generate, prompts: [ho], max_tokens: 9}
  - {kind: watch, duration_s: 1}
"""


@pytest.mark.parametrize(
    ("name", "kept"), [("short", ("short", 8)), ("generate 2", ("generate 2", 9)), ("watch 3", ("watch 3", None))]
)
def test_one_workload_can_be_kept_by_the_name_that_the_queue_gives_it(name, kept):
    (workload,) = read_suite(NAMED_AND_NOT, "suite", {"workload": name}).workloads
    assert (workload.name, getattr(workload, "max_tokens", None)) == kept


def test_what_is_set_goes_to_the_workload_that_is_kept():
    suite = read_suite(NAMED_AND_NOT, "suite", {"max_tokens": "3", "workload": "generate 2", "iterations": "2"})
    assert ([workload.max_tokens for workload in suite.workloads], suite.iterations) == ([3], 2)
    with pytest.raises(DocumentError, match="--set max_tokens=3: no such key"):
        read_suite(NAMED_AND_NOT, "suite", {"max_tokens": "3", "workload": "watch 3"})


def test_a_workload_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(
        DocumentError, match="--workload long: the suite has no such workload; it has short, generate 2"
    ):
        read_suite(NAMED_AND_NOT, "suite", {"workload": "long"})
