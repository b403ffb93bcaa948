from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from llmtui.tui.widgets.wrapping import WrappedText

texts = st.text(alphabet=st.sampled_from("ab cд漢🙂\n\t\x1b[0m\u0301"), max_size=80)


def lines(text):
    return [line for _, line in text.lines]


def wrapped(pieces, width=10):
    text = WrappedText(width)
    for piece in pieces:
        text.append(piece, "answer")
    return text


def test_words_move_to_the_next_line_whole():
    assert lines(wrapped(["the quick brown fox"])) == ["the quick ", "brown fox"]


def test_a_word_longer_than_a_line_is_cut():
    assert lines(wrapped(["x" * 25])) == ["x" * 10, "x" * 10, "x" * 5]


def test_wide_characters_count_twice():
    assert lines(wrapped(["漢字漢字漢字"])) == ["漢字漢字漢", "字"]


def test_control_characters_are_made_visible():
    assert lines(wrapped(["\x1b[31mred\x07"], 20)) == ["␛[31mred␇"]


def test_kinds_never_share_a_line():
    text = WrappedText(20)
    text.append("think", "reasoning")
    text.append("answer", "answer")
    assert text.lines == [("reasoning", "think"), ("answer", "answer")]


def test_append_names_the_first_line_that_changed():
    text = WrappedText(10)
    assert text.append("one\ntwo", "answer") == 0
    assert text.append(" more", "answer") == 1
    assert text.append("\nthree", "answer") == 1


def test_old_lines_go_at_the_top():
    text = WrappedText(10, most_lines=3)
    text.append("a\nb\nc\nd\ne", "answer")
    assert lines(text) == ["c", "d", "e"]
    assert text.dropped == 2


@given(st.lists(texts, max_size=8), st.integers(4, 30))
def test_the_outcome_does_not_depend_on_the_pieces_and_fits(pieces, width):
    whole = wrapped(["".join(pieces)], width)
    split = wrapped(pieces, width)
    assert lines(whole) == lines(split)
    assert all(cell_len(line) <= width for line in lines(split))
