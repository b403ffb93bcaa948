"""llmtui's own llama.cpp server: a child process, so that nothing that happens in it can stop the engine."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import msgspec
import psutil

from llmtui import places
from llmtui.events import Model
from llmtui.models.catalog import DEFAULT_MODEL, find_entry
from llmtui.models.download import ModelError, ensure_model
from llmtui.models.gguf import GgufError, read_gguf
from llmtui.servers.base import ServerError
from llmtui.servers.embedded_child import ChildAnswer, ChildSettings
from llmtui.suites.schema import Suite

START_WITHIN_S = 120.0
STOP_WITHIN_S = 1.0
NEEDED_FLAGS = ("avx2", "fma", "f16c")
LAST_WORDS = 400
CPUINFO = Path("/proc/cpuinfo")


class EmbeddedServer:
    """One model behind llama.cpp's HTTP server on a free port of the loopback interface."""

    def __init__(self, path: Path, model: Model, settings: ChildSettings, notes: Path) -> None:
        self.model = model
        self._path = path
        self._settings = settings
        self._notes = notes
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id; None before the start and after the stop."""
        return self._child.pid if self._child else None

    @property
    def running(self) -> bool:
        """Whether the child lives."""
        return self._child is not None and self._child.poll() is None

    async def start(self) -> str:
        """Start the child and return the base URL once it answers. Raises `ServerError`."""
        child = self._spawn()
        self._child = child
        try:
            answer = await asyncio.wait_for(asyncio.to_thread(self._converse, child), START_WITHIN_S)
        except TimeoutError:
            await self.stop()
            raise ServerError(f"the embedded server was not ready within {START_WITHIN_S:.0f} s") from None
        except asyncio.CancelledError:
            await self.stop()
            raise
        if answer.url is None:
            sentence = answer.error or self.problem()
            await self.stop()
            raise ServerError(f"the embedded server did not start: {sentence}")
        return answer.url

    def _spawn(self) -> "subprocess.Popen[bytes]":
        self._notes.parent.mkdir(parents=True, exist_ok=True)
        with self._notes.open("wb") as notes:
            return subprocess.Popen(
                [sys.executable, "-m", "llmtui.servers.embedded_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=notes,
            )

    def _converse(self, child: "subprocess.Popen[bytes]") -> ChildAnswer:
        """Tell the child its settings and wait for its one line of answer."""
        if child.stdin is None or child.stdout is None:
            return ChildAnswer(error="no pipe to the child")
        try:
            child.stdin.write(msgspec.json.encode(self._settings))
            child.stdin.close()
            return msgspec.json.decode(child.stdout.readline(), type=ChildAnswer)
        except (OSError, ValueError, msgspec.DecodeError):
            child.wait()
            return ChildAnswer(error=self.problem())

    async def stop(self) -> int | None:
        """End the child: SIGTERM, and SIGKILL a second later, since llama.cpp waits for requests under way."""
        child, self._child = self._child, None
        if child is None:
            return None
        if child.poll() is None:
            child.terminate()
            try:
                await asyncio.to_thread(child.wait, STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                child.kill()
        code = await asyncio.to_thread(child.wait)
        if child.stdout is not None:
            child.stdout.close()
        return code

    def problem(self) -> str:
        """Return a sentence about a child that ended without being asked to."""
        code = self._child.poll() if self._child else None
        if code == -signal.SIGILL:
            return "the processor is too old for the embedded server, which needs AVX2, FMA and F16C; use --url"
        how = f"by signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"with exit code {code}"
        words = self._last_words()
        return f"the embedded server ended {how}{f': {words}' if words else ''}"

    def _last_words(self) -> str:
        try:
            text = self._notes.read_text(errors="replace").strip()
        except OSError:
            return ""
        return text.splitlines()[-1][:LAST_WORDS] if text else ""


class EmbeddedFactory:
    """Prepares embedded servers: finds or fetches the model, and checks what a child would need."""

    def __init__(
        self,
        on_note: Callable[[str], None] = lambda _note: None,
        *,
        cpuinfo: Path = CPUINFO,
        state: Path | None = None,
    ) -> None:
        self._on_note = on_note
        self._cpuinfo = cpuinfo
        self._state = state

    def prepare(self, model: str | None, suite: Suite) -> EmbeddedServer:
        """Return a server for `model`: a name of the catalogue, a path to a GGUF file, or None for the default.

        Blocks while a model is fetched. Raises `ServerError`.
        """
        missing = missing_support(self._cpuinfo)
        if missing is not None:
            raise ServerError(missing)
        path = self._find(model)
        try:
            described = read_gguf(path)
        except GgufError as error:
            raise ServerError(f"{path}: {error}") from None
        alias = path.stem if model is None or _is_path(model) else model
        if model is None:
            alias = DEFAULT_MODEL.name
        options = suite.embedded
        settings = ChildSettings(
            model=str(path),
            alias=alias,
            context=options.context,
            parallel=options.parallel,
            threads=options.threads or psutil.cpu_count(logical=False) or 1,
            parent=os.getpid(),
        )
        identity = Model(
            id=alias,
            family=described.architecture,
            parameters=described.parameters,
            quantization=described.quantization,
            context=described.context,
            size=path.stat().st_size,
            loaded=False,
        )
        notes = (self._state or places.state_folder()) / "embedded" / f"{os.getpid()}-{alias}.txt"
        return EmbeddedServer(path, identity, settings, notes)

    def _find(self, model: str | None) -> Path:
        if model is not None and _is_path(model):
            path = Path(model).expanduser()
            if not path.is_file():
                raise ServerError(f"{path}: there is no such model file")
            return path
        try:
            entry = DEFAULT_MODEL if model is None else find_entry(model)
            return ensure_model(entry, places.cache_folder() / "models", self._on_note)
        except ModelError as error:
            raise ServerError(str(error)) from None


def _is_path(model: str) -> bool:
    return model.endswith(".gguf") or os.sep in model


def missing_support(cpuinfo: Path = CPUINFO) -> str | None:
    """Return the sentence that says why no embedded server can run here, or None when one can."""
    if find_spec("xllamacpp") is None:
        return "the embedded server is not installed; run: pip install 'llmtui[embedded]'"
    lacking = _lacking_flags(cpuinfo)
    if lacking:
        return f"the embedded server needs {', '.join(lacking)}, which this processor lacks; name a server by --url"
    return None


def _lacking_flags(cpuinfo: Path) -> list[str]:
    """Return the features that llama.cpp's wheel needs and an x86 processor lacks; none where it does not say."""
    try:
        text = cpuinfo.read_text()
    except OSError:
        return []
    line = next((line for line in text.splitlines() if line.startswith("flags")), None)
    return [] if line is None else [flag for flag in NEEDED_FLAGS if flag not in line.split()]
