"""Servers of several models whose answers are recorded ones, and whose memory changes as they are told."""

import json
from pathlib import Path

from llmtui.testing.byte_server import Answer, sse

CAPTURES = Path(__file__).parents[1] / "captures"
CHAT = "/v1/chat/completions"
NOT_FOUND = Answer.http(404, b"404 page not found", "text/plain")


def recorded(name):
    """The document in a recording whose body has a length."""
    return json.loads((CAPTURES / f"{name}.raw").read_bytes().partition(b"\r\n\r\n")[2])


class Ollama:
    """Ollama as recorded, with `models`; those that are `kept` it lists as loaded though it says that it unloaded them.

    `broken` models answer with the recorded error. `at_once` models fit into memory: the oldest makes room.
    """

    def __init__(self, models, *, held=(), kept=(), broken=(), at_once=9):
        self.models, self.held, self.kept, self.broken = models, list(held), kept, broken
        self.at_once = at_once
        self.log = []

    def __call__(self, request):
        if request.path in {"/api/generate", "/api/chat"}:
            return self.work(json.loads(request.body))
        pages = {
            "/": Answer.http(200, b"Ollama is running", "text/plain"),
            "/api/version": self.page("version"),
            "/api/show": self.page("show"),
            "/api/tags": self.rows("tags", self.models),
            "/api/ps": self.rows("ps", self.held),
        }
        return pages.get(request.path, NOT_FOUND)

    def work(self, body):
        if body["model"] in self.broken:
            return self.page("err_model404")
        if body.get("keep_alive") == 0:
            self.log.append(("unload", body["model"]))
            self.held = [name for name in self.held if name != body["model"] or name in self.kept]
            return self.page("unload")
        did = "chat_stream" if "messages" in body else "load"
        self.log.append((did.partition("_")[0], body["model"]))
        self.hold(body["model"])
        return self.page(did)

    def hold(self, model):
        if model not in self.held:
            self.held = [*self.held, model][-self.at_once :]

    def page(self, name):
        return Answer.recording(CAPTURES / f"ollama_{name}.raw")

    def rows(self, name, models):
        (row,) = recorded(f"ollama_{name}")["models"]
        return Answer.json({"models": [row | {"name": model, "model": model} for model in models]})


class LmStudio:
    """LM Studio by its REST API v1, as documented; what it streams is a recording of llama.cpp, on which it rests."""

    def __init__(self, models, *, held=()):
        self.models, self.held = models, list(held)
        self.log = []

    def __call__(self, request):
        body = json.loads(request.body) if request.body else {}
        if request.path == "/v1/models":
            return Answer.json({"data": [{"id": model, "owned_by": "organization_owner"} for model in self.models]})
        if request.path == "/api/v1/models":
            return Answer.json({"models": [self.row(model) for model in self.models]})
        if request.path == "/api/v1/models/load":
            self.log.append(("load", body["model"]))
            self.held.append(body["model"])
            return Answer.json({"instance_id": body["model"], "load_time_seconds": 1.5, "status": "loaded"})
        if request.path == "/api/v1/models/unload":
            self.log.append(("unload", body["instance_id"]))
            self.held.remove(body["instance_id"])
            return Answer.json({"instance_id": body["instance_id"]})
        if request.path == CHAT:
            self.log.append(("chat", body["model"]))
            return Answer.recording(CAPTURES / "llamacpp_chat_stream_usage.raw")
        return NOT_FOUND

    def row(self, model):
        instances = [{"id": model, "config": {"context_length": 4096}}] if model in self.held else []
        return {"key": model, "type": "llm", "loaded_instances": instances, "max_context_length": 8192}


class LlamaRouter:
    """llama.cpp as a router of several models; what it streams is recorded."""

    def __init__(self, models):
        self.status = dict.fromkeys(models, "unloaded")
        self.log = []

    def __call__(self, request):
        path = request.path.partition("?")[0]
        body = json.loads(request.body) if request.body else {}
        if path == "/props":
            return Answer.json({"role": "router", "max_instances": 4, "build_info": "b1"})
        if path == "/v1/models":
            rows = [{"id": name, "status": {"value": value}} for name, value in self.status.items()]
            return Answer.json({"data": rows})
        if path in {"/models/load", "/models/unload"}:
            self.log.append((path.removeprefix("/models/"), body["model"]))
            self.status[body["model"]] = path.removeprefix("/models/") + "ed"
            return Answer.json({"success": True})
        if path == CHAT:
            self.log.append(("chat", body["model"]))
            finish = {"choices": [{"index": 0, "finish_reason": "stop", "delta": {}}]}
            piece = {"choices": [{"index": 0, "finish_reason": None, "delta": {"content": "word "}}]}
            return Answer.stream(sse(piece, piece, piece, finish))
        return NOT_FOUND
