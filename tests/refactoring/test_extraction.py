import pytest

from llmtui.refactoring.extraction import LONGEST, extract_component
from llmtui.refactoring.fixtures import FIXTURES, fixture_of

SMALL = '<script setup lang="ts">\nconst a: number = 1\n</script>\n\n<template>\n  <p>{{ a }}</p>\n</template>\n'
LARGER = SMALL.replace("const a", "const longer: string = 'x'\nconst a")
TICKS = "```"


def component(answer):
    return extract_component(answer).component


CASES = {
    "a fence with a language": f"Here you are:\n\n{TICKS}vue\n{SMALL}{TICKS}\n\nHave fun!",
    "a fence without one": f"{TICKS}\n{SMALL}{TICKS}",
    "a fence with a name of a file": f'{TICKS}html title="App.vue"\n{SMALL}{TICKS}',
    "tildes": f"~~~vue\n{SMALL}~~~",
    "an indented fence in a list": f"1. This:\n\n   {TICKS}vue\n{SMALL}   {TICKS}\n2. done",
    "raw text": SMALL,
    "raw text with prose around": f"Sure, with <script setup> it is:\n\n{SMALL}\nThis has a `<script>` and types.",
    "prose before a fence on the same line": f"Here: {TICKS}vue\n{SMALL}{TICKS}\nDone.",
    "a fence that is not closed": f"Done:\n{TICKS}vue\n{SMALL}",
    "a fence that is not closed, and prose": f"{TICKS}vue\n{SMALL}\nI hope that this helps.",
    "lines of Windows": f"{TICKS}vue\n{SMALL}{TICKS}\n".replace("\n", "\r\n"),
    "thinking before": f"<think>\n{TICKS}vue\n{LARGER}{TICKS}\nno, shorter\n</think>\n{TICKS}vue\n{SMALL}{TICKS}",
    "thinking without its start": f"{TICKS}vue\n{LARGER}{TICKS}\nno\n</think>\n{TICKS}vue\n{SMALL}{TICKS}",
    "the longest of several blocks": f"{TICKS}vue\n<script>\nlet a\n</script>\n{TICKS}\nbecomes\n{TICKS}vue\n{SMALL}{TICKS}",
    "a longer block without a script": f"{TICKS}ts\n{'interface A { a: number }; ' * 40}\n{TICKS}\n{TICKS}vue\n{SMALL}{TICKS}",
    "a longer block that speaks of one": f"{TICKS}ts\nconst a = '<script' + '{'x' * 400}'\n// <scripted>\n{TICKS}\n{TICKS}vue\n{SMALL}{TICKS}",
    "a block in a block of Markdown": f"{TICKS}markdown\n# Result\n{'words ' * 90}\n{TICKS}vue\n{SMALL}{TICKS}\nmore words\n{TICKS}",
    "a block in a longer fence": f"{TICKS}`md\nThe result\n{TICKS}vue\n{SMALL}{TICKS}\nmore words\n{TICKS}`",
    "a bare block in a longer fence": f"{TICKS}`md\nThe result\n{TICKS}\n{SMALL}{TICKS}\nmore words\n{TICKS}`",
    "a bare block in a longer fence before a short one": (
        f"{TICKS}`md\nThe result\n{TICKS}\n{SMALL}{TICKS}\n{TICKS}`\n{TICKS}vue\n<script>\nlet a\n</script>\n{TICKS}"
    ),
    "a quoted block": "> " + f"{TICKS}vue\n{SMALL}{TICKS}".replace("\n", "\n> "),
    "prose in the block": f"{TICKS}\nApp.vue:\n{SMALL}That is all.\n{TICKS}",
    "the last of two that are as long": f"{TICKS}vue\n{SMALL.replace('1', '2')}{TICKS}\nNo:\n{TICKS}vue\n{SMALL}{TICKS}",
}


@pytest.mark.parametrize("answer", CASES.values(), ids=CASES.keys())
def test_the_component_is_found(answer):
    assert component(answer) == SMALL


@pytest.mark.parametrize("name", FIXTURES)
@pytest.mark.parametrize("fence", ["vue", "", "html"])
def test_the_components_that_ship_survive(name, fence):
    expected = fixture_of(name).expected
    assert component(f"Here:\n{TICKS}{fence}\n{expected}{TICKS}\n") == expected
    assert component(expected) == expected


def test_a_block_may_begin_where_another_ended():
    text = SMALL.replace("</script>\n\n", "</script>")
    assert component(f"{TICKS}vue\n{text}{TICKS}") == text


def test_a_fence_in_a_string_of_the_component_is_a_part_of_it():
    text = SMALL.replace("const a", f"const help = `\n{TICKS}js\nf()\n{TICKS}\n`\nconst a")
    assert component(f"{TICKS}vue\n{text}{TICKS}\nprose") == text


def test_an_answer_that_was_cut_off_is_what_there_is():
    cut = SMALL[: SMALL.index("= 1")]
    assert component(f"{TICKS}vue\n{cut}") == cut.strip() + "\n"


def test_nothing_in_an_answer_acts():
    hostile = SMALL.replace("const a", "// \x1b[2J\x1b]0;title\x07\x9b31m\x00\x08\r back\nconst\ta")
    found = component(f"{TICKS}vue\n{hostile}{TICKS}")
    assert all(c.isprintable() or c == "\n" for c in found)
    assert "const a: number" in found
    assert "title" not in found


NOTHING = {
    "": "there is no answer",
    " \n\t": "there is no answer",
    "<think>hm, a component": "there is no answer after the thinking",
    "I can't do that.": "no component",
    f"{TICKS}ts\nconst a: number = 1\n{TICKS}": "no component",
    f"{TICKS}vue\n<template><p/></template>\n{TICKS}": "no component",
    "use <script setup> here": "no component",
    f"{TICKS}html\n<!-- {SMALL} -->\n{TICKS}": "no component",
    "x" * (LONGEST + 1): "endless: 100001 characters",
}


@pytest.mark.parametrize(("answer", "problem"), NOTHING.items(), ids=range(len(NOTHING)))
def test_an_answer_without_a_component_says_why(answer, problem):
    found = extract_component(answer)
    assert found.component is None
    assert problem in found.problem


@pytest.mark.parametrize(
    "piece",
    ["`" * 3 + "vue\n", "<script>", "<!--", "<template>", "<a '", '<a "', "<a b=", "~~~\n```x\n", "</script>", "<"],
)
def test_the_work_grows_no_faster_than_the_answer(piece):
    answer = (piece * (LONGEST // len(piece)))[:LONGEST]
    extract_component(answer)  # bounded by the time that a test may take
