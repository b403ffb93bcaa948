"""Whatever a model writes, it is judged: pieces of components, fences and noise in any order."""

from hypothesis import given
from hypothesis import strategies as st

from llmtui.refactoring.blocks import component_of
from llmtui.refactoring.declarations import checks_switched_off
from llmtui.refactoring.extraction import extract_component
from llmtui.refactoring.fixtures import FIXTURES, fixture_of
from llmtui.refactoring.scoring import score_structure
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS

FIXTURE = fixture_of(FIXTURES[1])
LINES = FIXTURE.expected.splitlines(keepends=True)
MARKS = [
    "```vue\n",
    "```\n",
    "~~~~\n",
    "<think>",
    "</think>",
    "<!--",
    "-->",
    "<script",
    "</script>",
    "<template>",
    "{",
    "}",
    "`",
]
TYPES = [
    "interface ",
    "defineProps<",
    "defineEmits<",
    "ref<",
    "(",
    ")",
    "[",
    "=>",
    "|",
    "&",
    ":",
    "?",
    "'",
    "\x1b[2J",
    "\r",
]
PIECES = st.sampled_from([*LINES, *MARKS, *TYPES]) | st.text(max_size=5)


@given(st.lists(PIECES, max_size=60).map("".join))
def test_any_answer_is_judged(answer):
    found = extract_component(answer)
    assert (found.component is None) != (found.problem is None)
    component = found.component or answer
    score = score_structure(component, FIXTURE.structures)
    assert 0 <= score.total <= 10
    assert all(0 <= points <= STRUCTURE_POINTS[kind] for kind, points in score.points.items())
    assert all(sentence.isprintable() for sentence in score.wrong)
    checks_switched_off(component_of(component))
    if found.component is not None:
        assert all(c.isprintable() or c == "\n" for c in found.component)
        assert extract_component(found.component).component is not None, "what was found is found again"
