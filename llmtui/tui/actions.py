"""The one registry of what a user can do. Bindings, footer, help, palette and the README's table come from it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from llmtui.state.session import SessionState


class Situation(NamedTuple):
    """What decides whether an action is possible.

    The state, whether commands can be sent, which pane has the focus, whether a recorded session is played, and whether
    a new session can be started from this one, which has ended.
    """

    state: "SessionState"
    controllable: bool
    pane: str
    replay: bool = False
    renewable: bool = False


Reason = Callable[[Situation], str | None]
"""Returns why an action is off now, or None when it is on."""


class Action(NamedTuple):
    """One thing to do. `pane` restricts it to a pane; the first key is shown; `footer` puts it into the last line.

    With `replay` it is there only while a recorded session is played, and its keys then mean this and nothing else.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    group: str
    pane: str | None = None
    footer: bool = False
    reason: Reason = lambda _situation: None
    replay: bool = False

    def why_off(self, situation: Situation) -> str | None:
        """Return why the action is off, or None when it can be done."""
        if self.replay and not situation.replay:
            return "only in a replay"
        if self.pane is not None and situation.pane != self.pane:
            return f"only in the pane {self.pane}"
        return self.reason(situation)


def _needs_engine(situation: Situation) -> str | None:
    return None if situation.controllable else "no engine runs for this session"


def _needs_queue(situation: Situation) -> str | None:
    """Jobs are run again by the engine, or in a new session once there is none."""
    if not situation.controllable and not situation.renewable:
        return "no engine runs for this session"
    return _needs_results(situation)


def _needs_results(situation: Situation) -> str | None:
    return None if situation.state.jobs else "there are no jobs yet"


def _needs_two_jobs(situation: Situation) -> str | None:
    ran = sum(1 for job in situation.state.jobs.values() if job.requests)
    return None if ran > 1 else "fewer than two jobs have run"


def _needs_grid(situation: Situation) -> str | None:
    plans = (job.plan for job in situation.state.jobs.values())
    return None if any(plan and plan.point for plan in plans) else "this session has no grid"


def _replay(name: str, keys: tuple[str, ...], title: str, text: str, *, footer: bool = False) -> Action:
    return Action(f"replay_{name}", keys, title, text, "replay", footer=footer, replay=True)


