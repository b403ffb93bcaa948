import pytest

from llmtui.refactoring.fixtures import FIXTURES, fixture_of
from llmtui.refactoring.judging import composite, judge_answer
from llmtui.refactoring.selfcheck import MOST_OF_INPUT, check_all, check_fixture
from llmtui.refactoring.toolchain import Toolchain
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS, Refactor, Weights

COUNTER = fixture_of(FIXTURES[0])
ANSWER = f"Here:\n```vue\n{COUNTER.expected}```\n"


@pytest.mark.parametrize(
    ("points", "compiles", "weights", "score"),
    [
        (10, True, Weights(), 1.0),
        (10, False, Weights(), 0.6),
        (5, True, Weights(), 0.5),
        (5, False, Weights(), 0.3),
        (0, True, Weights(), 0.0),
        (8, None, Weights(), 0.8),
        (10, False, Weights(structure=1, compile=3), 0.25),
        (10, False, Weights(structure=0, compile=1), 0.0),
        (4, False, Weights(structure=2, compile=0), 0.4),
    ],
)
def test_the_composite_score_has_structure_and_compiler_by_their_weights(points, compiles, weights, score):
    assert composite(points, compiles, weights) == pytest.approx(score)


async def test_without_a_compiler_the_structure_alone_counts():
    judged = await judge_answer(ANSWER, COUNTER, Refactor(), None)
    assert (judged.composite, judged.sentence) == (1, "structure 10 of 10")
    assert judged.parts == {"structure": 10, **STRUCTURE_POINTS}


async def test_what_the_compiler_says_is_told(tmp_path, program):
    code = "print('component.vue(2,1): error TS1: a\\n' * 5)\nsys.exit(2)"
    toolchain = Toolchain(program("node", code), "22", tmp_path)
    judged = await judge_answer(ANSWER, COUNTER, Refactor(), toolchain, tmp_path)
    assert judged.composite == pytest.approx(0.6)
    assert (judged.parts["compiles"], judged.parts["errors"]) == (0, 5)
    assert judged.sentence == (
        f"structure 10 of 10; does not compile (files kept in {judged.compiled.kept}): "
        "line 2: a (TS1); line 2: a (TS1); line 2: a (TS1); and 2 more"
    )


async def test_what_costs_points_is_told():
    judged = await judge_answer(ANSWER.replace("ref<number>", "ref<any>"), COUNTER, Refactor(), None)
    assert judged.sentence == "structure 9 of 10; `count` is `any`, which says nothing"
    assert judged.parts["annotations"] == 2


@pytest.mark.parametrize(
    "answer", ["", "no", "\x1b[2J", "x" * 200_000, "<script", "```vue\n<script>\n", "\ud800<script>\ud800</script>"]
)
@pytest.mark.parametrize("compiles", [True, False])
async def test_no_answer_makes_it_fail(tmp_path, program, answer, compiles):
    toolchain = Toolchain(program("node", "sys.exit(1)"), "22", tmp_path) if compiles else None
    judged = await judge_answer(answer, COUNTER, Refactor(), toolchain, tmp_path)
    assert (judged.composite, judged.parts["structure"]) == (0, 0)
    assert ("compiles" in judged.parts) == compiles
    assert judged.sentence.isprintable()


@pytest.mark.node
async def test_the_components_that_ship_are_judged_right(tmp_path, vue_tsc):
    found = await check_all(vue_tsc, tmp_path)
    assert [(checked.name, checked.right) for checked in found] == [(name, True) for name in FIXTURES]
    assert all("10 of 10 points, compiles; before: " in checked.sentence for checked in found)


@pytest.mark.parametrize(("compiler", "right"), [("sys.exit(0)", False), ("sys.exit(1)", False)])
async def test_a_compiler_that_says_the_same_of_all_is_found_out(tmp_path, program, compiler, right):
    checked = await check_fixture(COUNTER, Toolchain(program("node", compiler), "22", tmp_path), tmp_path)
    assert checked.right is right


async def test_structure_alone_can_be_checked():
    assert all(checked.right for checked in await check_all(None))
    assert 0 < MOST_OF_INPUT < 10
