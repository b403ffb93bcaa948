import pytest

from llmtui.tui.glyphs import TIERS, choose_tier, glyphs_of


@pytest.mark.parametrize(
    ("environ", "encoding", "tty", "remote", "tier"),
    [
        ({"TERM": "xterm-256color"}, "utf-8", "/dev/pts/3", False, "braille"),
        ({"TERM": "xterm-256color"}, "UTF-8", "/dev/pts/3", True, "block"),
        ({"TERM": "xterm"}, "latin-1", "/dev/pts/3", False, "ascii"),
        ({"TERM": "linux"}, "utf-8", None, False, "ascii"),
        ({"TERM": "xterm"}, "utf-8", "/dev/tty1", False, "ascii"),
        ({"TERM": "xterm"}, None, None, False, "ascii"),
    ],
)
def test_the_tier_follows_the_terminal(environ, encoding, tty, remote, tier):
    assert choose_tier(environ, encoding, tty, remote=remote) == tier


def test_ascii_is_ascii_and_no_sign_is_used_twice():
    assert "".join(glyphs_of("ascii")[1:]).isascii()
    for tier in TIERS:
        states = glyphs_of(tier)[1:8]
        assert len(set(states)) == len(states)
