from pathlib import Path

import pytest
from support.conversation import MS, header, queued, request, whole_session
from textual.widgets import Static

from llmtui import control
from llmtui import events as ev
from llmtui.control import Reply
from llmtui.tui.actions import PANES
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.frame import PlayedLog
from llmtui.tui.profile import detect_profile
from llmtui.tui.screens.compare import Compared, CompareScreen
from llmtui.tui.screens.leave import LeaveQuestion
from llmtui.tui.screens.page import Page
from llmtui.tui.screens.session import SessionScreen
from llmtui.tui.widgets.rows import Rows

LIVE = [
    header(),
    queued("j1", 1),
    queued("j2", 2),
    ev.JobStarted(t=5 * MS, job="j1"),
    ev.SampleTaken(t=6 * MS, values={"cpu.percent": 50.0}, missing={"gpu.0.percent": "no GPU found"}),
    *whole_session()[4:12],
]


class Engine:
    """Remembers what it was asked, but for what a viewer says of itself, which depends on how busy the machine is."""

    def __init__(self):
        self.seen = []

    async def __call__(self, command):
        if not isinstance(command, control.ReportViewer):
            self.seen.append(command)
        return Reply(ok=True, text="done so")


class Live(PlayedLog):
    """Recorded events whose engine still lives."""

    def __init__(self, events):
        super().__init__(events, None)

    def poll(self):
        events = super().poll()
        self.finished = False
        return events

    def writer_alive(self):
        return True


def app_for(events, tmp_path: Path, *, live=True, compare=None):
    engine = Engine()
    profile = detect_profile({}, encoding="utf-8")
    source = Live(events) if live else PlayedLog(events, None)

    def first(app):
        return app.open_session(source, engine if live else None, replay=not live, state_folder=tmp_path)

    return LlmtuiApp(first, profile, None, compare), engine


def screen_text(app):
    return "\n".join(
        "".join(segment.text for segment in line) for line in app.screen._compositor.render_strips(app.size)
    )


@pytest.mark.parametrize("size", [(160, 50), (100, 30), (80, 24), (40, 10)])
async def test_every_pane_can_be_reached_at_every_size(size, tmp_path):
    app, _ = app_for(LIVE, tmp_path)
    signs = {"queue": "warming", "stream": "TTFT", "hardware": "CPU", "results": "TTFT", "alerts": "look"}
    events = [*LIVE, ev.AlertRaised(t=9, severity="warning", code="x", text="look")]
    events.append(ev.JobProgressed(t=9, job="j1", phase="warming up"))
    app, _ = app_for(events, tmp_path)
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.2)
        for number, name in enumerate(PANES, 1):
            await pilot.press(str(number))
            await pilot.pause()
            assert app.screen.pane(name).display
            assert app.screen.pane(name).region.area > 0
            assert signs[name] in screen_text(app), name
        assert all(line.strip() for line in screen_text(app).splitlines()[:1])


async def test_wide_and_medium_show_all_panes_and_narrow_one(tmp_path):
    for size, count in [((160, 50), 5), ((100, 30), 5), ((80, 24), 1), ((40, 10), 1)]:
        app, _ = app_for(LIVE, tmp_path)
        async with app.run_test(size=size) as pilot:
            await pilot.pause(0.1)
            shown = [name for name in PANES if app.screen.pane(name).region.area > 0]
            assert len(shown) == count, size
            await pilot.press("z")
            await pilot.pause()
            assert [name for name in PANES if app.screen.pane(name).region.area > 0] == ["stream"]
            await pilot.press("escape")
            await pilot.pause()
            assert len([name for name in PANES if app.screen.pane(name).region.area > 0]) == count


