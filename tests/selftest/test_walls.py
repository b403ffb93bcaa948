"""What each part of the self-test brings along, in a fresh process."""

import subprocess
import sys

import pytest


def imported(module):
    probe = f"import {module}, sys\nprint('\\n'.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True).stdout.split())


def roots(modules):
    return {".".join(name.split(".")[:2]) for name in modules} | {name.split(".")[0] for name in modules}


@pytest.mark.parametrize("module", ["llmtui.selftest.run", "llmtui.testing.truth_server"])
def test_the_measuring_side_draws_nothing(module):
    assert not roots(imported(module)) & {"textual", "rich", "llmtui.tui", "llmtui.reports", "llmtui.cli"}


def test_the_screen_measures_nothing():
    measuring = {"llmtui.engine", "llmtui.backends", "llmtui.selftest", "llmtui.testing", "h11", "psutil"}
    assert not roots(imported("llmtui.tui.screens.selftest")) & measuring


def test_the_sentence_for_doctor_is_light():
    heavy = {"h11", "textual", "asyncio", "llmtui.engine", "llmtui.backends"}
    assert not roots(imported("llmtui.selftest.results")) & heavy


def test_the_truth_server_is_light():
    # What is not loaded can't delay a stream: no loop, no collector's work.
    assert not roots(imported("llmtui.testing.truth_server")) & {"asyncio", "h11", "click"}


def test_walls_are_seen_where_there_are_none():
    assert "textual" in roots(imported("llmtui.tui.screens.selftest"))
