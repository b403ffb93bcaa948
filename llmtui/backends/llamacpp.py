"""llama.cpp's server, with one model or as a router of several; the embedded server is one of them."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any
from urllib.parse import urlencode

from llmtui.backends.answer import AnswerChunks
from llmtui.backends.base import BackendError, GenerationRequest, StreamItem
from llmtui.backends.counters import read_positive
from llmtui.backends.exchange import post_timed, request_json
from llmtui.backends.http_backend import HttpBackend
from llmtui.backends.http_client import HttpClient
from llmtui.backends.llamacpp_frames import (
    CompletionReader,
    CountingChatReader,
    chat_body,
    completion_body,
    has_failed,
    names_of,
    read_model,
    rows_of,
    status_of,
)
from llmtui.backends.stream_reader import StreamReader
from llmtui.events import Server

_POLL_S = 0.05


class LlamaCppBackend(HttpBackend):
    """One llama.cpp server at `url`. `ValueError` for a URL or key that cannot be one.

    Args:
        url: Where it listens, with or without "/v1".
        api_key: Sent as a bearer token; without one no Authorization header is sent.
        client: A client for `url` to be used instead of an own one; whoever opened it closes it.
        kind: "llamacpp", or "embedded" for the server that llmtui brings along.
        loading_limit_s: How long a server that says that it is loading is waited for.
        load_limit_s: How long a router may take to load a model.
        unload_limit_s: How long a router may take to let go of one.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        client: HttpClient | None = None,
        kind: str = "llamacpp",
        loading_limit_s: float = 120.0,
        load_limit_s: float = 600.0,
        unload_limit_s: float = 30.0,
    ) -> None:
        super().__init__(url, api_key=api_key, client=client, unload_limit_s=unload_limit_s)
        self.kind = kind
        self._loading_limit_s = loading_limit_s
        self._load_limit_s = load_limit_s
        self._known: set[str] = set()

    async def describe(self) -> Server:
        """Ask for build, slots and models; waits while the server is loading."""
        props = await self._props()
        rows = rows_of(await self._get("/v1/models"))
        if _is_router(props):
            loaded = [status_of(row) == "loaded" for row in rows]
            models = [
                read_model(r, await self._props(r["id"]) if up else {}) for r, up in zip(rows, loaded, strict=True)
            ]
        else:
            models = [read_model(row, props) for row in rows]
        slots, build = props.get("total_slots"), props.get("build_info")
        return Server(
            url=self.url,
            kind=self.kind,
            version=str(build) if build else None,
            models=tuple(models),
            slots=read_positive(slots),
        )

    async def load(self, model: str, options: dict[str, Any]) -> int | None:
        """Wait until the server is ready and `model` is loaded; a router is told to load it.

        llama.cpp takes the options of loading on its command line only, and tells no load time.
        """
        del options
        row = await self._row(model)
        status = status_of(row)
        if status == "unloaded":
            await request_json(self._client, "POST", "/models/load", {"model": row["id"]}, model=model)
        if status not in {None, "loaded", "sleeping"}:  # a request wakes up a model that sleeps
            await self._until(model, "loaded", limit_s=self._load_limit_s, has_tried=not has_failed(row))
        return None

    async def loaded(self) -> tuple[str, ...] | None:
        """Return what is in memory: of a router what it says of each model, else the server's only one.

        A model that sleeps has given its memory back.
        """
        rows = rows_of(await self._get("/v1/models"))
        return tuple(str(row["id"]) for row in rows if status_of(row) in {None, "loaded", "loading"})

    async def unload(self, model: str) -> None:
        """Tell a router to unload `model`, and wait until it has.

        `BackendError` not_supported for a server with one model, which holds it as long as it runs.
        """
        row = await self._row(model)
        status = status_of(row)
        if status is None:
            raise BackendError("not_supported", f"{self.url} keeps {model!r} in memory: this server cannot unload.")
        if status != "unloaded":
            await request_json(self._client, "POST", "/models/unload", {"model": row["id"]}, model=model)
            await self._until(model, "unloaded", limit_s=self._unload_limit_s)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamItem]:
        """Stream /v1/chat/completions, or /completion for a request with `prompt`.

        While no text has come, keep-alive comments count as life: a long queue or prompt is no stall.
        """
        if not request.messages and request.prompt is None:
            raise BackendError("bad_request", f"The request to {self.url} holds no text: give it messages or a prompt.")
        await self._check(request.model)
        path, body = ("/completion", completion_body(request))
        if request.messages:
            path, body = ("/v1/chat/completions", chat_body(request))
        patience = self._patience()
        while True:
            reader = self._reader(request)
            async with post_timed(
                self._client, path, body, stall_s=request.stall_s, limit_s=request.limit_s, model=request.model
            ) as exchange:
                if exchange.ok:
                    yield exchange.sent()
                    async for chunks in AnswerChunks(exchange, reader, _bytes_until_text):
                        for chunk in chunks:
                            yield chunk
                    yield reader.finish()
                    return
                problem = await exchange.problem()
            await patience.wait_after(problem)

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Count `text` by the model's tokenizer, without the marks that begin and end a prompt."""
        answer = await request_json(self._client, "POST", "/tokenize", {"model": model, "content": text}, model=model)
        tokens = answer.get("tokens") if isinstance(answer, dict) else None
        return len(tokens) if isinstance(tokens, list) else None

    def _reader(self, request: GenerationRequest) -> CountingChatReader | CompletionReader:
        if request.messages:
            return CountingChatReader(url=self.url, model=request.model, secret=self._secret)
        return CompletionReader(url=self.url, model=request.model, secret=self._secret)

    async def _check(self, model: str) -> None:
        """Refuse a model that is not there: a server with one model would answer with that one, whatever the name."""
        if model not in self._known:
            await self._row(model)
            self._known.add(model)

    async def _row(self, model: str) -> dict[str, Any]:
        rows = rows_of(await self._get("/v1/models"))
        for row in rows:
            if model in names_of(row):
                return row
        listed = ", ".join(sorted(str(row["id"]) for row in rows)) or "none"
        raise BackendError("no_model", f"{self.url} has no model {model!r}: choose one of those it has ({listed}).")

    async def _until(self, model: str, goal: str, *, limit_s: float, has_tried: bool = True) -> None:
        """Wait until a router says that `model` is what it was told to become.

        `has_tried`: the word "failed" is of this attempt, not of one before it.
        """
        try:
            async with asyncio.timeout(limit_s):
                while (status := status_of(row := await self._row(model))) != goal:
                    has_tried = has_tried or status != "unloaded"
                    if goal == "loaded" and has_tried and has_failed(row):
                        text = f"{self.url} could not load {model!r}: look into the server's log."
                        raise BackendError("server_error", text)
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            text = f"{self.url} has not {goal} {model!r} after {limit_s:g} s: look into the server's log."
            raise BackendError("timeout", text) from None

    async def _get(self, path: str) -> dict[str, Any]:
        """Ask for a page, again and again while the server is loading."""
        patience = self._patience()
        while True:
            try:
                answer = await request_json(self._client, "GET", path)
            except BackendError as error:
                await patience.wait_after(error)
            else:
                return answer if isinstance(answer, dict) else {}

    def _patience(self) -> "_Patience":
        return _Patience(asyncio.get_running_loop().time() + self._loading_limit_s)

    async def _props(self, model: str | None = None) -> dict[str, Any]:
        query = "?" + urlencode({"model": model, "autoload": "false"}) if model else ""
        return await self._get(f"/props{query}")


def _bytes_until_text(reader: StreamReader[Any]) -> int:
    return reader.progress if reader.has_text else reader.received


class _Patience:
    """Waits while a server says that it is loading: until then it answers every question with 503."""

    def __init__(self, ends_at: float) -> None:
        self._ends_at = ends_at

    async def wait_after(self, problem: BackendError) -> None:
        """Wait before the next try; raises `problem` when it is another one, or when it has lasted too long."""
        if problem.kind != "loading" or asyncio.get_running_loop().time() >= self._ends_at:
            raise problem
        await asyncio.sleep(_POLL_S)


def _is_router(props: Mapping[str, Any]) -> bool:
    return props.get("role") == "router"
