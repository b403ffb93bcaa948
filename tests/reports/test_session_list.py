from pathlib import Path

import msgspec
import pytest
from support.conversation import header

from llmtui import events as ev
from llmtui.log.library import SessionEntry
from llmtui.log.sidecar import Sidecar
from llmtui.reports.session_list import (
    COLUMNS,
    NAMES,
    FilterError,
    cells,
    columns_for,
    entry_data,
    filtered,
    opened_at,
    ordered,
)


def entry(name, *, status="completed", opened="2026-11-21T04:00:00Z", host="box", suite="quick", **changes):
    head = header(opened_at=opened, name=suite, hardware=ev.HardwareSnapshot(hostname=host))
    return SessionEntry(name, Path(f"/x/{name}.jsonl"), status, **{"header": head, "models": ("smol",), **changes})


A = entry("a", opened="2026-11-21T03:00:00Z", size=5, jobs=2, jobs_ended=2, verdicts=("not passed",))
B = entry(
    "b", opened="2026-11-21T05:00:00+02:00", host="Laptop", size=9, added=Sidecar(tags=("base", "v1"), name="old")
)
C = entry(
    "c", opened="2026-11-22T04:00:00Z", suite="long", models=("qwen3:4b",), jobs=7, added=Sidecar(note="Quiet room")
)
D = SessionEntry("d", Path("/x/d.jsonl"), "damaged", problem="not a log")
ALL = [C, A, B, D]
"""Newest first, as a list comes."""


def ids(entries):
    return "".join(entry.id for entry in entries)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), "cabd"),
        (("",), "cabd"),
        (("QUICK",), "ab"),
        (("quiet",), "c"),
        (("qwen3:4b",), "c"),
        (("base",), "b"),
        (("damaged",), "d"),
        (("tags=base",), "b"),
        (("tag=BASE",), "b"),
        (("model=qwen",), "c"),
        (("host=box",), "ca"),
        (("host=box", "suite=long"), "c"),
        (("verdict=not passed",), "a"),
        (("date=2026-11-22",), "c"),
        (("suite=box",), ""),
        (("nothing has this",), ""),
    ],
)
def test_a_filter_keeps(filters, found):
    assert ids(filtered(ALL, filters)) == found


def test_a_filter_by_what_is_no_column_names_those_there_are():
    with pytest.raises(FilterError, match="`temperature` is no column; there are session, state, date"):
        filtered(ALL, ("temperature=0",))


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("session", "abcd"),
        ("date", "cabd"),
        ("host", "cabd"),
        ("suite", "cabd"),
        ("models", "cabd"),
        ("state", "cabd"),
        ("size", "bacd"),
        ("jobs", "cabd"),
        ("tags", "bcad"),
        ("verdicts", "acbd"),
        ("name", "bcad"),
    ],
)
def test_the_order_of_a_column(column, order):
    assert ids(ordered(ALL, column)) == order


def test_backwards():
    assert ids(ordered([A, B, C], "session", backwards=True)) == "cba"
    assert set(NAMES) == {column.name for column in COLUMNS}


def test_moments_are_compared_and_not_their_texts():
    assert opened_at(A) == opened_at(B)
    assert opened_at(D) is None
    assert opened_at(entry("e", opened="yesterday")) is None
    assert opened_at(entry("e", opened="0001-01-01T00:00:00+14:00")) is None


def test_a_column_of_nothing_is_left_out():
    names = [column.name for column in columns_for([A, C])]
    assert "verdicts" in names
    assert "tags" not in names
    assert "name" not in names
    assert cells(D, columns_for([D])) == ("d", "damaged", "-", "-", "-", "-", "0 of 0", "0 B")


def test_plain_data_has_what_the_table_has():
    data = msgspec.json.decode(msgspec.json.encode(entry_data(B)))
    assert (data["host"], data["tags"], data["name"], data["note"]) == ("Laptop", ["base", "v1"], "old", None)
    assert (entry_data(D)["host"], entry_data(D)["suite"], entry_data(D)["problem"]) == (None, None, "not a log")


def test_a_session_that_repeats_another_says_which():
    child = entry("b", header=header(parent="a", parent_jobs=("j2", "j1")))
    assert "repeats" in [column.name for column in columns_for([child, C])]
    assert "repeats" not in [column.name for column in columns_for([C])]
    assert ids(filtered([child, C, D], ["repeats=j1 of a"])) == "b"
    assert (entry_data(child)["parent"], entry_data(C)["parent"], entry_data(D)["parent_jobs"]) == ("a", None, ())
