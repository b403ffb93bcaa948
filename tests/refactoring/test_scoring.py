"""The expected components have all points, and each mutant of one loses exactly those of what was changed."""

import pytest

from llmtui.refactoring.fixtures import FIXTURES, fixture_of
from llmtui.refactoring.scoring import score_structure
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS

COUNTER, TASKS, ORDERS = FIXTURES


def score(name, text):
    return score_structure(text, fixture_of(name).structures)


@pytest.mark.parametrize("name", FIXTURES)
def test_the_expected_component_has_all_points_and_the_input_hardly_any(name):
    fixture = fixture_of(name)
    best, worst = score(name, fixture.expected), score(name, fixture.input)
    assert (best.total, best.wrong) == (10, ())
    assert best.points == STRUCTURE_POINTS
    assert worst.total <= 1
    assert worst.points["interfaces"] == worst.points["annotations"] == worst.points["lang"] == 0
    assert worst.wrong


def test_the_points_are_ten():
    assert sum(STRUCTURE_POINTS.values()) == 10


PROPS_OF_COUNTER = "interface Props {\n  label: string\n  start: number\n  limits: Limits\n}"
LIMITS = "interface Limits {\n  least: number\n  most: number\n}"
EVENTS = "defineEmits<{\n  change: [value: number, by: number]\n  full: []\n}>()"
STEP = "function step(by: number): void {"
COUNT = "const count = ref<number>(props.start)"

