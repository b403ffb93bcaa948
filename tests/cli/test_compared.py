import pytest
from support.conversation import header, queued
from support.recorded_runs import STEADY, runs, write_session

from llmtui.cli.compared import NO_SIDES, compare_rows, compare_sessions
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


def state(*events):
    folded = SessionState()
    apply_all(folded, [header(), *events])
    return folded


VARIANTS = state(*runs(STEADY, variant="base"), *runs([9.0] * 5, first=6, variant="fast"))


def test_selected_rows_are_the_sides():
    found = compare_rows(VARIANTS, ["j1", "j2", "j6"])
    assert [(side.letter, side.name, side.jobs) for side in found.sides] == [
        ("A", "s1:j1,j2", frozenset({"j1", "j2"})),
        ("B", "s1:j6", frozenset({"j6"})),
    ]
    assert any("can't tell" in line for line in found.lines)


@pytest.mark.parametrize("jobs", [[], ["j1"]])
def test_without_a_selection_the_variants_are(jobs):
    found = compare_rows(VARIANTS, jobs)
    assert [side.name for side in found.sides] == ["base", "fast"]
    assert any(line.endswith("faster") for line in found.lines)


def test_where_nothing_can_be_compared_it_says_what_to_do():
    assert compare_rows(state(*runs(STEADY)), []).lines == NO_SIDES
    found = compare_rows(state(*runs([1.0]), queued("j2")), ["j1", "j2"])
    assert (found.sides, "fewer than two of these rows" in found.lines[0]) == ((), True)


def test_sessions_of_the_library_are_compared_by_their_names():
    write_session("20261121-040000-quick-aaaa", [header(), *runs(STEADY)])
    torn = write_session("20261121-050000-quick-bbbb", [header(), *runs([level * 2 for level in STEADY])])
    with torn.open("ab") as file:
        file.write(b'{"ev":"half')
    found = compare_sessions(["20261121-040000-quick-aaaa", "20261121-050000-quick-bbbb"])
    assert [side.name for side in found.sides] == ["20261121-040000-quick-aaaa", "20261121-050000-quick-bbbb"]
    assert any(line.endswith("slower") for line in found.lines)
    assert any("the last line was cut off" in line for line in found.lines), "on the screen, not on stderr"


def test_a_session_alone_without_variants_is_told_how_on_a_screen():
    write_session("20261121-040000-quick-aaaa", [header(), *runs(STEADY)])
    (line,) = compare_sessions(["aaaa"]).lines
    assert line.endswith("no variants that could be compared; select it and another session with space, then press V")


def test_a_session_that_can_not_be_read_is_one_sentence():
    write_session("20261121-040000-quick-aaaa", [header(), *runs(STEADY)])
    found = compare_sessions(["nothing", "aaaa"])
    assert found.sides == ()
    assert "there is no session `nothing`" in found.lines[0]
