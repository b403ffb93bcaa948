import os
import stat
import threading

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmtui.log.sidecar import (
    NOTHING_ADDED,
    Sidecar,
    SidecarError,
    change_sidecar,
    checked_name,
    checked_note,
    checked_tags,
    read_sidecar,
    sidecar_path,
)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "20261121-040000-quick-aaaa.jsonl"
    path.write_bytes(b"the log\n")
    return path


def tagged(*tags):
    return lambda now: msgspec.structs.replace(now, tags=(*now.tags, *tags))


def test_what_was_added_is_read_again_and_the_log_is_as_it_was(log):
    change_sidecar(log, lambda now: msgspec.structs.replace(now, name="base", note="quiet\nroom"))
    change_sidecar(log, tagged("a"))
    assert read_sidecar(log) == Sidecar(name="base", tags=("a",), note="quiet\nroom")
    assert log.read_bytes() == b"the log\n"
    assert sorted(path.name for path in log.parent.iterdir()) == [
        "20261121-040000-quick-aaaa.jsonl",
        "20261121-040000-quick-aaaa.meta.json",
    ]


def test_only_the_owner_may_read_it(log):
    before = os.umask(0)
    try:
        change_sidecar(log, tagged("a"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(sidecar_path(log).stat().st_mode) == 0o600


def test_nothing_added_is_no_file(log):
    assert read_sidecar(log) == NOTHING_ADDED
    change_sidecar(log, tagged("a"))
    change_sidecar(log, lambda _now: NOTHING_ADDED)
    assert not sidecar_path(log).exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"", "damaged"),
        (b"{", "damaged"),
        (b'{"tags": "a"}', "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b'{"format": 2}', "newer than 1; update llmtui"),
        (b" " * (1024 * 1024 + 1), "too large"),
    ],
)
def test_a_damaged_file_is_told_and_never_overwritten(log, text, sentence):
    sidecar_path(log).write_bytes(text)
    with pytest.raises(SidecarError, match=sentence) as caught:
        read_sidecar(log)
    assert "\n" not in str(caught.value)
    with pytest.raises(SidecarError, match=sentence):
        change_sidecar(log, tagged("a"))
    assert sidecar_path(log).read_bytes() == text


def test_a_folder_in_its_place_is_told(log):
    sidecar_path(log).mkdir()
    with pytest.raises(SidecarError, match="can't be read: Is a directory"):
        read_sidecar(log)


def test_a_refused_change_changes_nothing(log):
    change_sidecar(log, tagged("a"))

    def refuse(_now):
        raise SidecarError("no")

    with pytest.raises(SidecarError):
        change_sidecar(log, refuse)
    assert read_sidecar(log).tags == ("a",)


def test_a_folder_that_takes_no_file_is_told(log):
    with pytest.raises(SidecarError, match="can't be written: No such file"):
        change_sidecar(log.parent / "none" / "x.jsonl", tagged("a"))


def test_changes_of_two_terminals_are_both_kept(log):
    entered = threading.Event()

    def second(now):
        entered.set()
        return tagged("b")(now)

    other = threading.Thread(target=change_sidecar, args=(log, second))

    def first(now):
        other.start()
        assert not entered.wait(0.3), "the second came in between"
        return tagged("a")(now)

    change_sidecar(log, first)
    other.join(10)
    assert read_sidecar(log).tags == ("a", "b")


@pytest.mark.parametrize("tag", ["", "a b", "a,b", "a=b", "x" * 41, "a\x1b[2J", "a\nb"])
def test_what_is_no_tag(tag):
    with pytest.raises(SidecarError, match="is no tag") as caught:
        checked_tags((tag,))
    assert str(caught.value).isprintable()


def test_tags_are_kept_once_each():
    assert checked_tags(("base", "größer", "base", "v1.2")) == ("base", "größer", "v1.2")


@pytest.mark.parametrize("name", ["a/b", "a:j1", "a@base", "last", "a.jsonl", "x" * 81, "a\x00b", "a\nb"])
def test_what_can_not_name_a_session(name):
    with pytest.raises(SidecarError, match="can't name a session"):
        checked_name(name)


def test_empty_names_and_notes_are_none():
    assert checked_name("  ") is None
    assert checked_name(" before the update ") == "before the update"
    assert checked_note("\n") is None
    assert checked_note("x" * 4000) is not None
    with pytest.raises(SidecarError, match="at most 4000"):
        checked_note("x" * 4001)


@given(st.text())
def test_whatever_is_a_tag_survives_a_round_trip(text):
    try:
        tags = checked_tags((text,))
    except SidecarError:
        return
    assert msgspec.json.decode(msgspec.json.encode(Sidecar(tags=tags)), type=Sidecar).tags == (text,)
