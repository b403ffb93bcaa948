from pathlib import Path

from support.conversation import header, queued

from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.actions import ACTIONS, PANES, Situation, footer_text, help_lines, render_key_table
from llmtui.tui.screens.session import SessionScreen

README = Path(__file__).parents[2] / "README.md"


def situation(controllable, pane="stream"):
    state = SessionState()
    apply_all(state, [header(), queued()])
    return Situation(state, controllable, pane)


def test_no_key_means_two_things():
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_every_action_is_carried_out_by_the_screen():
    for action in ACTIONS:
        if not action.id.startswith("pane_"):
            assert callable(getattr(SessionScreen, f"_do_{action.id}", None)), action.id
    assert {f"pane_{name}" for name in PANES} <= {action.id for action in ACTIONS}


def test_escape_never_leaves():
    assert next(action.id for action in ACTIONS if "escape" in action.keys) == "back"


def test_what_is_off_says_why():
    off = "\n".join(help_lines(situation(controllable=False)))
    on = "\n".join(help_lines(situation(controllable=True)))
    assert "off: no engine runs for this session" in off
    assert "off: no engine" not in on


def test_the_footer_fits_and_shows_what_is_possible():
    assert "pause queue" in footer_text(situation(controllable=True), 200)
    assert "pause queue" not in footer_text(situation(controllable=False), 200)
    for width in (0, 10, 40, 80):
        assert len(footer_text(situation(controllable=True), width)) <= width


def test_the_readme_has_the_table_of_keys_as_it_is():
    assert render_key_table() in README.read_text(encoding="utf-8"), "run: make docs"
