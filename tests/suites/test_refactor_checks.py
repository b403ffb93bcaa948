import math

import pytest

from llmtui.suites.checks import problem_of
from llmtui.suites.kinds.refactor import Weights
from llmtui.suites.schema import Refactor, Suite

CASES = [
    ({"fixtures": ()}, {"fixtures": ("task-list",)}, "fixtures` is empty; give one fixture at least"),
    ({"fixtures": ("task-list",) * 2}, {"fixtures": ("task-list", "order-table")}, "fixtures` has `task-list` twice"),
    ({"pass_mark": 101.0}, {"pass_mark": 100.0}, "pass_mark` is 101; it must be from 0 to 100 percent"),
    ({"pass_mark": -1.0}, {"pass_mark": 0.0}, "pass_mark` is -1; it must be from 0 to 100 percent"),
    ({"compile_s": 0.0}, {"compile_s": 0.1}, "compile_s` is 0; it must be above 0"),
    ({"compile_s": math.inf}, {"compile_s": 1e6}, "compile_s` is inf; it must be above 0"),
    ({"compile_mib": 63}, {"compile_mib": 64}, "compile_mib` is 63; it must be at least 64"),
    ({"max_tokens": 0}, {"max_tokens": 1}, "max_tokens` is 0; it must be at least 1"),
    (
        {"weights": Weights(structure=0, compile=0)},
        {"weights": Weights(structure=0, compile=0.1)},
        "weights`: `structure` and `compile` must be at least 0, and one of them above it",
    ),
    (
        {"weights": Weights(structure=-0.1)},
        {"weights": Weights(structure=0)},
        "weights`: `structure` and `compile` must be at least 0, and one of them above it",
    ),
    (
        {"weights": Weights(structure=math.nan)},
        {},
        "weights`: `structure` and `compile` must be at least 0, and one of them above it",
    ),
]


@pytest.mark.parametrize(("broken", "kept", "sentence"), CASES)
def test_a_broken_rule_is_named_and_one_kept_by_a_hair_is_not(broken, kept, sentence):
    assert problem_of(Suite(name="s", workloads=(Refactor(**broken),))) == f"`workloads[0].{sentence}"
    assert problem_of(Suite(name="s", workloads=(Refactor(**kept),))) is None