LOSING = [
    (COUNTER, ' lang="ts"', "", {"lang": 1}),
    (COUNTER, ' lang="ts"', ' lang="js"', {"lang": 1}),
    (COUNTER, ' setup lang="ts"', ' lang="ts"', {"lang": 1 / 2}),
    (COUNTER, "{ computed, ref }", "{ ref }", {"imports": 1 / 2}),
    (COUNTER, "{ computed, ref } from 'vue'", "{ computed, ref } from './vue'", {"imports": 1}),
    (COUNTER, "import { computed", "import type { computed", {"imports": 1}),
    (COUNTER, "import { computed", "// import { computed", {"imports": 1}),
    (ORDERS, "import type { Order, Status }", "import { Order, Status }", {"imports": 1 / 6}),
    (ORDERS, "import type { Order, Status }", "import type { Order }", {"imports": 1 / 6}),
    (ORDERS, "STATUSES, totalOf", "STATUSES", {"imports": 1 / 6}),
    (COUNTER, "  most: number\n", "", {"interfaces": 3 / 4}),
    (COUNTER, "  most: number\n", "  most: any\n", {"interfaces": 3 / 4}),
    (COUNTER, "  most: number\n", "  most: unknown\n", {"interfaces": 3 / 4}),
    (COUNTER, "  most: number\n", "  most: string\n", {"interfaces": 3 / 8}),
    (COUNTER, "  most: number\n", "  most?: number\n", {"interfaces": 3 / 8}),
    (COUNTER, "  most: number\n", "  // most: number\n", {"interfaces": 3 / 4}),
    (COUNTER, LIMITS, f"/* {LIMITS} */", {"interfaces": 3 / 2}),
    (COUNTER, LIMITS, f"const text = `{LIMITS}`", {"interfaces": 3 / 2}),
    (COUNTER, LIMITS, LIMITS.replace("interface Limits {", "type Limits = {"), {"interfaces": 3 / 4}),
    (COUNTER, LIMITS, LIMITS.replace("Limits", "Range"), {"interfaces": 3 / 2}),
    (COUNTER, "  label: string\n", "  label?: string\n", {"interfaces": 1 / 4, "props": 1 / 6}),
    (COUNTER, "  limits: Limits\n", "  limits: object\n", {"interfaces": 1 / 2, "props": 1 / 3}),
    (TASKS, "'all' | 'open' | 'done'\n", "string\n", {"interfaces": 3 / 8}),
    (TASKS, "'all' | 'open' | 'done'\n", "any\n", {"interfaces": 3 / 4}),
    (TASKS, "  tags: string[]", "  tags: any[]", {"interfaces": 3 / 20}),
    (TASKS, "  due?: Date", "  due: Date", {"interfaces": 3 / 40}),
    (ORDERS, "(value: Cell, order: Order) => string", "(value: Cell) => string", {"interfaces": 3 / 7 / 4 / 2}),
    (COUNTER, "ref<number>(", "ref(", {"annotations": 1}),
    (COUNTER, "ref<number>(", "ref<any>(", {"annotations": 1}),
    (COUNTER, "ref<number>(", "ref<string>(", {"annotations": 1 / 2}),
    (COUNTER, "ref<number>(", "ref(/* <number> */", {"annotations": 1}),
    (COUNTER, COUNT, f"// {COUNT}\nconst other = ref<number>(0)", {"annotations": 1}),
    (COUNTER, "computed<number>", "computed", {"annotations": 1}),
    (COUNTER, STEP, "function step(by): void {", {"annotations": 1 / 2}),
    (COUNTER, STEP, "function step(by = 1): void {", {"annotations": 1 / 2}),
    (COUNTER, STEP, "function step(by: number) {", {"annotations": 1 / 2}),
    (COUNTER, STEP, "function step(by: string): void {", {"annotations": 1 / 4}),
    (COUNTER, STEP, "function step(by: any): any {", {"annotations": 1}),
    (COUNTER, STEP, "function go(by: number): void {", {"annotations": 1}),
    (TASKS, "Promise<boolean>", "Promise<any>", {"annotations": 3 / 11}),
    (TASKS, "ref<Task | null>(null)", "ref<Task>()", {"annotations": 3 / 11 / 2}),
    (TASKS, "(task: Task): void =>", "(task) =>", {"annotations": 3 / 11}),
    (ORDERS, "Map<string, Mark>", "Map<string, unknown>", {"annotations": 3 / 25 / 2}),
    (COUNTER, "defineProps<Props>()", "defineProps({ label: String })", {"props": 1}),
    (COUNTER, "defineProps<Props>()", "defineProps<Limits>()", {"props": 1}),
    (COUNTER, "  full: []\n", "", {"emits": 1 / 2}),
    (COUNTER, "value: number, by: number", "value: number", {"emits": 1 / 4}),
    (COUNTER, "value: number, by: number", "value: number, by?: number", {"emits": 1 / 4}),
    (COUNTER, "value: number, by: number", "value: any, by: number", {"emits": 1 / 2}),
    (COUNTER, EVENTS, "defineEmits(['change', 'full'])", {"emits": 1}),
    (TASKS, "(event: 'remove', id: number): void", "(event: 'remove', id): void", {"emits": 1 / 3}),
]


@pytest.mark.parametrize(("name", "old", "new", "lost"), LOSING, ids=[f"{row[0]}: {row[2][:40]!r}" for row in LOSING])
def test_a_mutant_loses_exactly_the_points_of_what_was_changed(name, old, new, lost):
    expected = fixture_of(name).expected
    assert expected.count(old) == 1
    found = score(name, expected.replace(old, new))
    assert {k: STRUCTURE_POINTS[k] - points for k, points in found.points.items() if points != STRUCTURE_POINTS[k]} == (
        pytest.approx(lost)
    )
    assert found.total == pytest.approx(10 - sum(lost.values()))
    assert len(found.wrong) == len(lost), "each kind says what is wrong"


