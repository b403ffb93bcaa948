import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from support.conversation import header, whole_session

from llmtui import events as ev
from llmtui import places
from llmtui.cli.main import llmtui
from llmtui.log.reference import render_schema

A, B = "20261121-040000-quick-aaaa", "20261121-050000-long-bbbb"


def invoke(*arguments, **options):
    return CliRunner().invoke(llmtui, ["sessions", *arguments], catch_exceptions=False, prog_name="llmtui", **options)


@pytest.fixture
def two():
    folder = places.sessions_folder()
    folder.mkdir(parents=True)
    for name, moment, suite in ((A, "04", "quick"), (B, "05", "long")):
        head = header(opened_at=f"2026-11-21T{moment}:00:00Z", name=suite, hardware=ev.HardwareSnapshot(hostname="box"))
        events = [head, *whole_session()[1:]]
        (folder / f"{name}.jsonl").write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return folder


def rows(*arguments):
    return [json.loads(line) for line in invoke("--json", *arguments).output.splitlines()]


def test_the_list_is_filtered_and_sorted(two):
    assert [row["session"] for row in rows()] == [B, A]
    assert [row["session"] for row in rows("--sort", "session")] == [A, B]
    assert [row["session"] for row in rows("--sort", "session", "--reverse")] == [B, A]
    assert [row["session"] for row in rows("--filter", "suite=quick")] == [A]
    assert A not in invoke("--filter", "long").output
    nothing = invoke("--filter", "nowhere")
    assert (nothing.exit_code, "none of 2 sessions" in nothing.output) == (0, True)
    wrong = invoke("--filter", "speed=1")
    assert (wrong.exit_code, "`speed` is no column" in wrong.output) == (2, True)
    assert invoke("--sort", "speed").exit_code == 2


def test_a_second_list_says_the_same_and_an_index_is_kept_elsewhere(two):
    before = sorted(two.iterdir())
    assert invoke().output == invoke().output
    assert sorted(two.iterdir()) == before


def test_tags_come_and_go(two):
    assert invoke("tag", "aaaa", "base", "v1").output == f"{A}: tags base, v1\n"
    assert invoke("tag", "aaaa", "v1", "x").output == f"{A}: tags base, v1, x\n"
    assert [row["session"] for row in rows("--filter", "tag=base")] == [A]
    assert "base, v1" in invoke().output
    assert "tags" in invoke().output.splitlines()[0].split()
    assert invoke("untag", "aaaa", "base", "x").output == f"{A}: tags v1\n"
    unknown = invoke("untag", "aaaa", "base")
    assert (unknown.exit_code, "no tag base; its tags are v1" in unknown.output) == (1, True)
    assert invoke("untag", "aaaa", "v1").output == f"{A}: tags none\n"
    assert "tags" not in invoke().output.splitlines()[0].split()
    for wrong in (("tag", "aaaa", "a,b"), ("tag", "zzzz", "a")):
        assert invoke(*wrong).exit_code == 1
    assert invoke("tag", "aaaa").exit_code == 2


def test_a_name_finds_its_session(two):
    assert invoke("rename", "aaaa", "before").output == f"{A}: called before\n"
    assert invoke("note", "before", "quiet room").output == f"{A}: noted\n"
    assert f"{A}: note: quiet room" in invoke().output
    taken = invoke("rename", "bbbb", "before")
    assert (taken.exit_code, f"{A} is called `before`" in taken.output) == (1, True)
    assert invoke("rename", "bbbb", A).exit_code == 1, "the id of another session"
    assert invoke("rename", "before", "before").exit_code == 0, "its own name is not taken"
    assert invoke("rename", "before", "").output == f"{A}: has no name\n"
    assert invoke("note", "aaaa", "").output == f"{A}: has no note\n"
    for wrong in ("a/b", "x" * 5000):
        assert invoke("rename", "aaaa", wrong).exit_code == 1


def test_a_note_acts_on_no_terminal(two):
    invoke("note", "aaaa", "red\x1b[31m")
    assert "\x1b" not in invoke().output


def test_delete_restore_and_empty(two):
    deleted = invoke("delete", "aaaa", "bbbb")
    assert f"`llmtui sessions restore {A}` brings it back" in deleted.output
    assert "no sessions in" in invoke().output
    assert A in invoke("trash").output
    assert {json.loads(line)["session"] for line in invoke("trash", "--json").output.splitlines()} == {A, B}
    assert invoke("restore", "aaaa").output == f"{A}: restored\n"
    assert [row["session"] for row in rows()] == [A]
    refused = invoke("trash", "--empty")
    assert (refused.exit_code, "deletes 1 session for good; say --yes" in refused.output) == (1, True)
    assert B in invoke("trash").output
    assert invoke("trash", "--empty", "--yes").output == "1 session deleted for good\n"
    assert invoke("trash").output == "the trash is empty\n"
    assert invoke("restore", "bbbb").exit_code == 1
    assert [row["session"] for row in rows()] == [A], "what is not in the trash stays"


def test_a_mistyped_name_deletes_nothing(two):
    assert invoke("delete", "aaaa", "zzzz").exit_code == 1
    assert len(rows()) == 2


def test_the_schema_is_printed():
    assert invoke("schema").output == render_schema()


FOREIGN = Path(__file__).parents[1] / "log" / "samples" / "foreign"


def test_another_tools_log_becomes_a_session_like_any_other():
    result = invoke("import", str(FOREIGN / "aiperf-0.13.0.jsonl"), "--model", "qwen3")
    assert result.exit_code == 0
    assert result.output.endswith(": 3 requests of aiperf\n")
    (row,) = rows()
    assert (row["suite"], row["models"], row["state"], row["host"]) == ("aiperf", ["qwen3"], "completed", None)
    exported = CliRunner().invoke(llmtui, ["export", "aiperf", "--what", "requests"], catch_exceptions=False)
    (_warm_up, first, _second) = json.loads(exported.stdout)["rows"]
    assert (first["sources"]["ttft_ns"], first["missing"]["prefill_rate"]) == (
        "imported",
        "the imported log does not say",
    )
    again = invoke("import", str(FOREIGN / "aiperf-0.13.0.jsonl"))
    assert (again.exit_code, "was imported already" in again.output) == (1, True)


def test_what_is_no_log_of_a_tool_is_refused(tmp_path):
    (tmp_path / "x\x1b").write_bytes(b"x")
    result = invoke("import", str(tmp_path / "x\x1b"))
    assert (result.exit_code, "not a log that is known" in result.output, "\x1b" in result.output) == (1, True, False)
