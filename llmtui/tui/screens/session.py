"""The session screen: five panes, fed by the pump; live runs, attached ones and replays look the same here."""

from contextlib import suppress
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static

from llmtui import control
from llmtui.control import ControlError
from llmtui.tui.actions import BY_ID, PANES, Situation, action_for, help_lines, keys_in_use
from llmtui.tui.frame import Pump
from llmtui.tui.key_order import Line, OrderedScreen, Typed
from llmtui.tui.own_use import OwnUseMeter
from llmtui.tui.playback import Playback
from llmtui.tui.projections.results import result_details
from llmtui.tui.projections.status import Link
from llmtui.tui.screens.charts import Charts
from llmtui.tui.screens.copy_keys import CopyKeys
from llmtui.tui.screens.edges import Edges
from llmtui.tui.screens.leave import LeaveChoice, LeaveQuestion
from llmtui.tui.screens.page import Page
from llmtui.tui.screens.panes import MOVES, PANE_TYPES, HardwarePane, Pane
from llmtui.tui.screens.queue_keys import QUEUE_ACTIONS, QueueKeys
from llmtui.tui.screens.replay_keys import ReplayKeys
from llmtui.tui.screens.view import View
from llmtui.tui.widgets.rows import Rows

METER_S = 2.0
IDLE_FRAME_S = 0.25
TOAST_S = 8.0
IDLE_WORK_S, BREATH_S = 0.015, 0.001
"""Until all later jumps are fast, a replay works on that between its frames: so long at once, and keys are answered in
the pauses."""

_KEYS = frozenset(keys_in_use())


