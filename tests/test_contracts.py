"""Each wing is imported in a fresh process, and what came along is looked at."""

import subprocess
import sys

import pytest

WATCHING = (
    "llmtui.engine",
    "llmtui.backends",
    "llmtui.servers",
    "llmtui.models",
    "llmtui.workloads",
    "llmtui.telemetry",
)
MEASURING = ("llmtui.tui", "llmtui.reports", "textual", "rich")


def imported(code):
    probe = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def strays(modules, forbidden):
    return sorted(
        name for name in modules if name.startswith(tuple(f"{root}." for root in forbidden)) or name in forbidden
    )


@pytest.mark.parametrize("wing", ["llmtui.tui.app", "llmtui.tui.screens.session", "llmtui.reports.plain"])
def test_the_watching_wing_brings_no_part_of_the_measuring_one(wing):
    assert strays(imported(f"import {wing}"), (*WATCHING, "h11", "psutil")) == []


@pytest.mark.parametrize("wing", ["llmtui.engine.process", "llmtui.backends.discover", "llmtui.servers.embedded"])
def test_the_measuring_wing_brings_no_part_of_the_watching_one(wing):
    assert strays(imported(f"import {wing}"), MEASURING) == []


def test_the_sampler_is_light():
    heavy = ("asyncio", "h11", "textual", "rich", "click", "yaml", "pynvml")
    assert strays(imported("import llmtui.telemetry.sampler"), heavy) == []


def test_the_help_is_light():
    code = "from click.testing import CliRunner\nfrom llmtui.cli.main import llmtui\nCliRunner().invoke(llmtui, ['--help'])"
    assert strays(imported(code), ("h11", "textual", "rich", "yaml", "msgspec", "psutil", "asyncio")) == []


def test_strays_are_found_where_there_are_any():
    assert strays(imported("import llmtui.tui.app"), ("textual",)) != []
