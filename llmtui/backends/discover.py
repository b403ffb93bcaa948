"""Finds out which server answers at a URL, and which of the usual addresses have one."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from llmtui.addresses import normalise_url
from llmtui.backends.base import Backend, BackendError
from llmtui.backends.exchange import request_json, request_text
from llmtui.backends.http_client import HttpClient
from llmtui.backends.llamacpp import LlamaCppBackend
from llmtui.backends.ollama import OllamaBackend
from llmtui.backends.openai import OpenAiBackend
from llmtui.events import Server

DEFAULT_URLS = (
    "http://127.0.0.1:11434",  # Ollama
    "http://127.0.0.1:8080",  # llama.cpp
    "http://127.0.0.1:1234",  # LM Studio
    "http://127.0.0.1:8000",  # vLLM
)

_OPENERS: dict[str, Callable[..., Backend]] = {
    "ollama": OllamaBackend,
    "llamacpp": LlamaCppBackend,
    "embedded": partial(LlamaCppBackend, kind="embedded"),
}


def open_backend(server: Server, *, api_key: str | None = None, client: HttpClient | None = None) -> Backend:
    """Return the backend that speaks with a server of this kind. `ValueError` for a kind that none speaks with.

    `client` is one for this server that is open already; whoever opened it closes it.
    """
    opener = _OPENERS.get(server.kind) or partial(OpenAiBackend, kind=server.kind)
    return opener(server.url, api_key=api_key, client=client)


async def identify(url: str, *, api_key: str | None = None, timeout_s: float = 5.0) -> Server:
    """Find out what answers at `url`, and describe it.

    `timeout_s` bounds each question. A server that is known but cannot describe itself yet has its reason in `problem`.
    `BackendError`: unreachable (also for a URL that is none), refused without the right key, not_supported when what
    answers is no LLM server that llmtui knows.
    """
    try:
        base = normalise_url(url)
        client = HttpClient(base, api_key=api_key)
    except ValueError as error:
        raise BackendError("unreachable", str(error)) from None
    async with client:
        found = await _Prober(client, base, timeout_s).find()
        if found.problem is not None:
            return found
        backend = open_backend(found, api_key=api_key, client=client)
        try:
            async with asyncio.timeout(2 * timeout_s):
                return await backend.describe()
        except TimeoutError:
            return Server(url=base, kind=found.kind, problem=f"{base} did not say in time which models it has.")
        except BackendError as error:
            return Server(url=base, kind=found.kind, problem=error.sentence)


async def discover(urls: Sequence[str] = DEFAULT_URLS, *, timeout_s: float = 1.0) -> AsyncGenerator[Server]:
    """Ask all `urls` at once, and yield each server as it answers. No key is sent to whoever listens there.

    A default address where no LLM server answers is passed over in silence; any other one is yielded as a server of the
    kind "unknown" with its `problem`.
    """
    different = {_without_secrets(url): url for url in urls}
    tasks = [asyncio.create_task(_attempt(url, timeout_s)) for url in different.values()]
    try:
        for finished in asyncio.as_completed(tasks):
            server = await finished
            if server is not None:
                yield server
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _attempt(url: str, timeout_s: float) -> Server | None:
    try:
        return await identify(url, timeout_s=timeout_s)
    except BackendError as error:
        if url in DEFAULT_URLS and error.kind != "refused":
            return None
        return Server(url=_without_secrets(url), kind="unknown", problem=error.sentence)


def _without_secrets(url: str) -> str:
    try:
        return normalise_url(url)
    except ValueError:
        return url.rpartition("@")[2]


class _Probe(NamedTuple):
    """A page that tells servers apart: what it must hold, and the kind that this proves."""

    path: str
    kind: str
    proves: Callable[[Any], bool]


def _is_llamacpp(page: Any) -> bool:
    return isinstance(page, dict) and ("default_generation_settings" in page or page.get("role") == "router")


def _is_sglang(page: Any) -> bool:
    return isinstance(page, dict) and "internal_states" in page


def _is_tgi(page: Any) -> bool:
    return isinstance(page, dict) and "model_id" in page and "max_total_tokens" in page


def _is_lmstudio(page: Any) -> bool:
    rows = (page.get("models") or page.get("data")) if isinstance(page, dict) else None
    marks = {"key", "loaded_instances", "state"}
    return isinstance(rows, list) and any(isinstance(row, dict) and marks & row.keys() for row in rows)


_PROBES = (
    _Probe("/server_info", "sglang", _is_sglang),
    _Probe("/get_server_info", "sglang", _is_sglang),
    _Probe("/info", "tgi", _is_tgi),
    _Probe("/api/v1/models", "lmstudio", _is_lmstudio),
    _Probe("/api/v0/models", "openai", _is_lmstudio),  # an LM Studio too old to load and unload models when told
)


class _Prober:
    """Asks one server for the pages that tell servers apart, in an order in which no imitation comes first."""

    def __init__(self, client: HttpClient, base: str, timeout_s: float) -> None:
        self._client = client
        self._base = base
        self._timeout_s = timeout_s
        self._timeouts = 0
        self._refusal: BackendError | None = None
        self._loading: BackendError | None = None

    async def find(self) -> Server:
        """Return the kind of server. `BackendError` unreachable, refused, not_supported."""
        props = await self._ask("/props")
        if self._loading is not None:
            return Server(url=self._base, kind="llamacpp", problem=self._loading.sentence)
        if _is_llamacpp(props):
            return self._server("llamacpp")
        listing = await self._ask("/v1/models")
        owners = _owners(listing)
        if "llamacpp" in owners and self._refusal is not None:
            raise self._refusal  # it keeps all but its list of models behind a key
        if "vllm" in owners and isinstance(await self._ask("/version"), dict):
            return self._server("vllm")
        for probe in _PROBES:
            if probe.proves(await self._ask(probe.path)):
                return self._server(probe.kind)
        # SGLang, LocalAI and oai2ollama imitate Ollama's pages, but none of them says this at its root.
        if await self._ask("/api/version") and "Ollama is running" in await self._root():
            return self._server("ollama")
        if isinstance(listing, dict) and isinstance(listing.get("data"), list):
            return self._server("openai")
        if self._refusal is not None:
            raise self._refusal
        text = "answers, but not as an LLM server that llmtui knows: check host and port."
        raise BackendError("not_supported", f"{self._base} {text}")

    def _server(self, kind: str) -> Server:
        return Server(url=self._base, kind=kind)

    async def _ask(self, path: str) -> Any:
        """Return the page at `path`, None where there is none."""
        try:
            return await request_json(self._client, "GET", path, limit_s=self._timeout_s)
        except BackendError as error:
            self._note(error, path)
            return None

    async def _root(self) -> str:
        try:
            return await request_text(self._client, "GET", "/", limit_s=self._timeout_s)
        except BackendError as error:
            self._note(error, "/")
            return ""

    def _note(self, error: BackendError, path: str) -> None:
        if error.kind == "unreachable":
            raise error
        if error.kind in {"timeout", "stalled"}:
            self._timeouts += 1
            if path == "/props" or self._timeouts > 1:
                text = f"{self._base} takes connections but did not answer within {self._timeout_s:g} s: is it busy?"
                raise BackendError("unreachable", text)
        if error.kind == "refused" and path in {"/props", "/v1/models"}:
            self._refusal = self._refusal or error
        if error.kind == "loading" and path == "/props":
            self._loading = error


def _owners(listing: Any) -> set[str]:
    rows = listing.get("data") if isinstance(listing, dict) else None
    return {str(row.get("owned_by")) for row in rows if isinstance(row, dict)} if isinstance(rows, list) else set()