class SessionScreen(OrderedScreen[None]):
    """The five panes. It wires keys to actions and frames to panes; what is shown is decided in the projections."""

    AUTO_FOCUS = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]  # noqa: RUF012 - declared by Textual as it is
    VERTICAL_BREAKPOINTS = [(0, "-short"), (16, "-tall")]  # noqa: RUF012 - declared by Textual as it is
    BINDINGS: ClassVar[list[BindingType]] = [Binding(key, f"press('{key}')", show=False) for key in keys_in_use()]
    CSS_PATH = "session.tcss"

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._pump = Pump(view.source)
        self._current = "stream"
        self._zoomed = False
        self._frozen_at: int | None = None
        self._changed: set[str] = set()
        self._link: Link = "replay" if view.replay else "live"
        self._edges = Edges(self, self._show_lines)
        playback = view.source if isinstance(view.source, Playback) else None
        self._replay = None if playback is None else ReplayKeys(playback, self._edges.say)
        self._queue = QueueKeys(
            self, view, look=lambda: self.situation, list_of=self._list_of, say=self._edges.say, show=self._show_other
        )
        self._copies = CopyKeys(self, view.texts, view.state_folder, self._toast)
        self._meter = OwnUseMeter(view.bytes_sent)
        self._working = False

    # Making the screen.

    def compose(self) -> ComposeResult:
        """Lay out status, tabs, panes, strip, the marker's input and the footer."""
        yield Static("", id="status", markup=False)
        yield Static("", id="tabs", markup=False)
        with Container(id="panes"):
            for name in ("queue", "stream", "hardware", "results", "alerts"):
                yield PANE_TYPES[name](PANES.index(name) + 1, name, self._view.glyphs)
        yield Static("", id="strip", markup=False)
        yield Static("", id="scrubber", markup=False)
        yield Line("label of the marker, enter places it, esc closes", "marker")
        yield Line("12:30, 50%, j3, alert, marker, error, job or throttle", "goal")
        yield Static("", id="footer", markup=False)

    def on_mount(self) -> None:
        """Show the first frame and start the clock of frames."""
        for name in ("#marker", "#goal"):
            self.query_one(name).display = False
        self.query_one("#scrubber").display = self._replay is not None
        self._go_to("stream")
        self.call_after_refresh(self._beat)
        self.set_interval(METER_S, self._measure_self)

    def on_unmount(self) -> None:
        """Let go of the log."""
        self._view.source.close()

    def pane(self, name: str) -> Pane:
        """Return a pane by its name."""
        return self.query_one(f"#{name}", Pane)

    @property
    def situation(self) -> Situation:
        """What decides which actions are possible."""
        controllable = self._view.send is not None and self._link == "live" and not self._pump.state.finished
        ended = self._link != "live" or self._pump.state.finished
        renewable = self._view.again is not None and ended
        return Situation(self._pump.state, controllable, self._current, self._replay is not None, renewable)

    # Frames.

    def _beat(self) -> None:
        """Make a frame and set the time of the next one: soon while much happens, later while nothing does."""
        busy = self._step()
        if not self._working:
            self._work()
        self.set_timer(self._view.frame_s if busy else max(self._view.frame_s, IDLE_FRAME_S), self._beat)

    def _work(self) -> None:
        """Go on with a jump, or make later ones fast, for as long as there is something to do."""
        going = self._replay is not None and self._replay.going
        self._working = self._pump.prepare(IDLE_WORK_S)
        if going and self._replay is not None and not self._replay.going:
            self._step()
        if self._working:
            self.set_timer(BREATH_S, self._work)

    def _step(self) -> bool:
        """Take what is new, show it, and return whether there was anything."""
        frame = self._pump.step()
        if frame.cut:
            self._link = "cut"
        if frame.notice is not None:
            self._say(frame.notice)
        if self._replay is not None:
            self._edges.show_scrubber(self._replay.place, self._view.glyphs)
        if frame.replaced:
            self._frozen_at = None
        if not frame.changed:
            return False
        self._changed |= frame.changed
        if self._frozen_at is None:
            self._show_changed()
        self._show_lines()
        return "stream" in frame.changed

    def _moved(self) -> None:
        """Show where a key of the replay led, or where it is leading."""
        self._step()
        if not self._working:
            self._work()

    def _show_changed(self) -> None:
        changed, self._changed = self._changed, set()
        for name in PANES:
            pane = self.pane(name)
            if pane.sections & changed:
                pane.show(self._pump.state)

    def _show_lines(self) -> None:
        held_back = None if self._frozen_at is None else self._pump.state.events - self._frozen_at
        self._edges.show(self._pump.state, self.situation, self._link, held_back)

    async def _measure_self(self) -> None:
        """Measure the viewer, and tell the engine, so that it is in the log what watching cost."""
        use = self._meter.look()
        if use is None:
            return
        self._edges.terminal_rate = use.terminal_rate
        if self.situation.controllable and self._view.send is not None:
            # A viewer that can't tell what it uses goes on; the next command says what is wrong.
            with suppress(ControlError):
                await self._view.send(
                    control.ReportViewer(pid=self._meter.pid, cpu=use.cpu, terminal_rate=use.terminal_rate)
                )

    # Focus and layout.

    def _go_to(self, name: str) -> None:
        self._current = name
        for other in PANES:
            self.pane(other).set_class(other == name, "-current")
        self.set_focus(self.pane(name).heart)
        self._show_lines()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Follow a focus that came by the mouse; one that was passed on since is old news."""
        if event.widget is not self.focused:
            return
        for pane in event.widget.ancestors:
            if isinstance(pane, Pane) and pane.id and pane.id != self._current:
                self._go_to(pane.id)

    def on_resize(self) -> None:
        """Fit the lines to the new width."""
        self._show_lines()

    # Actions.

    async def take_typed(self, event: Typed) -> bool:
        """Do what a key means at once; while a line is open all keys belong to it."""
        key = event.key if isinstance(event, events.Key) else None
        line = self._open_line()
        if line is None:
            if key in _KEYS:
                await self.action_press(key)
        elif key == "enter":
            await self._enter(line)
        elif key == "escape":
            self._close_lines()
        elif await line.take_typed(event):
            return True
        return key in _KEYS

    async def action_press(self, key: str) -> None:
        """Carry out what a key means here."""
        await self.action_do(action_for(key, self.situation).id)

    async def action_do(self, name: str) -> None:
        """Carry out an action of the registry, or say why it is off."""
        reason = BY_ID[name].why_off(self.situation)
        if reason is not None:
            self._say(f"{BY_ID[name].title}: {reason}")
            return
        if name.startswith("pane_"):
            self._go_to(name.removeprefix("pane_"))
            return
        if name.startswith("replay_") and self._replay is not None and name != "replay_go_to":
            getattr(self._replay, name.removeprefix("replay_"))()
            self._moved()
            return
        if name in MOVES:
            MOVES[name](self.pane(self._current))
            return
        result = getattr(self._queue, name)() if name in QUEUE_ACTIONS else getattr(self, f"_do_{name}")()
        if result is not None:
            await result

    def _list_of(self, pane: str) -> Rows:
        """Return the list of the queue, the results or the alerts."""
        return self.pane(pane).query_one(Rows)

    def _show_other(self, view: View) -> None:
        """Show another session above this one; leaving that one comes back here."""
        self.app.push_screen(SessionScreen(view))

    def _say(self, text: str) -> None:
        self._edges.say(text)

    def _do_next_pane(self) -> None:
        self._go_to(PANES[(PANES.index(self._current) + 1) % len(PANES)])

    def _do_previous_pane(self) -> None:
        self._go_to(PANES[PANES.index(self._current) - 1])

    def _do_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self.set_class(self._zoomed, "-zoomed")

    def _do_select(self) -> None:
        heart = self.pane(self._current).heart
        if isinstance(heart, Rows):
            heart.toggle_selected()

    def _do_details(self) -> None:
        job = self._queue.cursor_job()
        if job is not None:
            details = result_details(self._pump.state, job, self._view.glyphs)
            self.app.push_screen(Page(f"job {job}", [*details, *self._copies.reproduction(self._pump.state, job)]))
        elif self._current == "alerts":
            row = self._row_under_cursor("alerts")
            if row:
                self.app.push_screen(Page("alert", row))

    def _row_under_cursor(self, pane: str) -> tuple[str, ...]:
        heart = self.pane(pane).heart
        if not isinstance(heart, Rows):
            return ()
        return next((row.cells for row in heart.rows if row.key == heart.cursor_key), ())

    def _do_pause_view(self) -> None:
        self._frozen_at = self._pump.state.events if self._frozen_at is None else None
        if self._frozen_at is None:
            self._show_changed()
        self._show_lines()

    def _do_compare(self) -> None:
        if self._view.compare is None:
            return
        # Few sessions are compared, so what the comparison needs comes when it is asked for.
        from llmtui.tui.screens.compare import CompareScreen  # noqa: PLC0415

        state = self._pump.state
        selected = self._list_of("results").selected | self._list_of("queue").selected
        jobs = [job for job in state.jobs if job in selected]
        self.app.push_screen(CompareScreen(self._view.compare(state, jobs), self._view.glyphs))

    def _do_charts(self) -> None:
        pane = self.pane("hardware")
        window = pane.window if isinstance(pane, HardwarePane) else 1
        self.app.push_screen(Charts(lambda: self._pump.state, self._view.glyphs, window))

    def _do_heat_map(self) -> None:
        # Only a session with a grid needs all that a surface does.
        from llmtui.summaries.sweep import chosen_figure  # noqa: PLC0415
        from llmtui.tui.screens.heat_map import HeatMapScreen  # noqa: PLC0415

        figure = chosen_figure(self._pump.state).name
        self.app.push_screen(HeatMapScreen(lambda: self._pump.state, self._view.glyphs, figure))

    def _do_window_longer(self) -> None:
        self._change_window(1)

    def _do_window_shorter(self) -> None:
        self._change_window(-1)

    def _change_window(self, steps: int) -> None:
        pane = self.pane("hardware")
        if isinstance(pane, HardwarePane):
            pane.change_window(steps)
            pane.show(self._pump.state)

    def _do_copy_row(self) -> None:
        self._copies.row(self._pump.state, self._queue.cursor_job(), self._row_under_cursor(self._current))

    def _do_copy_table(self) -> None:
        self._copies.table(self._pump.state)

    def _toast(self, text: str) -> None:
        """Say what is longer than the last line; a path must not be cut."""
        self.notify(text, timeout=TOAST_S, markup=False)

    def _do_mark(self) -> None:
        self._ask("#marker")

    def _do_replay_go_to(self) -> None:
        self._ask("#goal")

    def _ask(self, selector: str) -> None:
        line = self.query_one(selector, Line)
        line.display = True
        self.set_focus(line)

    def _open_line(self) -> Line | None:
        return next((line for line in self.query(Line) if line.display), None)

    async def _enter(self, line: Line) -> None:
        """Place the marker, or go where the line says."""
        text = line.value.strip()
        self._close_lines()
        if text and line.id == "marker":
            await self._queue.send(control.Mark(label=text))
        elif text and self._replay is not None:
            self._replay.go_to(text)
            self._moved()

    def _close_lines(self) -> None:
        for line in self.query(Line):
            line.value = ""
            line.display = False
        self.set_focus(self.pane(self._current).heart)

    def _do_palette(self) -> None:
        self.app.action_command_palette()

    def _do_help(self) -> None:
        about = self.pane(self._current).about
        self.app.push_screen(Page(f"help: {self._current}", [about, "", *help_lines(self.situation)]))

    def _do_back(self) -> None:
        if self._open_line() is not None:
            self._close_lines()
        elif self._replay is not None and self._replay.going:
            self._replay.stay()
            self._moved()
        elif self._zoomed:
            self._do_zoom()
        elif self._frozen_at is not None:
            self._do_pause_view()
        else:
            self._say("q leaves")

    def _do_leave(self) -> None:
        if self.situation.controllable:
            self.app.push_screen(LeaveQuestion(), self._left)
        else:
            self.dismiss()

    async def _left(self, choice: LeaveChoice | None) -> None:
        if choice == "stop":
            await self._queue.send(control.Stop(now=True))
        if choice in {"stop", "detach"}:
            self.dismiss()
