import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.text_table import Fit, render, shortened, text_width, wrapped

HEADINGS = ("job", "workload", "tok/s", "tokens in all", "model", "verdict")
ROWS = (
    ("j1", "short answer #1", "812.5", "96 server", "meta-llama-3.1-8b-instruct-q4", "done (not steady, not passed)"),
    ("j2", "explanation #12", "9.5", "1024 chunks", "meta-llama-3.1-8b-instruct-q8", "done"),
)
NUMBERS = ("tok/s", "tokens in all")
FIT = Fit(spare=("tokens in all",), whole=("job",), wrapped=("workload", "verdict"))


def at(width, fit=FIT):
    return render(HEADINGS, ROWS, NUMBERS, width=width, fit=fit)


def starts(line):
    """Where the columns of a line of dashes begin."""
    return [place for place, character in enumerate(line) if character == "-" and line[place - 1 : place] != "-"]


def test_a_table_that_fits_is_left_as_it_is():
    whole = render(HEADINGS, ROWS, NUMBERS)
    assert at(max(map(len, whole))) == whole == at(None)
    assert at(max(map(len, whole)) - 1) != whole


def test_headings_are_broken_before_anything_is_shortened():
    whole = render(HEADINGS, ROWS, NUMBERS)
    lines = at(max(map(len, whole)) - 2)
    assert lines[0].split() == ["tokens", "in"]
    assert lines[1].split() == ["job", "workload", "tok/s", "all", "model", "verdict"]
    assert [line.split() for line in lines[3:]] == [line.split() for line in whole[2:]]


def test_words_are_wrapped_and_names_lose_their_middle_so_that_models_can_be_told_apart():
    lines = at(80)
    assert lines[3:] == [
        "j1   short answer #1  812.5    96 server  meta-llam…truct-q4  done (not steady,",
        "                                                              not passed)",
        "j2   explanation #12    9.5  1024 chunks  meta-llam…truct-q8  done",
    ]


def test_columns_are_left_out_only_when_nothing_else_helps_and_are_named():
    lines = at(60)
    assert "tokens" not in lines[0]
    assert " ".join(lines).endswith("(no room here for: tokens in all; a wider terminal or a pipe shows them)")
    narrow = " ".join(at(30))
    assert "no room here for: tokens in all, verdict;" in narrow
    assert "no room" not in " ".join(at(70)), "it would do to make words narrower"


@pytest.mark.parametrize("width", range(24, 140, 3))
def test_columns_stay_aligned_and_figures_whole(width):
    lines = at(width)
    assert all(text_width(line) <= width for line in lines)
    note = next((place for place, line in enumerate(lines) if line.startswith("(no room")), len(lines))
    begins = starts(next(line for line in lines if set(line) <= {"-", " "}))
    for line in lines[:note]:
        assert {line.ljust(width)[place - 2 : place] for place in begins if place} <= {"  "}, line
    assert "812.5" in "\n".join(lines)


def test_a_word_is_broken_only_at_worst():
    rows = [("j1", "max_tokens=16, temperature=0.9, top_k=2", "9")]
    for width in range(24, 60):
        lines = render(("job", "point", "n"), rows, ("n",), width=width, fit=Fit(wrapped=("point",)))
        assert any("temperature=0.9," in line for line in lines)
    narrow = render(("job", "point", "n"), rows, ("n",), width=20, fit=Fit(wrapped=("point",)))
    assert not any("temperature=0.9," in line for line in narrow)


def test_a_figure_is_never_cut():
    lines = render(("n", "value"), [("1", "123456789"), ("2", "5")], ("n", "value"), width=8)
    assert "1" in lines[2]
    assert "123456789" not in "\n".join(lines)
    assert "…" not in "\n".join(lines)
    assert "value" in "\n".join(lines[3:]), "it is said what is left out"


def test_wide_and_combining_characters_count_as_they_are_shown():
    assert text_width("ab") == 2
    assert text_width("日本") == 4
    assert text_width("e\u0301") == 1
    assert text_width("\u200d") == 0
    assert text_width("❤\ufe0f") == 2
    lines = render(("model", "tok/s"), [("日本語", "1"), ("abc", "22")], ("tok/s",))
    assert lines == ["model   tok/s", "------  -----", "日本語      1", "abc        22"]


def test_what_is_too_long_shows_that_it_was_cut():
    assert shortened("short", 5) == "short"
    assert shortened("two words here", 9) == "two word…"
    assert shortened("two words here", 5) == "two…"
    assert shortened("qwen2.5-coder:32b-q4_K_M", 11) == "qwen2…4_K_M"
    assert shortened("日本語日本語", 7) == "日…語"


@given(st.text(max_size=60), st.integers(2, 30))
def test_lines_are_never_wider_than_asked_and_lose_nothing_but_spaces(text, width):
    lines = wrapped(text, width)
    assert all(text_width(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert text_width(shortened(text, width)) <= width


CELLS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=30)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), max_size=4), st.integers(4, 90))
def test_no_line_of_any_table_is_wider_than_the_terminal(rows, width):
    fit = Fit(spare=("second", "absent"), whole=("third",), wrapped=("fourth of them",))
    lines = render(("first", "second", "third", "fourth of them"), rows, ("second",), width=width, fit=fit)
    assert all(text_width(line) <= width for line in lines)
