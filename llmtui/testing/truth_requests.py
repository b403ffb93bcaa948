"""What the known-truth server is asked, and what it answers besides streams: HTTP requests in, pages out; no I/O."""

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from llmtui.testing.truth_frames import CREATED, PlannedAnswer, Shape, page, plan_answer
from llmtui.testing.truth_scenarios import SCENARIOS, Api, Scenario, read_scenario

LONGEST_REQUEST = 16 * 1024 * 1024
CONTEXT = 8192
OLLAMA_VERSION = "0.32.15"
_DIGEST = "0" * 64
_MODIFIED = "2026-01-01T00:00:00Z"
_CHARACTERS_PER_TOKEN = 4


class HttpRequest(NamedTuple):
    """One request; names of headers in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def keeps(self) -> bool:
        """Whether the client wants the connection kept."""
        return self.headers.get("connection", "").lower() != "close"


class Generation(NamedTuple):
    """A request for tokens: what is sent for it, and by what it can be found again."""

    model: str
    mark: str
    scenario: Scenario
    answer: PlannedAnswer


class BadRequestError(Exception):
    """Bytes that are no HTTP request that this server takes."""


def take_request(inbox: bytearray) -> HttpRequest | None:
    """Cut the first whole request out of `inbox`; None while more must come. Raises `BadRequestError`."""
    end = inbox.find(b"\r\n\r\n")
    if end < 0:
        if len(inbox) > LONGEST_REQUEST:
            raise BadRequestError("the head is too long")
        return None
    lines = inbox[:end].decode("latin-1").split("\r\n")
    try:
        method, path, _ = lines[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise BadRequestError("the head is not HTTP/1.1") from None
    if "transfer-encoding" in headers or not 0 <= length <= LONGEST_REQUEST:
        raise BadRequestError("the body needs a Content-Length")
    whole = end + 4 + length
    if len(inbox) < whole:
        return None
    body = bytes(inbox[end + 4 : whole])
    del inbox[:whole]
    return HttpRequest(method, path.partition("?")[0], headers, body)


class Responder:
    """Answers what comes in on the port of one protocol. `named` are model names to be listed beside the scenarios."""

    def __init__(self, api: Api, named: Collection[str] = ()) -> None:
        self.api = api
        plain = [name for name, traits in SCENARIOS.items() if api in traits.apis]
        self.models = tuple(dict.fromkeys([*plain, *named]))
        self._loaded: dict[str, None] = {}

    def respond(self, request: HttpRequest) -> Generation | bytes:
        """Return the page for `request`, or what it generates."""
        if request.method in {"GET", "HEAD"}:
            found = self._pages().get(request.path)
            return self._not_found() if found is None else page(found)
        try:
            body = json.loads(request.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return self._refusal(400, "the body is no JSON object")
        model = body.get("model")
        if request.path not in self._actions() or not isinstance(model, str):
            return self._not_found() if request.path not in self._actions() else self._refusal(400, "model is required")
        try:
            scenario = read_scenario(model)
        except ValueError as error:
            return self._refusal(404, f"model '{model}' not found: {error}")
        if self.api not in scenario.traits.apis:
            return self._refusal(404, f"model '{model}' not found: the scenario has no meaning in this protocol")
        return self._act(request.path, body, model, scenario)

    def _actions(self) -> tuple[str, ...]:
        if self.api == "openai":
            return ("/v1/chat/completions", "/v1/completions")
        return ("/api/chat", "/api/generate", "/api/show")

    def _act(self, path: str, body: dict[str, Any], model: str, scenario: Scenario) -> Generation | bytes:
        if path == "/api/show":
            return page(_show())
        if path == "/api/generate" and not body.get("prompt"):
            return page(self._load(model, body))
        self._loaded[_full_name(model)] = None
        bare = path in {"/v1/completions", "/api/generate"}
        prompt = _prompt_of(body)
        shape = Shape(
            api=self.api,
            bare=bare,
            stream=body.get("stream", self.api == "ollama") is True,
            include_usage=_mapping(body, "stream_options").get("include_usage") is True,
            prompt_tokens=max(1, len(prompt) // _CHARACTERS_PER_TOKEN),
        )
        limited = scenario.limited(_limit_of(body))
        return Generation(model, prompt.partition("\n")[0][:80], limited, plan_answer(limited, shape, model))

    def _load(self, model: str, body: dict[str, Any]) -> dict[str, Any]:
        unload = body.get("keep_alive") == 0
        if unload:
            self._loaded.pop(_full_name(model), None)
        else:
            self._loaded[_full_name(model)] = None
        reason = "unload" if unload else "load"
        return {"model": model, "created_at": _MODIFIED, "response": "", "done": True, "done_reason": reason}

    def _pages(self) -> dict[str, Any]:
        if self.api == "openai":
            rows = [{"id": name, "object": "model", "created": CREATED, "owned_by": "llmtui"} for name in self.models]
            return {"/v1/models": {"object": "list", "data": rows}}
        running = [
            _tag(name) | {"expires_at": "2319-01-01T00:00:00Z", "size_vram": 0, "context_length": CONTEXT}
            for name in self._loaded
        ]
        return {
            "/": "Ollama is running",
            "/api/version": {"version": OLLAMA_VERSION},
            "/api/tags": {"models": [_tag(_full_name(name)) for name in self.models]},
            "/api/ps": {"models": running},
        }

    def _not_found(self) -> bytes:
        return page("404 page not found", 404) if self.api == "ollama" else self._refusal(404, "Not Found")

    def _refusal(self, status: int, text: str) -> bytes:
        if self.api == "ollama":
            return page({"error": text}, status)
        kind = "NotFoundError" if status == 404 else "BadRequestError"  # noqa: PLR2004 - the status of HTTP
        return page({"error": {"message": text, "type": kind, "param": None, "code": status}}, status)


def _tag(name: str) -> dict[str, Any]:
    details = {"format": "gguf", "family": "truth", "parameter_size": "1M", "quantization_level": "F16"}
    return {
        "name": name,
        "model": name,
        "modified_at": _MODIFIED,
        "size": 1_000_000,
        "digest": _DIGEST,
        "details": details,
    }


def _show() -> dict[str, Any]:
    info = {"general.architecture": "truth", "general.parameter_count": 1_000_000, "truth.context_length": CONTEXT}
    return {"details": _tag("")["details"], "model_info": info, "capabilities": ["completion"], "template": ""}


def _full_name(model: str) -> str:
    return model if ":" in model else f"{model}:latest"


def _prompt_of(body: dict[str, Any]) -> str:
    messages = body.get("messages")
    if isinstance(messages, list) and messages and isinstance(messages[0], dict):
        return str(messages[0].get("content", ""))
    return str(body.get("prompt", ""))


def _limit_of(body: dict[str, Any]) -> int | None:
    limits = (body.get("max_tokens"), body.get("max_completion_tokens"), _mapping(body, "options").get("num_predict"))
    return next((limit for limit in limits if isinstance(limit, int)), None)


def _mapping(body: dict[str, Any], key: str) -> dict[str, Any]:
    value = body.get(key)
    return value if isinstance(value, dict) else {}
