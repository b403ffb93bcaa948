import pytest

from llmtui.documents import DocumentError
from llmtui.suites.reading import read_suite

BASE = "name: q\nworkloads:\n  - kind: generate\n    prompts: [hi]\n"


@pytest.mark.parametrize(
    ("extra", "overrides", "sentence"),
    [
        ("    max_token: 3\n", {}, "f.yaml:5: unknown key `workloads[0].max_token`; did you mean `max_tokens`?"),
        ("    max_tokens: x\n", {}, "f.yaml:5: `workloads[0].max_tokens`: expected `int`, got `str`"),
        ("limits: {stall: 3}\n", {}, "f.yaml:5: unknown key `limits.stall`; did you mean `stall_s`?"),
        ("  - kind: generat\n", {}, "f.yaml:5: `workloads[1].kind`: invalid value 'generat'; known are"),
        ("iteration: 2\n", {}, "f.yaml:5: unknown key `iteration`; did you mean `iterations`?"),
        ("iterations: 0\n", {}, "`iterations` is 0; it must be at least 1"),
        ("name: again\n", {}, "f.yaml:5: `name` stands here a second time"),
        ("   foo: [\n", {}, "not valid YAML"),
        ("", {"max_toke": "7"}, "--set max_toke=7: no such key; did you mean `max_tokens`?"),
        ("", {"limits.stall_s": "abc"}, "--set limits.stall_s=abc: expected `float`"),
        ("", {"workloads.3.max_tokens": "9"}, "--set workloads.3.max_tokens=9: there is nothing at `3`"),
        ("", {"max_tokens": "0"}, "`workloads[0].max_tokens` is 0"),
        ("", {"prompts": "[]"}, "`workloads[0].prompts` is empty"),
    ],
)
def test_a_wrong_suite_gets_one_sentence(extra, overrides, sentence):
    with pytest.raises(DocumentError) as caught:
        read_suite(BASE + extra, "f.yaml", overrides)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words", "name: q\n", "name: q\nworkloads: []\n"])
def test_what_is_no_suite_is_refused(text):
    with pytest.raises(DocumentError):
        read_suite(text, "f.yaml")


def test_overrides_reach_the_suite_and_its_workloads():
    suite = read_suite(BASE, "f.yaml", {"max_tokens": "7", "limits.stall_s": "3", "iterations": "4"})
    assert (suite.workloads[0].max_tokens, suite.limits.stall_s, suite.iterations) == (7, 3.0, 4)
    assert read_suite(BASE, "f.yaml").workloads[0].max_tokens == 128
