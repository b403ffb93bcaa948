"""A backend that plays a script, and a sink that keeps events: what the engine is given in place of a server and a log."""

import asyncio
import time

from llmtui.backends.base import BackendError, Chunk, End, Sent
from llmtui.events import Model, Server, Usage


class Sink:
    def __init__(self):
        self.events = []
        self.durable = []

    def append(self, event, *, durable=False):
        self.events.append(event)
        if durable:
            self.durable.append(event)

    def of(self, kind):
        return [event for event in self.events if type(event) is kind]


class ScriptedBackend:
    """Streams the pieces of `script`: a text, ("reasoning", text), a pause in seconds, or a `BackendError` to raise."""

    kind = "scripted"
    url = "http://127.0.0.1:9"

    def __init__(self, script=("Hello", " world"), *, usage=None, count=None, load_problem=None):
        self.script = script
        self.usage = usage
        self.count = count
        self.load_problem = load_problem
        self.requests = []
        self.loads = []
        self.closed = False

    async def describe(self):
        return Server(url=self.url, kind=self.kind, models=(Model(id="m"),))

    async def load(self, model, options):
        self.loads.append(model)
        if self.load_problem:
            raise self.load_problem
        return 7

    async def loaded(self):
        return None

    async def unload(self, model):
        raise BackendError("not_supported", f"{self.url} keeps {model!r} in memory: this server cannot unload.")

    async def stream(self, request):
        self.requests.append(request)
        yield Sent(time.monotonic_ns(), 5)
        pieces = self.script(len(self.requests)) if callable(self.script) else self.script
        total = 0
        for piece in pieces:
            if isinstance(piece, BackendError):
                raise piece
            if isinstance(piece, float):
                await asyncio.sleep(piece)
                continue
            reasoning = isinstance(piece, tuple)
            total += 1
            yield Chunk(time.monotonic_ns(), piece[1] if reasoning else piece, reasoning)
        usage = Usage(prompt_tokens=3, completion_tokens=total) if self.usage is None else self.usage
        yield End(time.monotonic_ns(), "stop", usage, notes=("a note of the backend",))

    async def count_tokens(self, model, text):
        if isinstance(self.count, BackendError):
            raise self.count
        return self.count

    async def aclose(self):
        self.closed = True
