"""Writes the generated parts of the documentation: keys, reference of suites, picture of the session screen."""

import asyncio
import re
from pathlib import Path

from llmtui.log.read import read_log
from llmtui.log.reference import SCHEMA_FILE, render_log_format, render_schema
from llmtui.suites.reference import render_reference
from llmtui.tui.actions import render_key_table
from llmtui.tui.app import LlmtuiApp
from llmtui.tui.frame import PlayedLog
from llmtui.tui.profile import detect_profile

DOCS = Path(__file__).parent
README = DOCS.parent / "README.md"
RECORDED = DOCS / "session.jsonl"
SUITES = DOCS / "suites.md"
LOG_FORMAT = DOCS / "log-format.md"
PICTURE = DOCS / "session.svg"
SIZE = (150, 44)
MOMENT = 0.78
"""The share of the recorded session after which the picture is taken."""


def write_keys() -> None:
    """Put the table of keys between its markers."""
    text = README.read_text(encoding="utf-8")
    table = f"<!-- keys -->\n{render_key_table()}\n<!-- /keys -->"
    README.write_text(
        re.sub(r"<!-- keys -->.*<!-- /keys -->", lambda _found: table, text, flags=re.DOTALL), encoding="utf-8"
    )


def write_suites() -> None:
    """Write the reference of all keys of a suite."""
    SUITES.write_text(render_reference(), encoding="utf-8")


def write_log_format() -> None:
    """Write the page of the log's format, and its schema."""
    LOG_FORMAT.write_text(render_log_format(), encoding="utf-8")
    SCHEMA_FILE.write_text(render_schema(), encoding="utf-8")


async def write_picture() -> None:
    """Draw the recorded session as it was at `MOMENT`."""
    events = read_log(RECORDED).events
    until = events[-1].t * MOMENT
    source = PlayedLog([event for event in events if event.t <= until], None)
    app = LlmtuiApp(
        lambda app: app.open_session(source, None, replay=True, state_folder=DOCS),
        detect_profile({}, encoding="utf-8"),
        None,
    )
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause(0.5)
        picture = app.export_screenshot(title="llmtui run quick")
        PICTURE.write_text(_without_remote_fonts(picture), encoding="utf-8")


def _without_remote_fonts(svg: str) -> str:
    """Let the reader's own monospaced font draw the text: a page must not fetch one from somewhere."""
    svg = re.sub(r"@font-face\s*{.*?}", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family:\s*Fira Code,?", "font-family: ", svg)


if __name__ == "__main__":
    write_keys()
    write_suites()
    write_log_format()
    asyncio.run(write_picture())
