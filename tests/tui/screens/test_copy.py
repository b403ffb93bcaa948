"""`y` and `Y` on the session screen, with the texts of the reports."""

import json

import msgspec
import pytest
from support.conversation import MS, header, queued, whole_session
from textual.widgets import Static

from llmtui import events as ev
from llmtui.cli.copies import ReportTexts
from llmtui.suites.reading import read_suite
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.frame import PlayedLog
from llmtui.tui.profile import detect_profile
from llmtui.tui.screens.copy_question import CopyQuestion
from llmtui.tui.screens.page import Page
from llmtui.tui.screens.session import SessionScreen

SUITE = "name: quick\nworkloads:\n  - {kind: generate, name: short, prompts: [hi]}\n"
URL = "http://127.0.0.1:8080/v1/chat/completions"


def session():
    parameters = msgspec.json.decode(msgspec.json.encode(read_suite(SUITE, "s").workloads[0]))
    events = [header(suite=SUITE), queued(parameters=parameters), *whole_session()[2:-1]]
    return [
        msgspec.structs.replace(event, url=URL, body={"model": "smol", "messages": None})
        if isinstance(event, ev.RequestSent)
        else event
        for event in [*events, ev.SessionFinished(t=303 * MS, outcome="completed")]
    ]


@pytest.fixture
def app(tmp_path):
    source = PlayedLog(session(), None)
    return LlmtuiApp(
        lambda app: app.open_session(source, None, replay=True, state_folder=tmp_path),
        detect_profile({}, encoding="utf-8"),
        None,
        texts=ReportTexts(),
    )


def toasts(app):
    return [notification.message for notification in app._notifications]


async def pressed(pilot, *keys):
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


async def test_a_row_is_copied_in_the_form_that_is_chosen(app, tmp_path):
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pressed(pilot, "4", "y")
        assert isinstance(app.screen, CopyQuestion)
        shown = str(app.screen.query_one(Static).render())
        assert "copy job j1 as" in shown
        assert "as last time: TSV" in shown
        assert list(tmp_path.iterdir()) == [], "nothing is copied before the choice"
        await pressed(pilot, "j")
        assert isinstance(app.screen, SessionScreen)
        assert [row["job"] for row in json.loads((tmp_path / "copied.json").read_text())["rows"]] == ["j1"]
        assert toasts(app) == [f"job j1 as JSON: copied to the terminal's clipboard, and to {tmp_path / 'copied.json'}"]
        for key, name, begin in (("t", "tsv", "job\t"), ("m", "md", "# s1"), ("r", "sh", "llmtui run "), ("c", "sh", f"curl -sSN {URL}")):  # fmt: skip
            await pressed(pilot, "y", key)
            assert (tmp_path / f"copied.{name}").read_text().startswith(begin)


async def test_the_last_form_is_one_more_key_away(app, tmp_path):
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pressed(pilot, "4", "y", "c")
        (tmp_path / "copied.sh").unlink()
        await pressed(pilot, "y", "y")
        assert (tmp_path / "copied.sh").read_text().startswith("curl ")
        await pressed(pilot, "Y", "enter")
        assert (tmp_path / "copied.tsv").read_text().startswith("job\tworkload\tTTFT"), (
            "tables have a last form of their own"
        )
        (tmp_path / "copied.tsv").unlink()
        await pressed(pilot, "y", "escape")
        assert isinstance(app.screen, SessionScreen)
        assert not (tmp_path / "copied.tsv").exists()


async def test_the_table_has_no_commands(app, tmp_path):
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pressed(pilot, "Y", "c")
        assert isinstance(app.screen, CopyQuestion)
        assert "curl" not in str(app.screen.query_one(Static).render())
        await pressed(pilot, "m")
        assert "| j1 | short #1 |" in (tmp_path / "copied.md").read_text()


async def test_a_row_that_is_no_job_is_copied_at_once(app, tmp_path):
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pressed(pilot, "5", "y")
        assert isinstance(app.screen, SessionScreen)
        assert (tmp_path / "copied.tsv").read_text().count("\t") > 0
        await pressed(pilot, "2", "y")
        assert toasts(app)[-1] == "copy: there is no row here; go to the queue, the results or the alerts"


async def test_the_details_end_with_the_commands(app):
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pressed(pilot, "4", "enter")
        assert isinstance(app.screen, Page)
        lines = list(app.screen._lines)
        assert lines.index("again:") > lines.index("parameters:")
        assert any(line.startswith("llmtui run ") for line in lines)
        assert any(line.startswith("curl ") for line in lines)


async def test_without_texts_nothing_can_be_copied(tmp_path):
    source = PlayedLog(session(), None)
    app = LlmtuiApp(
        lambda app: app.open_session(source, None, replay=True, state_folder=tmp_path),
        detect_profile({}, encoding="utf-8"),
        None,
    )
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.2)
        await pressed(pilot, "4", "y", "Y")
        assert isinstance(app.screen, SessionScreen)
        assert list(tmp_path.iterdir()) == []
