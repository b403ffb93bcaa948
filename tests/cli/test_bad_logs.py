"""Files that are no log, or damaged ones, given to each command: a sentence each, and what can be read is read."""

import os

import pytest
from click.testing import CliRunner
from support.conversation import queued, whole_session
from support.recorded_runs import write_session
from support.trees import as_ordinary_user

from llmtui import places
from llmtui.cli.main import llmtui
from llmtui.log.encode import encode_line

GOOD, BAD = "20261121-040000-good-aaaa", "20261121-050000-bad-bbbb"
COMMANDS = {
    "replay": ("replay", BAD, "--plain", "--speed", "max"),
    "export": ("export", BAD),
    "export of commands": ("export", BAD, "--format", "commands"),
    "compare, first": ("compare", BAD, GOOD),
    "compare, second": ("compare", GOOD, BAD),
    "check": ("check", BAD, "--against", GOOD, "--fail-on", "decode<-5%"),
    "attach": ("attach", BAD, "--plain"),
    "tail": ("tail", BAD, "--from-start"),
    "resume": ("resume", BAD, "--plain"),
    "report": ("report", BAD),
    "rerun": ("rerun", BAD, "--bad"),
}
READERS = {name: arguments for name, arguments in COMMANDS.items() if name not in {"resume", "report", "rerun"}}
NO_LOGS = {
    "0 bytes": (b"", "the file is empty; the engine ended before it wrote anything"),
    "binary": (bytes(range(256)) * 64, "not a log of llmtui"),
    "words": (b"plain words\n" * 9, "not a log of llmtui"),
    "other JSON": (b'{"some": "json"}\n' * 9, "not a log of llmtui"),
    "a cut header": (encode_line(whole_session()[0])[:-9], "the first line was cut off"),
    "a newer header": (
        b'{"ev":"session_opened","t":0,"format":9,"story":1}\n',
        "format 9, newer than 1; update llmtui",
    ),
}


def encoded(events):
    return b"".join(map(encode_line, events))


@pytest.fixture
def bad():
    """Where the bad file goes, beside a good one."""
    return write_session(GOOD, whole_session()).with_name(f"{BAD}.jsonl")


def invoke(*arguments):
    return CliRunner().invoke(llmtui, arguments, prog_name="llmtui")


def assert_one_sentence(result, sentence):
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in {1, 2}
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert result.stdout == ""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", NO_LOGS)
def test_a_file_that_is_no_log_gets_a_sentence(bad, command, kind):
    content, sentence = NO_LOGS[kind]
    bad.write_bytes(content)
    assert_one_sentence(invoke(*COMMANDS[command]), sentence)
    assert bad.read_bytes() == content


def no_permission(path):
    path.write_bytes(encoded(whole_session()))
    path.chmod(0)


NO_FILES = {
    "a folder": (lambda path: path.mkdir(), "a folder, not a log"),
    "a pipe": (os.mkfifo, "not a plain file"),
    "a loop of links": (lambda path: path.symlink_to(path), "can't be read: Too many levels of symbolic links"),
    "a link to nothing": (lambda path: path.symlink_to("nowhere"), "can't be read: No such file"),
    "no permission": (no_permission, "can't be read: Permission denied"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", NO_FILES)
def test_what_is_no_file_gets_a_sentence(bad, command, kind):
    make, sentence = NO_FILES[kind]
    make(bad)
    with as_ordinary_user():
        assert_one_sentence(invoke(*COMMANDS[command]), sentence)


@pytest.mark.parametrize("kind", [*NO_LOGS, *NO_FILES])
def test_the_list_names_what_is_wrong_and_goes_on(bad, kind):
    if kind in NO_LOGS:
        bad.write_bytes(NO_LOGS[kind][0])
        sentence = NO_LOGS[kind][1]
    else:
        NO_FILES[kind][0](bad)
        sentence = NO_FILES[kind][1]
    with as_ordinary_user():
        result = invoke("sessions")
    assert result.exit_code == 0
    assert GOOD in result.output
    assert BAD in result.output
    assert sentence.split(":")[-1].strip() in result.output


LINES = encoded(whole_session()).splitlines(keepends=True)
DAMAGED = {
    "cut in its last line": (b"".join(LINES)[:-5], "the last line was cut off and is left out"),
    "a line of garbage": (b"".join([*LINES[:4], b"\x00\xffgarbage\n", *LINES[4:]]), "no event could be read from line 5"),
    "an event nobody knows": (b"".join([*LINES[:4], b'{"ev":"tap","t":1}\n', *LINES[4:]]), "1 event of a type that this version does not know"),
    "out of order": (b"".join([*LINES[:3], encode_line(queued("j1", t=9 * 10**9)), *LINES[3:]]), "out of order by more than 5 s"),
    "a newer version": (b"".join(LINES).replace(b'"format":1', b'"format":2'), "the log has format 2, newer than 1"),
    "a damaged header": (b"".join([b"garbage\n", *LINES[1:]]), "the first line is no session header; what follows was read without it"),
}  # fmt: skip


@pytest.mark.parametrize("command", READERS)
@pytest.mark.parametrize("kind", DAMAGED)
def test_what_can_be_read_of_a_damaged_log_is_read_and_the_rest_is_said(bad, command, kind):
    content, sentence = DAMAGED[kind]
    bad.write_bytes(content)
    result = invoke(*READERS[command])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    if command == "tail":
        assert result.stdout_bytes == content, "a tail passes on what there is"
        return
    assert "Error: " not in result.output
    assert "j1" in result.stdout or "short" in result.stdout
    if kind == "cut in its last line" and command == "attach":
        sentence = "the engine ended without closing the session"
    if kind == "a damaged header" and command == "attach":
        sentence = "no event could be read from line 1"
    assert sentence in result.output
    whole = invoke(*(GOOD if word == BAD else word for word in READERS[command]))
    assert sentence not in whole.output, "the control: a whole log is not complained of"


def test_an_engine_that_ended_too_soon_has_its_last_words_told(bad):
    bad.write_bytes(DAMAGED["cut in its last line"][0])
    notes = places.engine_notes(bad)
    notes.parent.mkdir(parents=True)
    assert "the last that the engine said" not in invoke("attach", BAD, "--plain").output
    notes.write_text("some trouble\n38 events could not be written\x1b[2J; make room\n")
    told = invoke("attach", BAD, "--plain").output
    assert f"llmtui resume {BAD}" in told
    assert "the last that the engine said: 38 events could not be written\u241b[2J; make room\n" in told
    assert "some trouble" not in told


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_log_is_listed_with_its_damage(bad, kind):
    content, sentence = DAMAGED[kind]
    bad.write_bytes(content)
    result = invoke("sessions")
    assert BAD in result.output
    assert sentence.split(";")[0] in result.output


def test_a_log_that_is_cut_at_any_byte_is_exported_or_gets_a_sentence(bad):
    data = encoded(whole_session())
    for cut in range(0, len(data) + 1, 37):
        bad.write_bytes(data[:cut])
        result = invoke("export", BAD, "--format", "csv")
        if cut < len(LINES[0]) - 1:
            assert_one_sentence(result, "cut off" if cut else "the file is empty")
        else:
            assert result.exit_code == 0
            assert result.stdout.startswith("session")
