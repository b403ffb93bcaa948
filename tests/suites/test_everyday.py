import pytest

from llmtui.cli.suite_files import SHIPPED
from llmtui.documents import DocumentError
from llmtui.suites.plan import PlannedTarget, plan_jobs
from llmtui.suites.reading import read_suite
from llmtui.suites.schema import AnyWorkload

KINDS = {"student": 12, "interactive": 5, "batch": 30, "consistency": 20}
QUICK = {"student": 4, "interactive": 3, "batch": 6, "consistency": 6}


def suite(kind, **workload):
    lines = "".join(f"    {key}: {value}\n" for key, value in workload.items())
    return read_suite(f"name: x\nworkloads:\n  - kind: {kind}\n{lines}", "x.yaml")


@pytest.mark.parametrize("kind", KINDS)
def test_each_has_a_suite_of_its_name_that_plans_its_requests(kind):
    text = (SHIPPED / f"{kind}.yaml").read_text()
    target = PlannedTarget("embedded", None, "nobody there")
    for overrides, planned in (({}, KINDS), ({"quick": "true"}, QUICK)):
        found = read_suite(text, kind, overrides)
        assert (found.name, found.targets) == (kind, ("embedded",))
        assert [job.requests for job in plan_jobs(found, [target])] == [planned[kind]]


@pytest.mark.parametrize(
    ("kind", "setting", "problem"),
    [
        ("student", {"pause_s": -1}, "`workloads[0].pause_s` is -1; it must be at least 0"),
        ("interactive", {"requests": 1}, "`workloads[0].requests` is 1; it must be at least 2"),
        ("interactive", {"max_ttft_s": 0}, "`workloads[0].max_ttft_s` is 0; it must be above 0"),
        ("interactive", {"min_rate": -2}, "`workloads[0].min_rate` is -2; it must be above 0"),
        ("interactive", {"max_variation": 0}, "`workloads[0].max_variation` is 0; it must be above 0"),
        ("interactive", {"max_variation": ".nan"}, "`workloads[0].max_variation` is nan; it must be above 0"),
        ("batch", {"documents": 3}, "`workloads[0].documents` is 3; it must be at least 4"),
        ("batch", {"least_tokens": 5}, "`workloads[0].least_tokens` is 5; it must be at least 20"),
        ("batch", {"most_tokens": 100}, "`workloads[0].most_tokens` is 100; it must be at least `least_tokens`, 200"),
        ("batch", {"max_growth": 0}, "`workloads[0].max_growth` is 0; it must be above 0"),
        ("consistency", {"repeats": 1}, "`workloads[0].repeats` is 1; it must be at least 2"),
        ("consistency", {"temperatures": "[]"}, "`workloads[0].temperatures` is empty"),
        ("consistency", {"temperatures": "[-0.5]"}, "`workloads[0].temperatures` has -0.5"),
        ("consistency", {"temperatures": "[0, 1, 1]"}, "`workloads[0].temperatures` has 1 twice"),
        ("consistency", {"temperature": 0.7}, "`workloads[0].temperature` has no effect here"),
        ("consistency", {"min_identical": 1.2}, "`workloads[0].min_identical` is 1.2"),
        (
            "consistency",
            {"min_identical": 1, "temperatures": "[0.7]"},
            "`workloads[0].min_identical` is about temperature 0",
        ),
        ("student", {"max_tokens": 0}, "`workloads[0].max_tokens` is 0"),
    ],
)
def test_what_can_not_be_is_named(kind, setting, problem):
    with pytest.raises(DocumentError) as found:
        suite(kind, **setting)
    assert problem in str(found.value)


@pytest.mark.parametrize(
    ("kind", "setting"),
    [
        ("student", {"pause_s": 0}),
        ("interactive", {"requests": 2, "max_variation": 3}),
        ("batch", {"documents": 4, "least_tokens": 300, "most_tokens": 300, "max_growth": 0.1}),
        ("consistency", {"temperatures": "[0, 0.2, 2]", "repeats": 2, "min_identical": 1}),
    ],
)
def test_what_can_be_is_taken(kind, setting):
    (workload,) = suite(kind, **setting).workloads
    assert type(workload) in AnyWorkload.__args__


def test_limits_are_set_for_one_run():
    text = (SHIPPED / "interactive.yaml").read_text()
    (workload,) = read_suite(text, "x", {"min_rate": "8", "max_ttft": "2s"}).workloads
    assert (workload.min_rate, workload.max_ttft_s) == (8, 2)
