"""What all backends over HTTP have: a server's URL, a client for it, and patience while a model leaves."""

import asyncio
from collections.abc import Awaitable, Callable

from llmtui.backends.base import BackendError
from llmtui.backends.http_client import HttpClient

_UNLOAD_POLL_S = 0.1


class HttpBackend:
    """The connection to one server. `ValueError` for a URL or key that cannot be one.

    Args:
        url: Where it listens, with or without "/v1".
        api_key: Sent as a bearer token; without one no Authorization header is sent.
        client: A client for `url` to be used instead of an own one; whoever opened it closes it.
        unload_limit_s: How long the server may take to let go of a model.
    """

    def __init__(self, url: str, *, api_key: str | None, client: HttpClient | None, unload_limit_s: float) -> None:
        self.url = url.rstrip("/").removesuffix("/v1")
        self._owns_client = client is None
        self._client = client if client is not None else HttpClient(self.url)
        if api_key:
            self._client.set_key(api_key)
        self._secret = api_key
        self._unload_limit_s = unload_limit_s

    async def aclose(self) -> None:
        """Close every connection, unless the client came from outside."""
        if self._owns_client:
            await self._client.aclose()

    async def _until_gone(self, model: str, is_there: Callable[[], Awaitable[bool]], advice: str) -> None:
        """Wait until the server no longer lists `model`. `BackendError` timeout, with the advice, when it stays."""
        try:
            async with asyncio.timeout(self._unload_limit_s):
                while await is_there():  # noqa: ASYNC110 - it tells only when asked
                    await asyncio.sleep(_UNLOAD_POLL_S)
        except TimeoutError:
            sentence = f"still holds {model!r} {self._unload_limit_s:g} s after it was told to unload it"
            raise BackendError("timeout", f"{self.url} {sentence}: {advice}.") from None
