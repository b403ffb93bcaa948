"""The names of the catalogue."""

import pytest

from llmtui.models.catalog import CATALOG, DEFAULT_MODEL, ModelError, find_entry


def test_every_entry_is_found_by_its_name():
    assert [find_entry(name).name for name in CATALOG] == list(CATALOG)
    assert DEFAULT_MODEL.name in CATALOG


@pytest.mark.parametrize(
    ("name", "hint"),
    [("smollm2-135", "did you mean `smollm2-135m`?"), ("gpt-oss", "there are: smollm2-135m")],
)
def test_an_unknown_name_is_told_what_there_is(name, hint):
    with pytest.raises(ModelError) as caught:
        find_entry(name)
    assert f"no model `{name}`" in str(caught.value)
    assert hint in str(caught.value)
    assert ".gguf" in str(caught.value)


def test_entries_can_be_checked_and_name_a_licence():
    for entry in CATALOG.values():
        assert len(bytes.fromhex(entry.sha256)) == 32
        assert entry.size > 0
        assert entry.licence
        assert entry.member.endswith(".gguf")