async def test_keys_become_commands(tmp_path):
    app, engine = app_for(LIVE, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("P", "x", "s")
        await pilot.press("1", "j", "r")
        await pilot.press("space", "k", "space", "r")
        await pilot.press("m", *"hot", "enter")
        await pilot.pause()
    assert engine.seen == [
        control.Pause(),
        control.Skip(),
        control.Stop(now=False),
        control.Rerun(jobs=("j2",)),
        control.Rerun(jobs=("j1", "j2")),
        control.Mark(label="hot"),
    ]


async def test_without_an_engine_a_key_says_why_it_does_nothing(tmp_path):
    app, _ = app_for(whole_session(), tmp_path, live=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("P")
        assert "no engine runs for this session" in app.screen.query_one("#footer", Static).content


async def test_the_frozen_view_counts_what_it_holds_back(tmp_path):
    app, _ = app_for(LIVE, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("p")
        app.screen._pump.source._events.append(ev.JobStarted(t=400 * MS, job="j2"))
        await pilot.pause(0.4)
        assert "VIEW PAUSED +1" in app.screen.query_one("#status", Static).content
        assert "queued" in app.screen.pane("queue").heart.rows[1].cells[2]
        await pilot.press("p")
        await pilot.pause(0.2)
        assert "running" in app.screen.pane("queue").heart.rows[1].cells[2]


async def test_leaving_a_live_run_asks_and_detaching_sends_nothing(tmp_path):
    app, engine = app_for(LIVE, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("escape", "escape")
        assert isinstance(app.screen, SessionScreen)
        await pilot.press("q")
        assert isinstance(app.screen, LeaveQuestion)
        await pilot.press("escape")
        assert isinstance(app.screen, SessionScreen)
        await pilot.press("q", "enter")
        await pilot.pause()
    assert engine.seen == []


async def test_leaving_can_stop_the_run(tmp_path):
    app, engine = app_for(LIVE, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("q", "s")
        await pilot.pause()
    assert engine.seen == [control.Stop(now=True)]


async def test_help_and_details_open_and_close(tmp_path):
    app, _ = app_for(LIVE, tmp_path)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause(0.2)
        await pilot.press("question_mark")
        assert isinstance(app.screen, Page)
        await pilot.press("escape")
        await pilot.press("4", "enter")
        assert isinstance(app.screen, Page)
        await pilot.press("q")
        assert isinstance(app.screen, SessionScreen)


async def test_the_palette_offers_every_action(tmp_path):
    app, _ = app_for(LIVE, tmp_path)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        titles = {command.title for command in app.get_system_commands(app.screen)}
        assert {"skip", "marker", "zoom", "theme light"} <= titles
        await pilot.press("colon")
        await pilot.pause()
        assert not isinstance(app.screen, SessionScreen)


async def test_idle_frames_draw_nothing(tmp_path):
    app, _ = app_for(whole_session(), tmp_path, live=False)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        drawn = []
        for widget in app.screen.query("*"):
            widget.refresh = lambda *_regions, **_options: drawn.append(1)
        await pilot.pause(0.5)
        assert drawn == []
        assert app.screen.query_one(Rows)


async def test_rows_are_compared_only_where_two_jobs_have_run(tmp_path):
    two = [header(), queued("j1", 1), *request("j1.1"), queued("j2", 2), *request("j2.1", job="j2")]
    for events, opens in ((two, True), (LIVE, False)):
        asked = []

        def compare(state, jobs, asked=asked):
            asked.append(jobs)
            return Compared((f"{len(state.jobs)} jobs compared",))

        app, _ = app_for(events, tmp_path, compare=compare)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.3)
            await pilot.press("V")
            await pilot.pause()
            assert isinstance(app.screen, CompareScreen) == opens
            assert ("2 jobs compared" in screen_text(app)) == opens
            assert asked == ([[]] if opens else [])
            if not opens:
                assert "fewer than two jobs have run" in screen_text(app)
                continue
            await pilot.press("escape", "1", "space", "down", "space", "V")
            await pilot.pause()
            assert asked[-1] == ["j1", "j2"], "the selected rows, in the order of the queue"
