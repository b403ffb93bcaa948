"""What comes along with a start: counted in modules, since seconds belong to the machine."""

import subprocess
import sys

import pytest


def all_loaded(modules):
    code = f"import {modules}, sys; print(' '.join(sys.modules))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def loaded(modules, *names):
    found = all_loaded(modules)
    return [name for name in names if name in found]


def test_home_opens_without_the_session_screen_and_without_the_reducer():
    home = "llmtui.cli.opener, llmtui.cli.home, llmtui.tui.app, llmtui.tui.screens.home"
    assert (
        loaded(home, "llmtui.state.reducer", "llmtui.tui.screens.session", "llmtui.metrics.heat.energy", "httpx") == []
    )
    assert loaded(home, "textual.app") == ["textual.app"]


def test_an_engine_for_a_server_of_one_s_own_brings_no_model_and_no_judgement_of_heat():
    engine = "llmtui.engine.process"
    heavy = ("llmtui.servers.embedded", "llmtui.models.download", "llmtui.metrics.heat.gpu_use", "llmtui.state.reducer")
    assert loaded(engine, *heavy) == []
    assert loaded(engine, "llmtui.engine.session") == ["llmtui.engine.session"]


def test_what_only_watches_goes_without_the_module_of_statistics():
    """Two megabytes in each process that has it."""
    assert loaded("llmtui.telemetry.sampler", "statistics", "asyncio") == []
    assert loaded("llmtui.tui.screens.session", "statistics", "llmtui.reports.compare") == []


PLAIN = "llmtui.cli.main; llmtui.cli.main.llmtui.get_command(None, 'run'); import llmtui.cli.follow_plain"
RARELY_NEEDED = ("dataclasses", "difflib", "hashlib", "random", "secrets", "shutil", "tempfile", "typing_extensions")


def test_a_plain_run_is_followed_without_an_event_loop_and_what_only_a_rare_path_needs():
    heat = (
        "llmtui.metrics.heat.device_verdict",
        "llmtui.metrics.heat.heat_guard",
        "llmtui.metrics.inference.intervals",
    )
    lists = ("llmtui.log.library", "llmtui.log.private_file", "llmtui.reports.files.folder", "llmtui.control")
    assert loaded(PLAIN, "asyncio", "textual", "httpx", "socket", *heat, *lists, *RARELY_NEEDED) == []
    assert loaded(PLAIN, "llmtui.reports.plain", "yaml") == ["llmtui.reports.plain", "yaml"]


def test_the_sampler_goes_without_argparse_and_what_it_brings():
    heavy = ("argparse", "gettext", "inspect", "ctypes", "subprocess", "llmtui.telemetry.portable")
    assert loaded("llmtui.telemetry.sampler", *heavy, *RARELY_NEEDED) == []


@pytest.mark.parametrize(("modules", "most"), [(PLAIN, 91), ("llmtui.telemetry.sampler", 42)])
def test_a_start_loads_so_many_modules_of_ours_at_most(modules, most):
    """Each costs about a third of a millisecond. Who needs another one may raise the number, knowing that."""
    ours = [name for name in all_loaded(modules) if name.startswith("llmtui")]
    assert most - 5 < len(ours) <= most
