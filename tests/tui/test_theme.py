import pytest

from llmtui.documents import DocumentError
from llmtui.tui import theme


def test_the_shipped_themes_are_all_there_and_differ():
    themes = theme.load_themes()
    assert set(themes) == {"dark", "light", "high-contrast", "colour-blind", "ansi"}
    assert len({known.primary for known in themes.values()}) == 5
    assert themes["ansi"].ansi
    assert not themes["light"].dark


def test_good_and_bad_differ_in_more_than_red_and_green_for_the_colour_blind():
    known = theme.load_themes()["colour-blind"]
    assert (known.success, known.error) == ("#56b4e9", "#d55e00")


def test_the_users_theme_replaces_a_shipped_one(tmp_path):
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "mine.yaml").write_text('name: dark\nprimary: "#123456"\n')
    assert theme.load_themes(tmp_path)["dark"].primary == "#123456"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('name: x\nprimry: "#123456"\n', "mine.yaml:2: unknown key `primry`; did you mean `primary`?"),
        ("name: x\n", "missing required field `primary`"),
    ],
)
def test_a_wrong_theme_gets_one_sentence(tmp_path, text, sentence):
    (tmp_path / "themes").mkdir()
    (tmp_path / "themes" / "mine.yaml").write_text(text)
    with pytest.raises(DocumentError) as caught:
        theme.load_themes(tmp_path)
    assert sentence in str(caught.value)
