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
from llmtui.tui.screens.queue_keys import QUEUE_ACTIONS, QueueKeys
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
        elif action.id in QUEUE_ACTIONS:
            assert callable(getattr(QueueKeys, action.id, None)), action.id
        else:
            assert callable(getattr(SessionScreen, f"_do_{action.id}", None)), action.id
    assert {f"pane_{name}" for name in PANES} | QUEUE_ACTIONS <= {action.id for action in ACTIONS}


def test_escape_never_leaves():
    assert next(action.id for action in ACTIONS if "escape" in action.keys) == "back"


def test_what_is_off_says_why():
    off = "\n".join(help_lines(situation(controllable=False)))
    on = "\n".join(help_lines(situation(controllable=True)))
    assert "off: no engine runs for this session" in off
    assert "off: no engine" not in on


def test_what_runs_jobs_again_is_on_while_an_engine_runs_and_where_a_new_session_can_begin():
    live, over = situation(controllable=True), situation(controllable=False)
    again = ("rerun", "rerun_bad", "clone", "repeat")
    for name in again:
        assert BY_ID[name].why_off(live) is None
        assert BY_ID[name].why_off(over) == "no engine runs for this session"
        assert BY_ID[name].why_off(over._replace(renewable=True)) is None
        nothing = over._replace(renewable=True, state=SessionState())
        assert BY_ID[name].why_off(nothing) == "there are no jobs yet"
    for name in ("skip", "pause_queue", "stop", "mark"):
        assert BY_ID[name].why_off(over._replace(renewable=True)) == "no engine runs for this session"


def test_jobs_are_moved_on_the_queue_alone_and_only_by_an_engine():
    for name in ("move_up", "move_down"):
        assert BY_ID[name].why_off(situation(controllable=True, pane="queue")) is None
        assert BY_ID[name].why_off(situation(controllable=True)) == "only in the pane queue"
        assert BY_ID[name].why_off(situation(controllable=False, pane="queue")) == "no engine runs for this session"


def test_keys_that_a_replay_takes_for_itself_have_another_one_there():
    played = situation(controllable=False)._replace(replay=True, renewable=True)
    for name in ("select", "repeat"):
        assert any(action_for(key, played).id == name for key in BY_ID[name].keys), name


def test_the_footer_fits_and_shows_what_is_possible():
    assert "pause queue" in footer_text(situation(controllable=True), 200)
    assert "pause queue" not in footer_text(situation(controllable=False), 200)
    for width in (0, 10, 40, 80):
        assert len(footer_text(situation(controllable=True), width)) <= width


def test_the_readme_has_the_table_of_keys_as_it_is():
    assert render_key_table() in README.read_text(encoding="utf-8"), "run: make docs"
