from pathlib import Path

from support.conversation import header, queued

from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.actions import (
    ACTIONS,
    BY_ID,
    PANES,
    Situation,
    action_for,
    footer_text,
    help_lines,
    keys_in_use,
    render_key_table,
)
from llmtui.tui.screens.panes import MOVES
from llmtui.tui.screens.replay_keys import ReplayKeys
from llmtui.tui.screens.session import SessionScreen

README = Path(__file__).parents[2] / "README.md"


def situation(controllable, pane="stream"):
    state = SessionState()
    apply_all(state, [header(), queued()])
    return Situation(state, controllable, pane)


def test_no_key_means_two_things_at_once():
    for replay in (False, True):
        keys = [key for action in ACTIONS for key in action.keys if action.replay == replay]
        assert len(keys) == len(set(keys))
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)


def test_a_key_of_the_replay_means_something_else_while_nothing_is_played():
    live, played = situation(controllable=True), situation(controllable=False)._replace(replay=True)
    assert action_for("space", live).id == "select"
    assert action_for("space", played).id == "replay_play"
    assert action_for("z", played).id == action_for("z", live).id == "zoom"
    assert set(keys_in_use()) == {key for action in ACTIONS for key in action.keys}
    assert "Ten seconds back" not in "\n".join(help_lines(live))
    assert "Ten seconds back" in "\n".join(help_lines(played))
    assert BY_ID["replay_play"].why_off(live) == "only in a replay"


def test_every_action_is_carried_out_by_the_screen():
    for action in ACTIONS:
        if action.id.startswith("pane_") or action.id in MOVES:
            continue
        if action.replay and action.id != "replay_go_to":
            assert callable(getattr(ReplayKeys, action.id.removeprefix("replay_"), None)), action.id
        else:
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
