"""The recordings of real servers, and how to take a body out of one."""

from collections.abc import Callable
from pathlib import Path

import h11
import pytest

CAPTURES = Path(__file__).parents[1] / "captures"


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder with NAME.raw (bytes of a whole answer) and NAME.timing.jsonl (their arrivals)."""
    return CAPTURES


@pytest.fixture(scope="session")
def body_of(captures: Path) -> Callable[[str], bytes]:
    """A function from a recording's name to its body without the framing of HTTP."""

    def read(name: str) -> bytes:
        parser = h11.Connection(h11.CLIENT)
        parser.send(h11.Request(method="GET", target="/", headers=[("Host", "recorded")]))
        parser.send(h11.EndOfMessage())
        parser.receive_data((captures / f"{name}.raw").read_bytes())
        body = b""
        while (event := parser.next_event()) is not h11.NEED_DATA and not isinstance(event, h11.EndOfMessage):
            if isinstance(event, h11.Data):
                body += event.data
        return body

    return read
