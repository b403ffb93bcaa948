import base64
import stat

from llmtui.tui.clipboard import LONGEST_SEQUENCE, copy_text


def copied(text, tmp_path, environ):
    written = []
    said = copy_text(text, written.append, tmp_path, environ)
    return "".join(written), said


def test_the_terminal_and_a_file_get_it(tmp_path):
    sequence, said = copied("a\tb\n", tmp_path, {})
    encoded = base64.b64encode(b"a\tb\n").decode()
    assert sequence == f"\x1b]52;c;{encoded}\x07"
    path = tmp_path / "clipboard.txt"
    assert path.read_text() == "a\tb\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in said


def test_tmux_gets_it_wrapped(tmp_path):
    sequence, said = copied("x", tmp_path, {"TMUX": "/tmp/tmux"})
    assert sequence.startswith("\x1bPtmux;\x1b\x1b]52;c;")
    assert sequence.endswith("\x1b\\")
    assert "allow-passthrough" in said


def test_what_is_too_long_goes_to_the_file_only(tmp_path):
    sequence, said = copied("x" * LONGEST_SEQUENCE, tmp_path, {})
    assert sequence == ""
    assert "too long" in said
