"""Embedded servers of the tests' own, prepared but not started."""

from collections.abc import AsyncIterator

import pytest

from llmtui.servers.embedded import EmbeddedFactory, EmbeddedServer, missing_support
from llmtui.suites.schema import Embedded, Suite

SUITE = Suite(name="servers", workloads=(), embedded=Embedded(context=512, parallel=2, threads=1))


@pytest.fixture
def factory() -> EmbeddedFactory:
    missing = missing_support()
    if missing is not None:
        pytest.skip(missing)
    return EmbeddedFactory()


@pytest.fixture
async def server(factory) -> AsyncIterator[EmbeddedServer]:
    prepared = factory.prepare(None, SUITE)
    yield prepared
    await prepared.stop()
