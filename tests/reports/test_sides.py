import pytest
from support.conversation import header, queued
from support.recorded_runs import STEADY, runs

from llmtui.reports.differing import Side
from llmtui.reports.sides import SidesError, compare_variants, lettered, row_sides, variant_sides, whole_side
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


def state(*events):
    folded = SessionState()
    apply_all(folded, [header(), *events])
    return folded


def named(sides):
    return [(side.letter, side.name) for side in sides]


TWO_VARIANTS = state(*runs(STEADY[:2], variant="base"), *runs(STEADY[:2], first=3, variant="fast"))


def test_rows_of_one_setup_are_the_iterations_of_one_side():
    sides = row_sides(TWO_VARIANTS, "s", ["j3", "j1", "j2", "j4"])
    assert named(sides) == [("A", "s:j3,j4"), ("B", "s:j1,j2")]
    assert [len(sample.runs) for side in sides for sample in side.samples] == [2, 2]


def test_rows_of_one_setup_alone_are_a_side_each():
    assert named(row_sides(TWO_VARIANTS, "s", ["j2", "j1"])) == [("A", "s:j2"), ("B", "s:j1")]


def test_other_parameters_are_another_side():
    session = state(*runs([1.0], parameters={"max_tokens": 8}), *runs([2.0], first=2, parameters={"max_tokens": 9}))
    assert named(row_sides(session, "s", ["j1", "j2"])) == [("A", "s:j1"), ("B", "s:j2")]


def test_fewer_than_two_rows_that_measured_anything_are_refused():
    session = state(*runs([1.0]), queued("j2"))
    for jobs in (["j1", "j2"], ["j1"], []):
        with pytest.raises(SidesError, match="select others with space"):
            row_sides(session, "s", jobs)


def test_variants_are_sides_in_their_order():
    assert named(variant_sides(TWO_VARIANTS, "s")) == [("A", "s@base"), ("B", "s@fast")]
    assert named(variant_sides(TWO_VARIANTS, "")) == [("A", "base"), ("B", "fast")]
    with pytest.raises(SidesError, match="ran no variants"):
        variant_sides(state(*runs(STEADY)), "s")


def test_a_variant_that_measured_nothing_is_no_side():
    with pytest.raises(SidesError, match="ran no variants"):
        variant_sides(state(*runs(STEADY, variant="base"), queued("j9", variant="fast")), "s")


def test_a_session_or_a_part_of_it_is_a_side_by_its_name():
    assert whole_side(TWO_VARIANTS, "s").name == "s"
    assert whole_side(TWO_VARIANTS, "s", ["j1"]).name == "s:j1"
    assert whole_side(TWO_VARIANTS, "s", variant="fast").name == "s@fast"


def test_there_are_letters_for_twenty_six():
    sides = [Side("", str(number), TWO_VARIANTS, ()) for number in range(26)]
    assert [side.letter for side in lettered(sides)][::25] == ["A", "Z"]
    with pytest.raises(SidesError, match="27 sides are too many"):
        lettered([*sides, sides[0]])


def test_what_was_cloned_is_the_baseline_of_its_clones():
    cloned = runs(STEADY[:2], first=3, variant="seed=7", parameters={"seed": 7}, clone_of="j1")
    session = state(*runs(STEADY[:2], parameters={"seed": 1}), *cloned, *runs([1.0], first=5, workload="other"))
    sides = variant_sides(session, "")
    assert named(sides) == [("A", "unchanged"), ("B", "seed=7")]
    assert [len(sample.runs) for side in sides for sample in side.samples] == [2, 2], "no other workload is among them"
    text = "\n".join(compare_variants(session))
    assert "seed=7" in text
    assert "unchanged" in text
    with pytest.raises(SidesError):
        variant_sides(state(*runs(STEADY[:2]), *runs(STEADY[:2], first=3, variant="only")), "")
