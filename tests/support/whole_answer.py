"""Requests whose answer a test wants in one piece."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import NamedTuple

from llmtui.backends.http_client import HttpClient
from llmtui.backends.transport import HttpResponse


class WholeAnswer(NamedTuple):
    """An answer that was read to its end."""

    head: HttpResponse
    content: bytes


async def get(client: HttpClient, path: str = "/") -> WholeAnswer:
    """Ask for `path`."""
    return await _whole(await client.send("GET", path))


async def post(client: HttpClient, path: str, body: bytes) -> WholeAnswer:
    """Send `body` to `path`."""
    return await _whole(await client.send("POST", path, body))


@asynccontextmanager
async def streaming(client: HttpClient, path: str = "/") -> AsyncGenerator[HttpResponse]:
    """Ask for `path`, and leave the body to the caller."""
    response = await client.send("GET", path)
    try:
        yield response
    finally:
        response.reads.close()


async def _whole(head: HttpResponse) -> WholeAnswer:
    return WholeAnswer(head, b"".join([read.data async for read in head.reads]))
