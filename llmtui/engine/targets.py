"""The servers of a session: found, or started if they are ours, and given back at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import NamedTuple, Protocol

import msgspec

from llmtui.backends.base import Backend, BackendError
from llmtui.backends.discover import DEFAULT_URLS, discover, identify, open_backend
from llmtui.engine.recorder import Recorder
from llmtui.engine.residence import Residence
from llmtui.events import Server, ServerStarted, ServerStopped, TargetResolved
from llmtui.servers.base import LocalServer, ServerError
from llmtui.suites.grid import EMBEDDED, EmbeddedServer, embedded_servers
from llmtui.suites.plan import PlannedTarget, target_names
from llmtui.suites.schema import Suite

DETECTED = "detected"
LOADING_PATIENCE_S = 120.0
ANSWER_WITHIN_S = 5.0
NOBODY = (
    "no server was detected on its usual port; start one, name it by `--url`, "
    "or take the embedded one by `--set targets=[embedded]`"
)


class LocalServerFactory(Protocol):
    """Prepares servers that llmtui runs itself."""

    def prepare(self, model: str | None, suite: Suite) -> LocalServer:
        """Return a server for `model` (None: the default one), not yet started; may fetch the model. Blocks.

        Raises `ServerError`.
        """


class ReadyTarget(NamedTuple):
    """A target that can be measured now. `pid` is the process of the server when it is ours."""

    name: str
    url: str
    pid: int | None
    backend: Backend
    residence: Residence


class _Target(msgspec.Struct):
    """A target of the session. `local` is set when the server is ours; then `backend` is there only while it runs."""

    name: str
    url: str
    backend: Backend | None = None
    local: LocalServer | None = None
    residence: Residence = msgspec.field(default_factory=Residence)


class TargetSet:
    """Finds the targets of a suite, makes each ready when its turn comes, and stops those that are ours."""

    def __init__(
        self,
        recorder: Recorder,
        factory: LocalServerFactory,
        *,
        urls: tuple[str, ...] = (),
        key_for: Callable[[str], str | None] = lambda _url: None,
        usual_urls: tuple[str, ...] = DEFAULT_URLS,
    ) -> None:
        self._recorder = recorder
        self._factory = factory
        self._urls = urls
        self._key_for = key_for
        self._usual_urls = usual_urls
        self._targets: dict[str, _Target] = {}

    async def resolve(self, suite: Suite) -> list[PlannedTarget]:
        """Find every target of `suite`, or of the URLs that the user gave in its place, and log what was found."""
        planned = [
            planned
            for name in self._urls or target_names(suite) or (DETECTED,)
            async for planned in self._resolve_one(name, suite)
        ]
        for target in planned:
            url = target.server.url if target.server else target.name
            self._recorder.record(
                TargetResolved(
                    t=self._recorder.now(), target=target.name, url=url, server=target.server, problem=target.problem
                )
            )
            if target.problem is not None:
                self._recorder.alert("error", "target-missing", target.problem)
        return planned

    async def ready(self, name: str, *, beside: bool = False) -> ReadyTarget | str:
        """Return a target that can be measured, started if it is ours, or the sentence that says why it can't.

        Our other servers are stopped before, unless it shall run `beside` them.
        """
        target = self._targets.get(name)
        if target is None:
            return f"there is no target `{name}`"
        local = target.local
        if local is not None and not await self._answers(target):
            await self._stop_locals(silent=target, others=not beside)
            start_ns = self._recorder.now()
            try:
                target.url = await local.start()
            except ServerError as error:
                return str(error)
            self._recorder.record(
                ServerStarted(t=self._recorder.now(), target=name, pid=local.pid or 0, url=target.url)
            )
            target.residence.started(self._recorder.now() - start_ns)
            target.backend = open_backend(Server(url=target.url, kind=EMBEDDED))
        return _ready(target) or f"the target `{name}` has no server"

    def connected(self) -> list[ReadyTarget]:
        """Return the targets that have a server now."""
        return [ready for target in self._targets.values() if (ready := _ready(target)) is not None]

    async def release(self, name: str) -> bool:
        """Stop the server of a target if it is ours and runs; return whether it did."""
        target = self._targets.get(name)
        return target is not None and await self._stop_local(target, silent=False)

    async def _answers(self, target: _Target) -> bool:
        """Ask a server of ours whether it still serves: one that was just killed can look alive for a moment."""
        if target.local is None or not target.local.running or target.backend is None:
            return False
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                await target.backend.describe()
        except (BackendError, TimeoutError):
            return False
        return True

    async def aclose(self) -> None:
        """Close all connections and stop our own servers, and nothing else."""
        for target in self._targets.values():
            if target.backend is not None:
                await target.backend.aclose()
        await self._stop_locals()

    async def _stop_locals(self, silent: _Target | None = None, *, others: bool = True) -> None:
        """Stop our servers, since one model at a time is in memory; without `others` only the one that fell silent."""
        for target in self._targets.values():
            if others or target is silent:
                await self._stop_local(target, silent=target is silent)

    async def _stop_local(self, target: _Target, *, silent: bool) -> bool:
        """Stop a server if it is ours and was started; one that died or fell silent is reported."""
        if target.local is None or target.local.pid is None:
            return False
        pid = target.local.pid
        died = None
        if not target.local.running:
            died = target.local.problem()
        elif silent:
            died = "the embedded server no longer answered and was started anew"
        code = await target.local.stop()
        if target.backend is not None:
            await target.backend.aclose()
            target.backend = None
        self._recorder.record(
            ServerStopped(t=self._recorder.now(), target=target.name, pid=pid, exit_code=code, reason=died)
        )
        if died is not None:
            self._recorder.alert("error", "server-died", died)
        return True

    async def _resolve_one(self, name: str, suite: Suite) -> AsyncIterator[PlannedTarget]:
        if name == EMBEDDED:
            embedded = embedded_servers(suite)
            several = len({server.model for server in embedded}) > 1
            for wanted in embedded:
                yield await self._prepare_embedded(wanted, suite, several=several)
        elif name == DETECTED:
            found = False
            async with aclosing(discover(self._usual_urls)) as servers:
                async for server in servers:
                    if server.models or server.problem is None:
                        found = True
                        yield self._adopt(server.url, server, self._key_for(server.url))
            if not found:
                yield PlannedTarget(DETECTED, None, NOBODY)
        else:
            yield await self._identify(name)

    async def _prepare_embedded(self, wanted: EmbeddedServer, suite: Suite, *, several: bool) -> PlannedTarget:
        """Prepare a server; its name tells it from those of `several` models, and of other settings."""
        model, setting = wanted.model, wanted.setting
        name = EMBEDDED if model is None or not several else f"{EMBEDDED}:{model}"
        name = f"{name}[{setting}]" if setting else name
        own = msgspec.structs.replace(suite, embedded=wanted.settings)
        try:
            local = await asyncio.to_thread(self._factory.prepare, model, own)
        except ServerError as error:
            return PlannedTarget(name, None, str(error), (model,) if model else (), setting)
        self._targets[name] = _Target(name, url=EMBEDDED, local=local)
        server = Server(url=EMBEDDED, kind=EMBEDDED, models=(local.model,))
        return PlannedTarget(name, server, None, (local.model.id,), setting)

    async def _identify(self, url: str) -> PlannedTarget:
        key = self._key_for(url)
        loop = asyncio.get_running_loop()
        patience = loop.time() + LOADING_PATIENCE_S
        while True:
            try:
                server = await identify(url, api_key=key)
            except BackendError as error:
                if error.kind == "loading" and loop.time() < patience:
                    await asyncio.sleep(0.5)
                    continue
                return PlannedTarget(url, None, error.sentence)
            if server.problem is not None and not server.models:
                return PlannedTarget(url, None, server.problem)
            return self._adopt(url, server, key)

    def _adopt(self, name: str, server: Server, key: str | None = None) -> PlannedTarget:
        self._targets[name] = _Target(name, server.url, backend=open_backend(server, api_key=key))
        return PlannedTarget(name, server)


def _ready(target: _Target) -> ReadyTarget | None:
    if target.backend is None:
        return None
    pid = target.local.pid if target.local else None
    return ReadyTarget(target.name, target.url, pid, target.backend, target.residence)
