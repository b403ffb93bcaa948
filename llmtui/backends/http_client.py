"""The client of one server: its URL, the key that goes with each request, and what every request says of itself."""

import ssl
from typing import Self
from urllib.parse import SplitResult, quote, urlsplit

from llmtui import __version__
from llmtui.backends.connection import HttpRequest
from llmtui.backends.transport import CONNECT_LIMIT_S, HttpResponse, Origin, TimedTransport

_PORTS = {"http": 80, "https": 443}
_PATH_LETTERS = "/%:@!$&'()*+,;=~"
"""Stand for themselves in a path (RFC 3986, section 3.3); "%" begins what is quoted already."""


class HttpClient:
    """Requests to one server; paths such as "/v1/models" are joined to the path of its URL.

    It asks for no compression, follows no redirect, keeps no cookies and takes nothing from the environment. Belongs
    to one event loop.

    Attributes:
        url: The server, as sentences name it.
        api_key: What is sent as a bearer token, None for no Authorization header.
        transport: Its connections.

    Raises `ValueError` with one sentence for a URL that is none, one that holds a password, or a key that no header can
    carry.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        connect_limit_s: float = CONNECT_LIMIT_S,
    ) -> None:
        parts, origin = _parse(base_url)
        self.url = base_url.rstrip("/")
        self.api_key: str | None = None
        self.transport = TimedTransport(origin, ssl_context=ssl_context, connect_limit_s=connect_limit_s)
        self._path = quote(parts.path.rstrip("/"), safe=_PATH_LETTERS)
        host = f"[{origin.host}]" if ":" in origin.host else origin.host
        self._headers: tuple[tuple[str, str], ...] = (
            ("Host", host if origin.port == _PORTS[parts.scheme] else f"{host}:{origin.port}"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", f"llmtui/{__version__}"),
        )
        if api_key:
            self.set_key(api_key)

    def set_key(self, api_key: str) -> None:
        """Send `api_key` with each request from now on. `ValueError` for a key that no header can carry."""
        if not (api_key.isascii() and api_key.isprintable() and api_key == api_key.strip()):
            raise ValueError(
                "The API key holds spaces at its ends, control characters or letters that no header can carry."
            )
        self.api_key = api_key

    async def send(self, method: str, path: str, body: bytes | None = None) -> HttpResponse:
        """Send a request, its body being JSON, and return the answer as soon as its head has arrived.

        Whoever calls this reads `reads` to the end or closes them. Raises `TransportError`.
        """
        headers = [*self._headers]
        if self.api_key is not None:
            headers.append(("Authorization", f"Bearer {self.api_key}"))
        if body is not None:
            headers += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        return await self.transport.send(HttpRequest(method, self._path + path, headers, body or b""))

    async def aclose(self) -> None:
        """Close every connection."""
        await self.transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def _parse(base_url: str) -> tuple[SplitResult, Origin]:
    try:
        parts = urlsplit(base_url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode("ascii")
    except ValueError:  # a bracket that is not closed, a port that is no number, a host name that cannot be one
        parts, port, host = urlsplit(""), None, ""
    if parts.username is not None or parts.password is not None:
        raise ValueError("The URL of a server must not hold a password: give it as the API key.")
    if parts.scheme not in _PORTS or not host:
        raise ValueError(f"{base_url!r} is no URL of a server: write it as http://HOST:PORT.")
    return parts, Origin(host, port or _PORTS[parts.scheme], tls=parts.scheme == "https")