PANES = ("queue", "stream", "hardware", "results", "alerts")

ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"pane_{name}", (str(number),), name, f"Go to the pane {name}", "move")
        for number, name in enumerate(PANES, 1)
    ),
    Action("next_pane", ("tab",), "next pane", "Go to the next pane", "move"),
    Action("previous_pane", ("shift+tab",), "previous pane", "Go to the pane before", "move"),
    Action("zoom", ("z",), "zoom", "Show only this pane, or all of them again", "move", footer=True),
    Action("down", ("j", "down"), "down", "One row down", "move"),
    Action("up", ("k", "up"), "up", "One row up", "move"),
    Action("left", ("h", "left"), "left", "Show what stands further left", "move"),
    Action("right", ("l", "right"), "right", "Show what stands further right", "move"),
    Action("half_down", ("ctrl+d", "pagedown"), "page down", "Half a page down", "move"),
    Action("half_up", ("ctrl+u", "pageup"), "page up", "Half a page up", "move"),
    Action("top", ("g", "home"), "top", "To the first row", "move"),
    Action("end", ("G", "end"), "end", "To the last row; the stream follows its end again", "move"),
    Action("details", ("enter",), "details", "All that is known of the job under the cursor", "look", footer=True),
    Action("pause_view", ("p",), "pause view", "Freeze the screen; measuring goes on", "look", footer=True),
    Action("charts", ("v",), "charts", "The figures over time, over the whole screen", "look", footer=True),
    Action(
        "compare",
        ("V",),
        "compare",
        "Compare the selected rows, else the variants of this session: tables and charts",
        "look",
        reason=_needs_two_jobs,
    ),
    Action("heat_map", ("H",), "heat map", "The points of a grid, and which is best", "look", reason=_needs_grid),
    Action("window_longer", ("plus", "equals_sign"), "longer", "Show a longer span of time in the graphs", "look"),
    Action("window_shorter", ("minus",), "shorter", "Show a shorter span of time in the graphs", "look"),
    Action(
        "copy_row",
        ("y",),
        "copy",
        "Copy the row under the cursor, or the commands that measure it again",
        "look",
        reason=_needs_results,
    ),
    Action(
        "copy_table", ("Y",), "copy table", "Copy the results as TSV, JSON or Markdown", "look", reason=_needs_results
    ),
    Action("select", ("space", "t"), "select", "Select the row under the cursor, or no longer", "run"),
    Action(
        "pause_queue", ("P",), "pause queue", "Let no further request start, or go on", "run", None, True, _needs_engine
    ),
    Action(
        "skip",
        ("x",),
        "skip",
        "Skip or cancel the selected jobs, else the one under the cursor of the queue, else the one that runs",
        "run",
        None,
        True,
        _needs_engine,
    ),
    Action(
        "rerun",
        ("r",),
        "rerun",
        "Run the selected jobs again; in a new session once this one has ended",
        "run",
        None,
        True,
        _needs_queue,
    ),
    Action(
        "rerun_bad",
        ("R",),
        "rerun bad",
        "Run again what failed, was throttled or client-bound, or is an outlier",
        "run",
        reason=_needs_queue,
    ),
    Action("clone", ("c",), "clone", "Run a job with one parameter changed", "run", reason=_needs_queue),
    Action(
        "repeat",
        ("full_stop", "u"),
        "repeat",
        "Run the selected jobs until their rates are known to 2 %",
        "run",
        reason=_needs_queue,
    ),
    Action(
        "move_up",
        ("K", "shift+up"),
        "earlier",
        "Let the job that waits run earlier",
        "run",
        "queue",
        True,
        _needs_engine,
    ),
    Action(
        "move_down",
        ("J", "shift+down"),
        "later",
        "Let the job that waits run later",
        "run",
        "queue",
        False,
        _needs_engine,
    ),
    Action("stop", ("s",), "stop", "End the session after the job that runs", "run", None, False, _needs_engine),
    Action("mark", ("m",), "marker", "Put a marker at this moment", "run", None, True, _needs_engine),
    _replay("play", ("space",), "play", "Play, or stand still", footer=True),
    _replay("slower", ("less_than_sign",), "slower", "Half the speed"),
    _replay("faster", ("greater_than_sign",), "faster", "Twice the speed, up to 64x"),
    _replay("back", ("left_square_bracket",), "back", "Ten seconds back", footer=True),
    _replay("forward", ("right_square_bracket",), "on", "Ten seconds on", footer=True),
    _replay(
        "previous_landmark",
        ("left_curly_bracket",),
        "last event",
        "To the last alert, marker, error, job or throttling",
    ),
    _replay(
        "next_landmark",
        ("right_curly_bracket",),
        "next event",
        "To the next alert, marker, error, job or throttling",
        footer=True,
    ),
    _replay("step_back", ("comma",), "step back", "One event back, and stand still"),
    _replay("step_on", ("full_stop",), "step", "One event on, and stand still"),
    _replay("go_to", ("g",), "go to", "Go to a moment: 12:30, 50%, j3, alert, marker, error, throttle", footer=True),
    Action("palette", ("colon", "ctrl+p"), "palette", "Find an action by its name", "general", footer=True),
    Action("help", ("question_mark", "f1"), "help", "What this pane shows, and the keys", "general", footer=True),
    Action("back", ("escape",), "back", "Close what is open, or stop a jump on its way; never leaves", "general"),
    Action("leave", ("q",), "leave", "Leave; a run goes on unless you stop it", "general", footer=True),
)

BY_ID = {action.id: action for action in ACTIONS}

KEY_NAMES = {
    "question_mark": "?",
    "colon": ":",
    "full_stop": ".",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "comma": ",",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "escape": "esc",
    "pagedown": "page down",
    "pageup": "page up",
}


def action_for(key: str, situation: Situation) -> Action:
    """Return what a key means now: in a replay its own actions come first."""
    meant = [action for action in ACTIONS if key in action.keys]
    return next((action for action in meant if action.replay and situation.replay), meant[0])


def keys_in_use() -> list[str]:
    """Return every key that means something."""
    return list(dict.fromkeys(key for action in ACTIONS for key in action.keys))


def key_name(key: str) -> str:
    """Return a key as people write it."""
    return KEY_NAMES.get(key, key)


def footer_text(situation: Situation, width: int) -> str:
    """Return as many hints as fit into `width`, those that are possible now."""
    parts: list[str] = []
    for action in reversed(ACTIONS):
        if action.footer and action.why_off(situation) is None:
            part = f"{key_name(action.keys[0])} {action.title}"
            if sum(map(len, parts)) + 2 * len(parts) + len(part) <= width:
                parts.append(part)
    return "  ".join(parts)


def help_lines(situation: Situation) -> list[str]:
    """Return the keys by group, each with its help; one that is off says why."""
    lines = []
    for group in dict.fromkeys(action.group for action in ACTIONS):
        if group == "replay" and not situation.replay:
            continue
        lines.append(group)
        for action in ACTIONS:
            if action.group == group:
                reason = action.why_off(situation)
                keys = ", ".join(key_name(key) for key in action.keys)
                lines.append(f"  {keys:<16} {action.help}{f'  (off: {reason})' if reason else ''}")
        lines.append("")
    return lines


def render_key_table() -> str:
    """Return the table of keys in Markdown, for the README."""
    lines = ["| key | does |", "|---|---|"]
    for action in ACTIONS:
        keys = ", ".join(f"`{key_name(key)}`" for key in action.keys)
        lines.append(f"| {keys} | {action.help}{' (in a replay)' if action.replay else ''} |")
    return "\n".join(lines)
