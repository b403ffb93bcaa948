"""What all tests share: folders of their own, one real llama.cpp server, and the profile of the property tests."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, settings

from llmtui.models.catalog import DEFAULT_MODEL
from llmtui.models.download import models_folder
from llmtui.servers.embedded import EmbeddedFactory, missing_support
from llmtui.suites.schema import Embedded, Suite

# The readline module, which pytest loads, sets it for all that is started from here, and it would narrow every table.
os.environ.pop("COLUMNS", None)

settings.register_profile("llmtui", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("llmtui")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the whole runs of the command line, the longest first: at the end one worker would wait for them.

    They wait more than they compute, so one worker runs them beside the other one, which runs the rest.
    """
    longest = ("test_stress.py", "test_resume.py")
    items.sort(key=lambda item: (item.path.parent.name != "system", item.path.name not in longest))


class LlamaCppServer(NamedTuple):
    """The embedded server while it runs: `model` is the alias that it answers to."""

    url: str
    model: str
    pid: int
    model_path: Path


@pytest.fixture(autouse=True)
def folders_of_the_test(tmp_path, monkeypatch) -> Iterator[None]:
    """Keep the user's sessions and settings out of the tests, and the tests out of the user's; models are shared.

    Sockets get a folder with a short name, since a Unix socket's path has room for a hundred bytes.
    """
    for variable in ("SESSIONS", "SETTINGS", "STATE", "TOOLS"):
        monkeypatch.setenv(f"LLMTUI_{variable}", str(tmp_path / "llmtui" / variable.lower()))
    runtime = tempfile.mkdtemp(prefix="llmtui-", dir="/tmp")
    monkeypatch.setenv("LLMTUI_RUNTIME", runtime)
    yield
    shutil.rmtree(runtime, ignore_errors=True)


@pytest.fixture(scope="session")
def llamacpp_server(tmp_path_factory) -> Iterator[LlamaCppServer]:
    """llama.cpp's server with the small real model, one for all tests of a process: two slots of 2048 tokens."""
    missing = missing_support()
    if missing is not None:
        pytest.skip(missing)
    suite = Suite(name="tests", workloads=(), embedded=Embedded(context=2048, parallel=2))
    server = EmbeddedFactory(state=tmp_path_factory.mktemp("state")).prepare(None, suite)
    # A loop of its own that is never the current one of this thread: pytest-asyncio has the others.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        url = runner.run(server.start())
        try:
            assert server.pid is not None
            path = models_folder() / Path(DEFAULT_MODEL.member).name
            yield LlamaCppServer(url, server.model.id, server.pid, path)
        finally:
            runner.run(server.stop())
