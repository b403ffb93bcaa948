"""llmtui's own llama.cpp server: a child process, so that nothing that happens in it can stop the engine."""

import asyncio
import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import msgspec
import psutil

from llmtui import places
from llmtui.events import Model
from llmtui.models.catalog import DEFAULT_MODEL, find_entry
from llmtui.models.download import ModelError, ensure_model, models_folder
from llmtui.models.gguf import GgufError, read_gguf
from llmtui.servers.base import ServerError
from llmtui.servers.embedded_child import ChildAnswer, ChildSettings
from llmtui.suites.levels import parallel_of
from llmtui.suites.lineup import servers_together
from llmtui.suites.schema import Suite

STOP_WITHIN_S = 1.0
NEEDED_FLAGS = ("avx2", "fma", "f16c")
CPUINFO = Path("/proc/cpuinfo")
LAST_WORDS = 400
TOO_OLD = "the processor is too old for the embedded server, which needs AVX2, FMA and F16C; name a server by --url"

_REASON = re.compile(r"error loading model: (.+)")
_LOG_PREFIX = re.compile(r"^[\d.]+ [A-Z] +")


class EmbeddedServer:
    """One model behind llama.cpp's HTTP server on a free port of the loopback interface.

    `notes` is the folder for what the child writes to its error output; `start_within_s` is how long a model may load.
    """

    def __init__(self, model: Model, settings: ChildSettings, notes: Path, start_within_s: float) -> None:
        self.model = model
        self._settings = settings
        self._notes_folder = notes
        self._start_within_s = start_within_s
        self._notes: Path | None = None
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
        """Start the child and return the base URL once it answers. Raises `ServerError`.

        Call it in a thread that lives as long as the server is wanted: on Linux the child ends with the thread.
        """
        if self._child is not None:
            await self.stop()
        try:
            child = self._spawn()
        except OSError as error:
            raise ServerError(f"the embedded server did not start: {error.strerror} ({error.filename})") from None
        self._child = child
        try:
            answer = await asyncio.wait_for(asyncio.to_thread(self._converse, child), self._start_within_s)
        except TimeoutError:
            await self.stop()
            raise ServerError(
                f"the embedded server did not load its model within {self._start_within_s:.0f} s; "
                "take a smaller model or raise `limits.load_s` in the suite"
            ) from None
        except asyncio.CancelledError:
            await self.stop()
            raise
        if answer.url is None:
            sentence = self.problem() if answer.error is None else self._refusal(answer.error)
            await self.stop()
            raise ServerError(sentence)
        return answer.url

    def _spawn(self) -> "subprocess.Popen[bytes]":
        # Here and not in a helper thread: the kernel watches the very thread that made the child.
        self._notes_folder.mkdir(parents=True, exist_ok=True)
        notes, name = tempfile.mkstemp(prefix="embedded-", suffix=".log", dir=self._notes_folder)
        self._notes = Path(name)
        try:
            return subprocess.Popen(
                [sys.executable, "-m", "llmtui.servers.embedded_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=notes,
            )
        finally:
            os.close(notes)

    def _converse(self, child: "subprocess.Popen[bytes]") -> ChildAnswer:
        """Tell the child its settings and wait for its one line of answer; an empty one means that it died."""
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            with child.stdin as stdin:
                stdin.write(msgspec.json.encode(self._settings))
            return msgspec.json.decode(child.stdout.readline(), type=ChildAnswer)
        except (OSError, msgspec.DecodeError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(STOP_WITHIN_S)  # the exit code of a child that is dying by itself says why
            child.kill()
            child.wait()
            return ChildAnswer()

    async def stop(self) -> int | None:
        """End the child: SIGTERM, and SIGKILL a second later, since llama.cpp waits for requests under way."""
        child, self._child = self._child, None
        if child is None:
            return None
        died = child.poll() is not None
        if not died:
            child.terminate()
            try:
                await asyncio.to_thread(child.wait, STOP_WITHIN_S)
            except subprocess.TimeoutExpired:
                pass
            finally:
                if child.poll() is None:
                    child.kill()
        code = await asyncio.to_thread(child.wait)
        if child.stdout is not None:
            child.stdout.close()
        if self._notes is not None and not (died and self._read_notes()):
            self._notes.unlink(missing_ok=True)
        return code

    def problem(self) -> str:
        """Return a sentence about a child that ended without being asked to."""
        if self._child is None:
            return "the embedded server is not running"
        code = self._child.poll()
        if code is None:
            return "the embedded server lives but does not answer"
        if code == -signal.SIGILL:
            return TOO_OLD
        how = f"by signal {_signal_name(-code)}" if code < 0 else f"with exit code {code}"
        lines = self._read_notes().splitlines()
        words = f": {_LOG_PREFIX.sub('', lines[-1])[:LAST_WORDS]}" if lines else ""
        return f"the embedded server ended {how}{words}"

    def _refusal(self, error: str) -> str:
        """Return llama.cpp's own reason for not serving the model, which is in its log and not in its exception."""
        found = _REASON.search(self._read_notes())
        reason = found.group(1).strip()[:LAST_WORDS] if found else error
        return f"{self._settings.model}: llama.cpp can't serve this model: {reason}"

    def _read_notes(self) -> str:
        try:
            return self._notes.read_text(errors="replace").strip() if self._notes else ""
        except OSError:
            return ""


class EmbeddedFactory:
    """Prepares embedded servers: finds or fetches the model, and checks what a child would need."""

    def __init__(
        self,
        on_note: Callable[[str], None] = lambda _note: None,
        *,
        cpuinfo: Path = CPUINFO,
        models: Path | None = None,
        state: Path | None = None,
    ) -> None:
        self._on_note = on_note
        self._cpuinfo = cpuinfo
        self._models = models
        self._state = state

    def prepare(self, model: str | None, suite: Suite) -> EmbeddedServer:
        """Return a server for `model`: a name of the catalogue, a path to a GGUF file, or None for the default.

        Blocks while a model is fetched. Raises `ServerError`.
        """
        missing = missing_support(self._cpuinfo)
        if missing is not None:
            raise ServerError(missing)
        path, alias = self._find(model)
        try:
            described = read_gguf(path)
        except GgufError as error:
            raise ServerError(f"{path}: {error}") from None
        options = suite.embedded
        # llama.cpp gives a request no more than the model was trained for, but would take the memory.
        context = min(options.context, described.context or options.context)
        settings = ChildSettings(
            model=str(path),
            alias=alias,
            context=context,
            parallel=options.parallel or parallel_of(suite),
            threads=options.threads or max(1, ((psutil.cpu_count(logical=False) or 1) - 1) // servers_together(suite)),
            gpu_layers=options.gpu_layers,
            parent=os.getpid(),
        )
        identity = Model(
            id=alias,
            family=described.architecture,
            parameters=described.parameters,
            quantization=described.quantization,
            context=context,
            trained=described.context,
            size=path.stat().st_size,
            loaded=False,
        )
        notes = (self._state or places.state_folder()) / "embedded"
        return EmbeddedServer(identity, settings, notes, suite.limits.load_s)

    def _find(self, model: str | None) -> tuple[Path, str]:
        """Return the model's file and the name by which the server shall answer."""
        if model is not None and (model.endswith(".gguf") or os.sep in model):
            path = Path(model).expanduser()
            if not path.is_file():
                raise ServerError(f"{path}: there is no such model file")
            return path.resolve(), path.stem
        try:
            entry = DEFAULT_MODEL if model is None else find_entry(model)
            return ensure_model(entry, self._models or models_folder(), self._on_note), entry.name
        except ModelError as error:
            raise ServerError(str(error)) from None


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


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
