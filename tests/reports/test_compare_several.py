import msgspec
import pytest
from support.conversation import header
from support.recorded_runs import STEADY, runs

from llmtui.reports.compare import verdict_text
from llmtui.reports.compare_several import compare_all, comparisons_data, comparisons_text
from llmtui.reports.differing import Side
from llmtui.reports.pairing import samples_of
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

SIX = (*STEADY, 100.2)


def side(letter, levels=SIX, name=None, *, opened=None, **plan):
    state = SessionState()
    apply_all(state, [header(**(opened or {})), *runs(levels, **plan)])
    return Side(letter, name or f"session {letter}", state, samples_of(state))


def by(factor, levels=SIX):
    return [level * factor for level in levels]


def verdicts(found, figure="ttft"):
    rows = [row for report in found.reports for row in report.rows if row.figure.name == figure]
    return [verdict_text(row, 0.03) for row in rows]


def test_every_other_side_is_held_against_the_first():
    found = compare_all([side("A"), side("B", by(1.3)), side("C", by(0.7)), side("D")])
    assert verdicts(found)[:2] == ["slower", "faster"]
    assert verdicts(found)[2].startswith("same")
    assert [report.letters for report in found.reports] == [("A", "B"), ("A", "C"), ("A", "D")]
    assert found.slower
    faster = compare_all([side("A"), side("B", by(0.7))], figures=("decode", "ttft"))
    assert not faster.slower


def test_the_level_of_each_interval_is_corrected_for_how_many_there_are():
    two = compare_all([side("A"), side("B", by(1.3))])
    four = compare_all([side("A"), *(side(letter, by(1.3)) for letter in "BCD")])
    assert two.level == pytest.approx(0.95)
    assert four.level == pytest.approx(1 - 0.05 / 3)
    widths = [
        row.comparison.ratio.interval.high - row.comparison.ratio.interval.low
        for row in (two.reports[0].rows[0], four.reports[0].rows[0])
    ]
    assert widths[1] > widths[0], "a wider interval for the same data"


def test_four_runs_tell_for_one_other_side_and_not_for_two():
    one = compare_all([side("A", STEADY[:4]), side("B", by(1.3, STEADY[:4]))])
    assert verdicts(one) == ["slower"]
    two = compare_all([side("A", STEADY[:4]), side("B", by(1.3, STEADY[:4])), side("C", by(1.3, STEADY[:4]))])
    assert verdicts(two) == ["can't tell: run 1 more"] * 2
    assert any("fewer than 5 never convince" in line for line in comparisons_text(two))


def test_the_text_has_what_differs_then_all_side_by_side_then_each_table():
    opened = {"llmtui": "0.2.0"}
    found = compare_all([side("A"), side("B", by(1.3)), side("C", by(0.7), opened=opened)])
    lines = comparisons_text(found)
    assert lines[:3] == ["A: session A  (baseline)", "B: session B", "C: session C"]
    assert lines[4].split() == ["differs", "A", "B", "C"]
    assert lines[6].split() == ["llmtui", "0.1.0", "0.1.0", "0.2.0"]
    row = next(line for line in lines if line.startswith("short     TTFT"))
    assert row.split() == ["short", "TTFT", "100", "ms", "130", "ms", "+30.0", "%", "slower", "70.1", "ms", "-30.0", "%", "faster"]  # fmt: skip
    assert lines.index("B against A") < lines.index("C against A")
    assert any("Bonferroni" in line and "97.5 %" in line for line in lines)
    assert any("1 in 40" in line for line in lines) is (sum(r.judged for rep in found.reports for r in rep.rows) >= 5)


def test_two_sides_stand_in_their_table_alone():
    lines = comparisons_text(compare_all([side("A"), side("B", by(1.3))]))
    assert lines[0] == "A: session A, smol Q4_1 on embedded"
    assert not any("Bonferroni" in line or "against" in line for line in lines)


def test_what_could_not_be_paired_is_named_for_each_side():
    found = compare_all([side("A"), side("B", workload="other"), side("C", by(1.3))])
    text = "\n".join(comparisons_text(found))
    assert "not compared: only in A: `short`" in text
    assert "not compared: only in B: `other`" in text
    row = next(line for line in text.splitlines() if line.startswith("short     TTFT"))
    assert row.split()[4] == "-", "B has no such workload"
    assert found.anything
    nothing = compare_all([side("A"), side("B", workload="x"), side("C", workload="y")])
    assert not nothing.anything
    assert "no workload was run on the baseline and on another side" in comparisons_text(nothing)


def test_names_cannot_act_on_a_terminal():
    lines = comparisons_text(compare_all([side("A", name="a\x1b[2J"), side("B"), side("C")]))
    assert "\x1b" not in "\n".join(lines)


def test_plain_data_has_all_sides_differences_and_levels():
    found = compare_all([side("A"), side("B"), side("C", opened={"llmtui": "0.2.0"})])
    data = msgspec.json.decode(msgspec.json.encode(comparisons_data(found)))
    assert [one["letter"] for one in data["sides"]] == ["A", "B", "C"]
    assert data["baseline"] == "session A"
    assert (data["level"], data["level_of_each"]) == (0.95, 0.975)
    assert data["differences"] == [{"fact": "llmtui", "A": "0.1.0", "B": "0.1.0", "C": "0.2.0"}]
    assert [one["letters"] for one in data["comparisons"]] == [["A", "B"], ["A", "C"]]
