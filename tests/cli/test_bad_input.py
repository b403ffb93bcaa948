"""What people mistype: each is one sentence that says what is wrong and where, with its exit code, and nothing begins."""

import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from support.summaries import SESSIONS

from llmtui import places
from llmtui.cli.main import llmtui

USAGE, REFUSED = 2, 1
"""Exit codes: what can't be a command, and what can't be done."""


def invoke(*arguments):
    return CliRunner().invoke(llmtui, arguments, catch_exceptions=False, prog_name="llmtui")


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A folder of one's own with wrong files in it, and two sessions."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary.yaml").write_bytes(b"\x00\xff\xfe")
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "list.yaml").write_text("[1, 2]\n")
    folder = places.sessions_folder()
    folder.mkdir(parents=True)
    for name, recorded in (("20261121-040000-mix-aaaa", "mix"), ("20261121-050000-report-bbbb", "report")):
        (folder / f"{name}.jsonl").write_text((SESSIONS / f"{recorded}.jsonl").read_text())


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("run", ""), REFUSED, "there is no suite ``; there are: batch,"),
        (("run", "nosuch"), REFUSED, "there is no suite `nosuch`; there are: batch,"),
        (
            ("run", "./folder"),
            REFUSED,
            "./folder is a folder; name a file of it, or a suite that `llmtui suites` lists",
        ),
        (("run", "missing.yaml"), REFUSED, "missing.yaml: there is no such suite file"),
        (("run", "binary.yaml"), REFUSED, "binary.yaml: can't be read: it is no text in UTF-8"),
        (("run", "empty.yaml"), REFUSED, "empty.yaml:1: a mapping of keys is expected here, such as `name: quick`"),
        (("run", "list.yaml"), REFUSED, "list.yaml:1: a mapping of keys is expected here"),
        (("run", "quick", "--url", ""), USAGE, "'' is no URL of a server: write HOST:PORT or http://HOST:PORT"),
        (("run", "quick", "--url", "ftp://box"), USAGE, "'ftp://box' is no URL of a server"),
        (("run", "quick", "--url", "http://box:70000"), USAGE, "with a port up to 65535"),
        (("run", "quick", "--url", "box:0"), USAGE, "with a port up to 65535"),
        (
            ("run", "quick", "--url", "http://me:secret@box"),
            USAGE,
            "must not hold a user or password: give the API key",
        ),
        (("run", "quick", "--set", "targets=[ftp://box]"), REFUSED, "`targets[0]`: 'ftp://box' is no URL of a server"),
        (("run", "quick", "--set", "iterations=-1"), REFUSED, "`iterations` is -1; it must be at least 1"),
        (("run", "quick", "--set", f"iterations={10**22}"), REFUSED, "it must be at most 10000"),
        (("run", "quick", "--set", "warmup=1001"), REFUSED, "`warmup` is 1001; it must be at most 1000"),
        (("run", "quick", "--set", "limits.nosuch=1"), REFUSED, "`limits`: there is no key `nosuch`"),
        (("run", "quick", "--rate", "nan"), USAGE, "--rate takes numbers such as 1,2,4, not `nan`"),
        (("run", "quick", "--model", ""), USAGE, "a model has no empty name; `llmtui discover` lists the models"),
        (("run", "quick", "--out", "empty.yaml"), REFUSED, "empty.yaml is no folder; name another one"),
        (("run", "quick", "--plain", "--detach"), USAGE, "--plain and --detach exclude each other"),
        (("replay", ""), REFUSED, "the name of a session is empty; see `llmtui sessions`"),
        (("replay", "folder"), REFUSED, "folder is no session: it is a folder; name a log, which ends in .jsonl"),
        (("replay", "./folder"), REFUSED, "./folder is no session: it is a folder; name a log, which ends in .jsonl"),
        (("replay", "binary.yaml"), REFUSED, "binary.yaml is no session: a log ends in .jsonl"),
        (("compare", "./folder", "aaaa"), USAGE, "./folder is no session: it is a folder"),
        (("sessions", "delete", ""), REFUSED, "the name of a session is empty"),
        (("history", "nosuch"), USAGE, "Invalid value for 'FIGURE': 'nosuch' is not one of 'ttft'"),
        (("ctl", "pause"), REFUSED, "20261121-050000-report-bbbb: no engine runs for this session"),
        (("ctl", "mark", " "), USAGE, "a marker needs a LABEL"),
        (("ctl", "repeat", "j1", "--within", "200"), USAGE, "--within is 200; it takes a percentage between 0 and 100"),
        (("rerun", "aaaa", "--within", "nan"), USAGE, "--within is nan; it takes a percentage between 0 and 100"),
        (("discover", "--url", "box:70000"), USAGE, "'box:70000' is no URL of a server"),
        (("doctor", "--url", "http://127.0.0.1:99999"), USAGE, "'http://127.0.0.1:99999' is no URL of a server"),
        (("--url", "http://127.0.0.1:99999"), USAGE, "'http://127.0.0.1:99999' is no URL of a server"),
        (("suites", "show", "binary.yaml"), REFUSED, "binary.yaml: can't be read: it is no text in UTF-8"),
        (("sampler", "--interval", "inf"), USAGE, "--interval is inf; it takes 0.05 to 86400 seconds"),
        (("sampler", "--count", "0"), USAGE, "0 is not in the range x>=1"),
    ],
)
def test_a_slip_is_one_sentence_with_a_code_and_nothing_begins(arguments, code, sentence):
    before = sorted(places.sessions_folder().iterdir())
    result = invoke(*arguments)
    assert result.exit_code == code, result.output
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error: ")]
    assert sentence in line
    assert line == result.output.splitlines()[-1]
    assert "secret" not in result.output
    assert sorted(places.sessions_folder().iterdir()) == before


@pytest.mark.parametrize(
    "arguments", [("sessions",), ("run", "quick"), ("advise",), ("history", "decode"), ("ctl", "stop")]
)
def test_a_file_in_the_place_of_the_folder_for_sessions_is_said_by_every_command(arguments, monkeypatch, tmp_path):
    monkeypatch.setenv("LLMTUI_SESSIONS", str(tmp_path / "empty.yaml"))
    result = invoke(*arguments)
    assert result.exit_code == REFUSED
    assert "empty.yaml, which LLMTUI_SESSIONS names, is no folder; name another one" in result.output


def test_what_is_right_is_not_refused():
    """The negative control: the same checks let through what people mean."""
    assert invoke("suites", "show", "quick").exit_code == 0
    assert invoke("replay", "aaaa", "--plain", "--speed", "max").exit_code == 0
    assert invoke("sampler", "--once", "--interval", "0.05").exit_code == 0


@pytest.mark.parametrize(("encoding", "sign"), [("latin-1", "~"), ("utf-8", "…")])
def test_a_terminal_that_can_not_show_the_sign_of_a_cut_gets_another_of_the_same_width(encoding, sign):
    listed = subprocess.run(
        [sys.executable, "-m", "llmtui", "sessions"],
        capture_output=True,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": encoding, "COLUMNS": "80"},
    ).stdout.decode(encoding)
    assert sign in listed
    assert max(map(len, listed.splitlines()[:4])) <= 80
