"""Keeps the sampler child alive, and turns its lines into events. One that hangs or dies leaves a gap, no more."""

import asyncio
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import msgspec

from llmtui.engine.gpu_places import GpuPlaces
from llmtui.engine.recorder import Recorder
from llmtui.events import HardwareSnapshot, SamplerLost, SamplerStarted, SampleTaken, ServerProcessesFound
from llmtui.telemetry.sample_lines import SamplerCommand, SamplerLine, Watch, decode_line, encode
from llmtui.telemetry.sensors import Sample, Sensors

FIRST_LINE_WITHIN_S = 5.0
SILENCE_S = 5.0
FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
LONGEST_LINE = 4 * 1024 * 1024
DEFAULT_PORTS = {"http": 80, "https": 443}


def sampler_command(interval_ms: int) -> list[str]:
    """Return the command line of the sampler."""
    return [sys.executable, "-m", "llmtui.telemetry.sampler", "--interval-ms", str(interval_ms)]


def is_local(host: str) -> bool:
    """Return whether `host` is this machine by a name that needs no look-up."""
    return host in {"localhost", "::1", "0.0.0.0", "::"} or host.startswith("127.")  # noqa: S104 - compared, not bound


class SamplerKeeper:
    """Starts the sampler, reads it, and starts it again when it is lost.

    The hardware comes before the log is open, so `start` waits for it; `run` then goes on until cancelled.
    """

    def __init__(self, interval_ms: int, command: Sequence[str] | None = None, silence_s: float = SILENCE_S) -> None:
        self._interval_ms = interval_ms
        self._command = list(command) if command is not None else sampler_command(interval_ms)
        self._silence_s = max(silence_s, 3 * interval_ms / 1000)
        self._child: asyncio.subprocess.Process | None = None
        self._watch: Watch | None = None
        self._early: list[SamplerLine] = []
        self._gpus = GpuPlaces()
        self.sensors = Sensors()

    @property
    def pid(self) -> int | None:
        """The sampler's process, None while there is none."""
        return self._child.pid if self._child is not None and self._child.returncode is None else None

    async def start(self) -> HardwareSnapshot:
        """Start the sampler and return the hardware that it found; a snapshot with the reason when it found none."""
        try:
            await self._open()
            line = await self._line(FIRST_LINE_WITHIN_S)
        except _LostError as lost:
            return HardwareSnapshot(detection_failed={"all": f"the sampler gave no snapshot: {lost}"})
        if line.hardware is None:
            self._early.append(line)
            return HardwareSnapshot(detection_failed={"all": "the sampler gave no snapshot"})
        self._gpus.know(line.hardware)
        return line.hardware

    def know(self, hardware: HardwareSnapshot) -> None:
        """Keep the GPUs of an earlier run of this session under the numbers that they have in its log."""
        self._gpus.know(hardware)

    def watch(self, target: str, url: str, pid: int | None) -> None:
        """Watch the process tree of the server behind `url`."""
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
        if pid is not None:
            watch = Watch(target=target, pid=pid)
        elif is_local(parts.hostname or ""):
            watch = Watch(target=target, port=port)
        else:
            # The port of another machine says nothing of who listens on the same port here.
            watch = Watch(target=target)
        if watch != self._watch:
            self._watch = watch
            self._tell(SamplerCommand(watch=watch))

    async def run(self, recorder: Recorder) -> None:
        """Log samples until cancelled."""
        retry_s = FIRST_RETRY_S
        while True:
            began = time.monotonic()
            try:
                if self.pid is None:
                    await self._open()
                recorder.record(SamplerStarted(t=recorder.now(), pid=self.pid or 0, interval_ms=self._interval_ms))
                await self._read(recorder)
            except _LostError as lost:
                await self._end()
                self.sensors.take(Sample(recorder.now(), {}, {}, str(lost)))
                recorder.record(SamplerLost(t=recorder.now(), reason=str(lost)))
                recorder.alert("warning", "sampler-lost", f"no hardware samples: {lost}; trying again")
            if time.monotonic() - began > LONGEST_RETRY_S:
                retry_s = FIRST_RETRY_S
            await asyncio.sleep(retry_s)
            retry_s = min(LONGEST_RETRY_S, retry_s * 2)

    async def aclose(self) -> None:
        """End the sampler."""
        await self._end()

    async def _open(self) -> None:
        try:
            self._child = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=LONGEST_LINE,
            )
        except OSError as error:
            raise _LostError(f"the sampler can't be started: {error.strerror}") from None
        if self._watch is not None:
            self._tell(SamplerCommand(watch=self._watch))

    async def _read(self, recorder: Recorder) -> None:
        while True:
            line = self._early.pop(0) if self._early else await self._line(self._silence_s)
            t = recorder.since_origin(line.monotonic_ns)
            values, missing = self._gpus.rename(line.values), self._gpus.rename(line.missing)
            if line.hardware is not None:
                missing |= self._gpus.know(line.hardware)
            if values or missing:
                self.sensors.take(Sample(max(0, t), values, missing))
                recorder.record(SampleTaken(t=max(0, t), values=values, missing=missing))
            if line.processes is not None:
                found = line.processes
                recorder.record(
                    ServerProcessesFound(
                        t=max(0, t), target=found.target, processes=found.processes, missing=found.missing
                    )
                )

    async def _line(self, within_s: float) -> SamplerLine:
        if self._child is None or self._child.stdout is None:
            raise _LostError("the sampler does not run")
        try:
            async with asyncio.timeout(within_s):
                line = await self._child.stdout.readline()
        except TimeoutError:
            raise _LostError(f"the sampler was silent for {within_s:.0f} s") from None
        except ValueError:
            raise _LostError("the sampler wrote a line without end") from None
        if not line:
            code = await self._child.wait()
            raise _LostError(f"the sampler ended {_how(code)}")
        try:
            return decode_line(line)
        except msgspec.DecodeError:
            raise _LostError("the sampler wrote something that is no sample") from None

    def _tell(self, command: SamplerCommand) -> None:
        if self._child is not None and self._child.stdin is not None and not self._child.stdin.is_closing():
            self._child.stdin.write(encode(command))

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        if child.returncode is None:
            child.kill()
        await child.wait()


class _LostError(Exception):
    """The sampler is lost; the text says how."""


def _how(code: int) -> str:
    return f"by signal {-code}" if code < 0 else f"with exit code {code}"
