"""The sampler's language: one JSON object per line on its stdout, and commands, one per line, on its stdin.

{"hardware": {...}, "monotonic_ns": 1, "pid": 2}                        first, and again when the GPUs changed
{"monotonic_ns": 3, "wall": 4.5, "values": {...}, "missing": {...}}     each sample
{"processes": {"target": "...", "processes": [...]}, "monotonic_ns": 6} when the server's processes changed

{"interval_ms": 50}                                                     commands
{"watch": {"target": "local", "port": 8080}}
"""

import msgspec

from llmtui.events import HardwareSnapshot, ServerProcess


class ServerProcesses(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The process tree behind a target, or why it is not visible."""

    target: str
    processes: tuple[ServerProcess, ...] = ()
    missing: str | None = None


class SamplerLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `monotonic_ns` is the system's monotonic clock when the figures were read.

    In a sample, `values` holds what was read this time: slow figures are not in every line. `missing` holds the reason
    of each figure that cannot be read; it is repeated only when it changes and stands until a value comes.
    """

    monotonic_ns: int
    wall: float | None = None
    pid: int | None = None
    hardware: HardwareSnapshot | None = None
    processes: ServerProcesses | None = None
    values: dict[str, float] = {}
    missing: dict[str, str] = {}


class Watch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which server to watch: by process id, several of them, or the TCP port that it listens on; empty for none."""

    target: str = ""
    port: int | None = None
    pid: int | None = None
    pids: tuple[int, ...] = ()


class SamplerCommand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the engine asks of the running sampler; what is left out stays as it is."""

    interval_ms: int | None = None
    watch: Watch | None = None


_LINES = msgspec.json.Decoder(SamplerLine)
_COMMANDS = msgspec.json.Decoder(SamplerCommand)
_ENCODER = msgspec.json.Encoder()


def encode(message: SamplerLine | SamplerCommand) -> bytes:
    """Return a line with its end."""
    return _ENCODER.encode(message) + b"\n"


def decode_line(line: bytes) -> SamplerLine:
    """Read one line of the sampler; raise msgspec.DecodeError (or ValidationError, its child) for anything else."""
    return _LINES.decode(line)


def decode_command(line: bytes) -> SamplerCommand:
    """Read one command; raise msgspec.DecodeError."""
    return _COMMANDS.decode(line)
