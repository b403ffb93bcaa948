"""Any server that speaks OpenAI's protocol at /v1: vLLM, SGLang, TGI, LM Studio, and those of an unknown kind."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from llmtui.backends.answer import AnswerChunks
from llmtui.backends.base import BackendError, GenerationRequest, StreamItem
from llmtui.backends.chat_frames import ChatStreamReader, read_frame
from llmtui.backends.counters import read_count, read_nanoseconds, read_number, read_positive
from llmtui.backends.exchange import TimedExchange, post_timed, request_json
from llmtui.backends.http_backend import HttpBackend
from llmtui.backends.http_client import HttpClient
from llmtui.backends.openai_dialect import Dialect, adapt, compose
from llmtui.backends.openai_kinds import (
    KINDS,
    loaded_instances,
    read_lmstudio_models,
    read_models,
)
from llmtui.backends.problems import stream_problem
from llmtui.backends.stream_reader import StreamReader
from llmtui.backends.wire import WireError, decode_json
from llmtui.events import Server

LOADING_LIMIT_S = 120.0
_LOADING_POLL_S = 0.25
MODEL_LOAD_LIMIT_S = 1800.0


class OpenAiBackend(HttpBackend):
    """A `Backend` over /v1/chat/completions, or over /v1/completions for a request with a bare prompt.

    Args:
        url: The server, with or without "/v1" at its end.
        kind: One of `openai_kinds.KINDS`; it decides which fields beyond OpenAI's may be sent.
        api_key: Sent as a bearer token; without one no Authorization header is sent.
        client: A client for `url` to be used instead of an own one; whoever opened it closes it.
        loading_limit_s: How long a server that says that it is loading is waited for.
        unload_limit_s: How long LM Studio may take to let go of a model.

    `ValueError` for a URL, a kind or a key that cannot be one.
    """

    def __init__(
        self,
        url: str,
        *,
        kind: str = "openai",
        api_key: str | None = None,
        client: HttpClient | None = None,
        loading_limit_s: float = LOADING_LIMIT_S,
        unload_limit_s: float = 15.0,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is no kind of OpenAI-compatible server: write one of {', '.join(KINDS)}.")
        super().__init__(url, api_key=api_key, client=client, unload_limit_s=unload_limit_s)
        self.kind = kind
        self._traits = KINDS[kind]
        self._loading_limit_s = loading_limit_s
        self._dialect = Dialect()

    async def describe(self) -> Server:
        """Ask for the models, and for version and slots where this kind of server tells them."""
        listing = await request_json(self._client, "GET", "/v1/models")
        models = read_models(listing)
        if self._traits.manages_models:
            models = read_lmstudio_models(await self._rich_listing()) or models
        info = await self._info()
        context = read_positive(info.get(self._traits.context_field))
        if context is not None:
            models = tuple(msgspec.structs.replace(model, context=model.context or context) for model in models)
        version = info.get("version")
        return Server(
            url=self.url,
            kind=self.kind,
            version=version if isinstance(version, str) else None,
            models=models,
            slots=read_positive(info.get(self._traits.slots_field)),
        )

    async def load(self, model: str, options: dict[str, Any]) -> int | None:
        """Load `model` where the server can be told to; the others hold theirs from their start.

        An instance that was loaded with just these options is used as it is, any other one is unloaded first. An LM
        Studio without that interface loads a model when it is first asked for an answer.
        """
        if not self._traits.manages_models:
            return None
        listing = await self._rich_listing()
        if listing is None:
            return None
        instances = loaded_instances(listing, model)
        if any(options.items() <= config.items() for config in instances.values()):
            return None
        for instance in instances:
            await self._unload_instance(instance)
        answer = await request_json(
            self._client,
            "POST",
            "/api/v1/models/load",
            options | {"model": model},
            limit_s=MODEL_LOAD_LIMIT_S,
            model=model,
        )
        seconds = read_number(answer.get("load_time_seconds")) if isinstance(answer, dict) else None
        return None if seconds is None else read_nanoseconds(seconds * 1e3)

    async def loaded(self) -> tuple[str, ...] | None:
        """Return the models of which LM Studio has instances in memory; the other servers do not tell."""
        listing = await self._rich_listing() if self._traits.manages_models else None
        if listing is None:
            return None
        return tuple(model.id for model in read_lmstudio_models(listing) if model.loaded)

    async def unload(self, model: str) -> None:
        """Unload every instance of `model`, and wait until LM Studio lists none.

        `BackendError` not_supported for all other servers, which hold their model as long as they run. Some can sleep,
        but that only moves the weights into main memory, and only in those that were started for it.
        """
        listing = await self._rich_listing() if self._traits.manages_models else None
        if listing is None:
            raise BackendError("not_supported", f"{self.url} keeps {model!r} in memory: this server cannot unload.")
        for instance in loaded_instances(listing, model):
            await self._unload_instance(instance)

        async def is_there() -> bool:
            return bool(loaded_instances(await self._rich_listing(), model))

        await self._until_gone(model, is_there, "look into LM Studio's log")

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[StreamItem]:
        """Send one request and yield `Sent`, then every `Chunk` with text, then `End`.

        A server that rejects stream_options or max_tokens by name is asked again without the one, or with
        max_completion_tokens; one that is still loading is asked again until its time is over. `Sent` is of the request
        that was taken.

        Many servers say nothing while they read a long prompt, some send comments; neither is a stall, and `limit_s`
        bounds it. From the first text on `stall_s` holds, and comments do not renew it.
        """
        if not request.messages and request.prompt is None:
            raise BackendError("bad_request", f"The request to {self.url} holds no text: give it messages or a prompt.")
        dialect = self._dialect
        clock = asyncio.get_running_loop().time
        patient_until = clock() + self._loading_limit_s
        while True:
            path, payload, notes = compose(request, dialect, self._traits)
            async with post_timed(
                self._client,
                path,
                payload,
                stall_s=request.stall_s,
                limit_s=request.limit_s,
                model=request.model,
                patient=True,
            ) as exchange:
                if exchange.ok:
                    self._dialect = dialect
                    await _require_stream(exchange)
                    yield exchange.sent()
                    reader = ChatStreamReader(url=exchange.url, model=request.model, secret=exchange.secret)
                    async for chunks in AnswerChunks(exchange, reader, _progress_of_text):
                        for chunk in chunks:
                            yield chunk
                    yield reader.finish(notes)
                    return
                body = await exchange.body()
                problem = exchange.problem_of(body)
            if problem.kind == "loading" and clock() < patient_until:
                await asyncio.sleep(_LOADING_POLL_S)
                continue
            dialect = adapt(dialect, problem, body)

    async def count_tokens(self, model: str, text: str) -> int | None:
        """Count `text` by the server's own tokenizer, without the tokens that open a prompt; None where it has none."""
        if not self._traits.tokenizer:
            return None
        payload = {"model": model, "prompt": text, "add_special_tokens": False}
        try:
            answer = await request_json(self._client, "POST", "/tokenize", payload, model=model)
        except BackendError as error:
            if error.kind == "not_supported":
                return None
            raise
        return read_count(answer.get("count")) if isinstance(answer, dict) else None

    async def _info(self) -> dict[str | None, Any]:
        for path in self._traits.info_paths:
            try:
                info = await request_json(self._client, "GET", path)
            except BackendError as error:
                if error.kind not in {"not_supported", "refused", "malformed"}:
                    raise
                continue
            if isinstance(info, dict):
                return info
        return {}

    async def _rich_listing(self) -> Any:
        """Return LM Studio's own list of models; None from a version before it had one: 404, or 200 with an error."""
        try:
            listing = await request_json(self._client, "GET", "/api/v1/models")
        except BackendError as error:
            if error.kind != "not_supported":
                raise
            return None
        return listing if isinstance(listing, dict) and "models" in listing else None

    async def _unload_instance(self, instance: str) -> None:
        await request_json(self._client, "POST", "/api/v1/models/unload", {"instance_id": instance}, limit_s=120.0)


def _progress_of_text(reader: StreamReader[Any]) -> int:
    return reader.progress if reader.has_text else 0


async def _require_stream(exchange: TimedExchange) -> None:
    """Raise when a success is no stream: an error in one document, an answer in one piece, compressed bytes."""
    headers = exchange.response.headers
    if headers.get("content-encoding", "identity") != "identity":
        text = f"{exchange.url} compresses its stream though asked not to: switch that off in the server or its proxy."
        raise BackendError("malformed", text)
    if not headers.get("content-type", "").startswith("application/json"):
        return
    body = await exchange.body()
    try:
        document = decode_json(body)
    except WireError:
        document = None
    if isinstance(document, dict) and read_frame(document).error is not None:
        raise stream_problem(document, url=exchange.url, secret=exchange.secret)
    if not body.strip():
        raise BackendError("empty", f"{exchange.url} answered with nothing: look into the server's log.")
    raise BackendError("malformed", f"{exchange.url} answers in one piece, not as a stream: use a server that streams.")
