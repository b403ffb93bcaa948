import stat

import pytest

from llmtui.tui.copying import FORMS, LastForms


def test_the_last_choice_is_remembered_for_rows_and_tables_apart(tmp_path):
    folder = tmp_path / "state"
    assert (LastForms(folder).read(table=False), LastForms(folder).read(table=True)) == ("tsv", "tsv")
    LastForms(folder).keep("curl", table=False)
    LastForms(folder).keep("md", table=True)
    assert (LastForms(folder).read(table=False), LastForms(folder).read(table=True)) == ("curl", "md")
    assert stat.S_IMODE((folder / "copy.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff", b'{"row": "xlsx"}', b"[]", b'{"table": "curl"}'])
def test_a_damaged_memory_is_done_without(tmp_path, content):
    (tmp_path / "copy.json").write_bytes(content)
    assert LastForms(tmp_path).read(table=True) == "tsv"
    LastForms(tmp_path).keep("json", table=True)
    assert LastForms(tmp_path).read(table=True) == "json"


def test_a_memory_that_can_not_be_kept_stops_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    LastForms(tmp_path / "file").keep("md", table=True)
    assert LastForms(tmp_path / "file").read(table=True) == "tsv"


def test_each_form_has_a_key_of_its_own():
    keys = [about.key for about in FORMS.values()]
    assert len(set(keys)) == len(keys)
    assert not {"y", "Y", "q"} & set(keys)
