"""What comes along with a start: counted in modules, since seconds belong to the machine."""

import subprocess
import sys


def loaded(modules, *names):
    code = f"import sys, {modules}; print(' '.join(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
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


def test_a_plain_run_is_followed_without_an_event_loop():
    assert loaded("llmtui.cli.run, llmtui.cli.follow_plain", "asyncio", "textual", "httpx") == []
