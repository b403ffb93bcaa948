import subprocess
import sys

import pytest

from llmtui.tui.profile import ProfileError, detect_profile, prepare_textual


def test_ssh_gets_fewer_frames_blocks_and_no_mouse():
    local = detect_profile({}, encoding="utf-8")
    remote = detect_profile({"SSH_CONNECTION": "1 2 3 4"}, encoding="utf-8")
    assert (local.remote, local.tier, local.mouse) == (False, "braille", True)
    assert (remote.remote, remote.tier, remote.mouse) == (True, "block", False)
    assert remote.frame_s > local.frame_s
    assert remote.fps < local.fps


def test_what_the_user_chose_wins():
    assert detect_profile({"SSH_TTY": "x"}, encoding="utf-8", glyphs="braille").tier == "braille"
    assert detect_profile({"LLMTUI_GLYPHS": "ascii"}, encoding="utf-8").tier == "ascii"
    assert detect_profile({"LLMTUI_THEME": "light"}, encoding="utf-8").theme == "light"
    with pytest.raises(ProfileError, match="there are: braille, block, ascii"):
        detect_profile({"LLMTUI_GLYPHS": "dots"}, encoding="utf-8")


def test_no_color_takes_the_terminals_own_palette():
    assert detect_profile({"NO_COLOR": "1"}, encoding="utf-8", theme="light").theme == "ansi"
    assert detect_profile({"NO_COLOR": ""}, encoding="utf-8", theme="light").theme == "light"


def test_textual_is_told_before_it_is_imported():
    environ = {"NO_COLOR": "", "TEXTUAL_FPS": "7", "COLUMNS": "80", "LINES": "24"}
    prepare_textual(detect_profile(environ, encoding="utf-8"), environ)
    assert environ == {"TEXTUAL_FPS": "7", "TEXTUAL_ANIMATIONS": "none"}
    code = "import sys, llmtui.tui.profile; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