LOSSLESS = [
    (COUNTER, '<script setup lang="ts">', "<!-- <script> -->\n<script lang='ts' setup>"),
    (COUNTER, "{ computed, ref }", "{ watch, ref as reference, computed }"),
    (COUNTER, LIMITS, "interface Limits { 'least': number; readonly most: (number), more?: string }"),
    (COUNTER, LIMITS, f"export {LIMITS}"),
    (COUNTER, LIMITS, "interface Least { least: number }\ninterface Limits extends Least { most: number }"),
    (COUNTER, "defineProps<Props>()", "defineProps<{ label: string; start: number; limits: Limits }>()"),
    (COUNTER, "defineProps<Props>()", "withDefaults(defineProps<Props>(), {})"),
    (COUNTER, "const props = defineProps", "defineProps"),
    (COUNTER, COUNT, "const count: Ref<number> = ref(props.start)"),
    (COUNTER, COUNT, "const count = ref(props.start) as Ref<number>"),
    (COUNTER, COUNT, "const count = ref(props.start as number)"),
    (COUNTER, "computed<number>(() =>", "computed((): number =>"),
    (COUNTER, STEP, "const step = function (by: number): void {"),
    (COUNTER, STEP, "const step: (by: number) => void = (by) => {"),
    (COUNTER, STEP, "async function* other() {}\nconst step = (delta: number): void => {"),
    (COUNTER, EVENTS, "defineEmits<{ (e: 'change', value: number, by: number): void; (e: 'full'): void }>()"),
    (COUNTER, EVENTS, "defineEmits<{ change: (value: number, by: number) => void; full(): void }>()"),
    (COUNTER, EVENTS, "defineEmits<Events>()\ninterface Events { change: [number, number]; full: [] }"),
    (COUNTER, EVENTS, "defineEmits<A & { full: [] }>()\ntype A = { 'change': [a: number, b: number] }"),
    (TASKS, "'all' | 'open' | 'done'\n", '\n  | "done"\n  | ("open" | "all")\n'),
    (TASKS, "computed<Task[]>", "computed<Array<Task>>"),
    (TASKS, "ref<Task | null>(null)", "ref<null | /* or */ Task>(null)"),
    (TASKS, "findTask(id: number | undefined)", "findTask(id?: number)"),
    (TASKS, "Record<Filter, number>>(", "Record< Filter,number > >("),
    (ORDERS, "import type { Order, Status } from", "import { type Order, type Status } from"),
    (ORDERS, "(value: Cell, order: Order) => string", "(cell: Cell, of: Order) => string"),
    (ORDERS, "  load?: (page: number) => Promise<Order[]>", "  load?(page: number): Promise<Order[]>"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new"), LOSSLESS, ids=[f"{row[0]}: {row[2][:40]!r}" for row in LOSSLESS])
def test_another_way_to_say_the_same_loses_nothing(name, old, new):
    expected = fixture_of(name).expected
    assert expected.count(old) == 1
    found = score(name, expected.replace(old, new))
    assert (found.total, found.wrong) == (pytest.approx(10), ())


@pytest.mark.parametrize("name", FIXTURES)
@pytest.mark.parametrize(
    "hidden",
    [
        lambda text: f"<!-- {text} -->",
        lambda text: text.replace("<script", "<docs").replace("</script", "</docs"),
        lambda text: f"<template>\n{text}\n</template>",
        lambda text: text.replace('lang="ts">', ">/*").replace("</script>", "*/</script>"),
        lambda text: f"<script>const x = `{text.split('</script>')[0]}`</script>",
        lambda _text: "",
    ],
)
def test_what_is_no_code_has_no_points(name, hidden):
    assert score(name, hidden(fixture_of(name).expected)).total == 0


def test_an_answer_that_was_cut_off_counts_as_far_as_it_goes():
    whole = fixture_of(TASKS).expected
    found = score(TASKS, whole[: whole.index("  const text = draft")])
    assert {kind for kind, points in found.points.items() if points == STRUCTURE_POINTS[kind]} == (
        STRUCTURE_POINTS.keys() - {"annotations"}
    )
    assert 3 * 9 / 11 <= found.points["annotations"] < 3


@pytest.mark.parametrize(
    "code", ["type A = " + "[" * 30_000, "type Limits = " + "(" * 9000 + "a" + ")" * 9000, "((((" * 9000]
)
def test_no_code_makes_it_fail(code):
    assert score(COUNTER, f"<script setup lang='ts'>{code}</script>").total <= 1


def test_what_a_model_wrote_is_told_without_acting():
    text = fixture_of(COUNTER).expected.replace("ref<number>", "ref<'\x1b[2J'>")
    assert all(sentence.isprintable() for sentence in score(COUNTER, text).wrong)
