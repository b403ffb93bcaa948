import base64
import stat

import pytest

from llmtui.tui.clipboard import LONGEST_SEQUENCE, copy_text


def copied(text, tmp_path, environ, **options):
    written = []
    said = copy_text(text, written.append, tmp_path, environ, **options)
    return "".join(written), said


def sequence_of(text):
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"


def test_the_terminal_and_a_file_get_it(tmp_path):
    sequence, said = copied("a\tb\n", tmp_path, {})
    assert sequence == sequence_of("a\tb\n")
    path = tmp_path / "clipboard.txt"
    assert path.read_text() == "a\tb\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert said == f"copied to the terminal's clipboard, and to {path}"


def test_the_file_has_the_name_of_its_kind_and_is_the_owners_alone(tmp_path):
    (tmp_path / "copied.sh").write_text("an old one that is longer")
    (tmp_path / "copied.sh").chmod(0o644)
    _, said = copied("ls", tmp_path, {}, name="copied.sh")
    assert (tmp_path / "copied.sh").read_text() == "ls"
    assert stat.S_IMODE((tmp_path / "copied.sh").stat().st_mode) == 0o600
    assert said.endswith("copied.sh")


def test_tmux_gets_it_wrapped(tmp_path):
    sequence, said = copied("x", tmp_path, {"TMUX": "/tmp/tmux"})
    assert sequence == "\x1bPtmux;" + sequence_of("x").replace("\x1b", "\x1b\x1b") + "\x1b\\"
    assert "allow-passthrough" in said


def test_what_is_too_long_goes_to_the_file_only(tmp_path):
    most = LONGEST_SEQUENCE // 4 * 3
    assert len(copied("x" * most, tmp_path, {})[0]) > most
    sequence, said = copied("x" * (most + 3), tmp_path, {})
    assert sequence == ""
    assert said == f"too long for the terminal's clipboard; it is in {tmp_path / 'clipboard.txt'}"
    assert (tmp_path / "clipboard.txt").read_text() == "x" * (most + 3)


@pytest.mark.parametrize("text", ["short", "x" * LONGEST_SEQUENCE])
def test_a_file_that_can_not_be_written_is_said_and_stops_nothing(tmp_path, text):
    (tmp_path / "file").write_text("in the way")
    sequence, said = copied(text, tmp_path / "file", {})
    assert (sequence == "") is (text != "short")
    assert "can't be written" in said
    assert ("copied to the terminal's clipboard; " in said) is (text == "short")
    assert ("not copied" in said) is (text != "short")


def test_any_text_can_be_copied(tmp_path):
    sequence, _ = copied("a\udc80b\x1b]52;c;eA==\x07", tmp_path, {})
    assert sequence == sequence_of("a?b\x1b]52;c;eA==\x07")
    assert sequence.count("\x1b") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["clipboard.txt"], "nothing else is left"
