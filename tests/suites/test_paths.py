import pytest

from llmtui.documents import DocumentError
from llmtui.suites.paths import set_path, split_path


def test_whole_numbers_are_places():
    assert split_path("workloads.0.max_tokens") == ["workloads", 0, "max_tokens"]
    assert split_path("name") == ["name"]


@pytest.mark.parametrize(
    ("document", "key", "result"),
    [
        ({"a": 1}, "a", {"a": 9}),
        ({}, "limits.stall_s", {"limits": {"stall_s": 9}}),
        ({"limits": {"load_s": 1}}, "limits.stall_s", {"limits": {"load_s": 1, "stall_s": 9}}),
        ({"list": [1, 2]}, "list.1", {"list": [1, 9]}),
        ({"list": [{"a": 1}, {"a": 2}]}, "list.1.a", {"list": [{"a": 1}, {"a": 9}]}),
    ],
)
def test_a_value_is_set_where_the_path_leads(document, key, result):
    set_path(document, key, 9, "--set x")
    assert document == result


@pytest.mark.parametrize(
    ("document", "key", "part"),
    [
        ({"list": [1]}, "list.1", "1"),
        ({"list": [{}]}, "list.1.a", "1"),
        ({"list": [1]}, "list.a", "a"),
        ({"word": "x"}, "word.a", "a"),
        ({"word": "x"}, "word.a.b", "a"),
        ({"slo": None}, "slo.ttft_ms", "slo"),
        ({}, "new.0", "0"),
    ],
)
def test_a_path_that_leads_nowhere_is_named(document, key, part):
    with pytest.raises(DocumentError) as caught:
        set_path(document, key, 9, f"--set {key}=9")
    assert str(caught.value) == f"--set {key}=9: there is nothing at `{part}`"
