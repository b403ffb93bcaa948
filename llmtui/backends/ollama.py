"""Ollama over its native API, which tells more than its OpenAI-shaped one: counters, and errors in mid-stream."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import msgspec

from llmtui.backends.answer import AnswerChunks
from llmtui.backends.base import BackendError, End, GenerationRequest, StreamItem
from llmtui.backends.counters import read_positive
from llmtui.backends.exchange import post_timed, request_json
from llmtui.backends.http_backend import HttpBackend
from llmtui.backends.http_client import HttpClient
from llmtui.backends.ollama_rows import (
    PROMPT_SETTINGS,
    RowReader,
    full_name,
    generation_body,
    read_model,
    split_options,
)
from llmtui.backends.prompt_cache import PromptCache, SentPrompt
from llmtui.events import Model, Server

_SHOWS_AT_ONCE = 4
_NAMED_MODELS = 8

_MOST_CACHED = 0.1
"""The share of a prompt that may come from the cache before its prefill rate is called unknown."""


class OllamaBackend(HttpBackend):
    """One Ollama at `url`. `ValueError` for a URL or key that cannot be one.

    Args:
        url: Where it listens, with or without "/v1".
        api_key: Sent as a bearer token, for an Ollama behind a proxy.
        client: A client for `url` to be used instead of an own one; whoever opened it closes it.
        load_limit_s: How long a model may take to load.
        unload_limit_s: How long Ollama may take to let go of a model.
    """

    kind = "ollama"

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        client: HttpClient | None = None,
        load_limit_s: float = 600.0,
        unload_limit_s: float = 15.0,
    ) -> None:
        super().__init__(url, api_key=api_key, client=client, unload_limit_s=unload_limit_s)
        self._cache = PromptCache()
        self._windows: dict[str, int] = {}
        self._load_limit_s = load_limit_s

    async def describe(self) -> Server:
        """Ask for the version and the models, with the window of those that are loaded."""
        version = (await self._get("/api/version")).get("version")
        tags = await self._tags()
        running = await self._running()
        gate = asyncio.Semaphore(_SHOWS_AT_ONCE)
        models = await asyncio.gather(*(self._model(tag, running, gate) for tag in tags))
        return Server(url=self.url, kind=self.kind, version=str(version) if version else None, models=tuple(models))

    async def load(self, model: str, options: dict[str, Any]) -> int | None:
        """Load `model`. Pass the options of the requests to come: another `num_ctx` would load it once more.

        Returns the server's load time where it tells; 0.11.0 and 0.32.15 do not.
        """
        beside, of_model = split_options(options)
        keep = {key: value for key, value in beside.items() if key == "keep_alive"}
        running = await self._running()
        row = await self._ask("/api/generate", {"model": model, "stream": False, "options": of_model} | keep, model)
        if running is not None and full_name(model) not in running:
            self._cache.start_empty(full_name(model))
        await self._running()  # with the window that the model has now
        return read_positive(row.get("load_duration"))

    async def loaded(self) -> tuple[str, ...] | None:
        """Return the models that /api/ps lists; None for an imitation without that page."""
        running = await self._running()
        return None if running is None else tuple(running)

    async def unload(self, model: str) -> None:
        """Unload `model`, and wait until /api/ps no longer lists it. `BackendError` timeout when it stays there."""
        self._cache.forget(full_name(model))
        await self._ask("/api/generate", {"model": model, "stream": False, "keep_alive": 0}, model)

        async def is_there() -> bool:
            return full_name(model) in (await self._running() or {})

        await self._until_gone(model, is_there, "another request may be using it")

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamItem]:
        """Stream /api/chat, or /api/generate for a request with `prompt`.

        Ollama sends nothing, not even the header, until the model is loaded and the prompt evaluated; so up to then
        only `limit_s` applies, and `stall_s` from then on.
        """
        path, body = generation_body(request)
        settings = {key: value for key, value in body.items() if key in PROMPT_SETTINGS}
        prompt = self._cache.begin(msgspec.structs.replace(request, model=full_name(request.model)), settings)
        reader = RowReader(url=self.url, model=request.model, secret=self._secret)
        async with post_timed(
            self._client,
            path,
            body,
            stall_s=request.stall_s,
            limit_s=request.limit_s,
            model=request.model,
            patient=True,
        ) as exchange:
            if not exchange.ok:
                raise await self._explain(await exchange.problem(), request.model)
            yield exchange.sent()
            async for chunks in AnswerChunks(exchange, reader):
                for chunk in chunks:
                    yield chunk
            end = reader.finish()
            if not body["truncate"]:
                self._require_whole(end, request)
            yield self._with_prefill(end, full_name(request.model), prompt)

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Ollama offers no tokenizer."""
        del model, text
        return None

    def _require_whole(self, end: End, request: GenerationRequest) -> None:
        """Raise when the prompt fills its window to the brim: Ollama before 0.12.6 cuts it though told not to."""
        window = request.options.get("num_ctx") or self._windows.get(full_name(request.model))
        tokens = end.usage.prompt_tokens if end.usage else None
        if isinstance(window, int) and tokens is not None and tokens >= window:
            text = f"cut the prompt to its context of {window} tokens: shorten it, or raise num_ctx."
            raise BackendError("context_full", f"{self.url} {text}")

    def _with_prefill(self, end: End, model: str, prompt: SentPrompt) -> End:
        """Add how many prompt tokens were surely computed, as far as what was sent before tells."""
        tokens = end.usage.prompt_tokens if end.usage else None
        prompt.prompt_tokens = tokens
        prompt.completion_tokens = end.usage.completion_tokens if end.usage else None
        cached = self._cache.bound(model, prompt)
        if tokens is None or end.timings is None or end.timings.prefill_ns is None:
            return end
        if cached is None or cached > tokens * _MOST_CACHED:
            note = "Ollama counts cached prompt tokens too: the prefill rate is not known"
            return msgspec.structs.replace(end, notes=(*end.notes, note))
        timings = msgspec.structs.replace(
            end.timings, prefill_tokens=tokens - cached, cached_tokens=None if cached else 0
        )
        notes = (*end.notes, f"up to {cached} of {tokens} prompt tokens were cached: the prefill rate is a lower bound")
        return msgspec.structs.replace(end, timings=timings, notes=notes if cached else end.notes)

    async def _model(
        self, tag: Mapping[str, Any], running: Mapping[str, Mapping[str, Any]] | None, gate: asyncio.Semaphore
    ) -> Model:
        name = str(tag.get("name") or tag.get("model"))
        try:
            async with gate:
                show = await request_json(self._client, "POST", "/api/show", {"model": name})
        except BackendError:
            show = {}  # a model whose files are damaged is still one that Ollama lists
        model = read_model(tag, show if isinstance(show, dict) else {}, (running or {}).get(full_name(name)))
        return model if running is not None else msgspec.structs.replace(model, loaded=None)

    async def _ask(self, path: str, body: Mapping[str, Any], model: str) -> dict[str, Any]:
        try:
            row = await request_json(self._client, "POST", path, body, limit_s=self._load_limit_s, model=model)
        except BackendError as error:
            raise await self._explain(error, model) from None
        return row if isinstance(row, dict) else {}

    async def _explain(self, error: BackendError, model: str) -> BackendError:
        """Name the models that there are, where the one asked for is not."""
        if error.kind != "no_model":
            return error
        try:
            names = sorted(str(tag.get("name") or tag.get("model")) for tag in await self._tags())
        except BackendError:
            return error
        if not names:
            sentence = f"{self.url} has no models: get this one with `ollama pull {model}`."
        else:
            more = f" and {len(names) - _NAMED_MODELS} more" if len(names) > _NAMED_MODELS else ""
            listed = ", ".join(names[:_NAMED_MODELS])
            sentence = f"{self.url} has no model {model!r}: choose one of {listed}{more}, or `ollama pull` it."
        return BackendError("no_model", sentence, status=error.status)

    async def _tags(self) -> list[dict[str, Any]]:
        return _rows(await self._get("/api/tags"))

    async def _running(self) -> dict[str, dict[str, Any]] | None:
        """Return the loaded models by name; None for a server that does not tell, such as an imitation."""
        try:
            rows = _rows(await self._get("/api/ps"))
        except BackendError as error:
            if error.status is None:
                raise
            return None
        running = {full_name(str(row.get("name") or row.get("model"))): row for row in rows}
        windows = {name: row.get("context_length") for name, row in running.items()}
        self._windows = {name: window for name, window in windows.items() if isinstance(window, int)}
        return running

    async def _get(self, path: str) -> dict[str, Any]:
        answer = await request_json(self._client, "GET", path)
        return answer if isinstance(answer, dict) else {}


def _rows(answer: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = answer.get("models")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
