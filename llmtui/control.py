"""The control protocol: JSON lines over a Unix socket that only its owner can open, and the plain end that asks.

What needs an event loop is in `llmtui.control_socket`, so that a command line starts without one.
"""

import socket
import time
from pathlib import Path

import msgspec

LONGEST_LINE = 64 * 1024
ANSWER_WITHIN_S = 5.0
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class ControlError(Exception):
    """The engine could not be asked: one sentence that says why."""


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command", tag=str.lower):
    """The base of all commands."""


class Pause(Command, frozen=True):
    """Let no further request start."""


class Resume(Command, frozen=True):
    """Let the queue go on."""


class Skip(Command, frozen=True):
    """Skip a job; None is the one that runs."""

    job: str | None = None


class Rerun(Command, frozen=True):
    """Queue new iterations of these jobs."""

    jobs: tuple[str, ...]


class Clone(Command, frozen=True):
    """Queue a job again with other parameters: `set` has their keys and, as YAML, their values."""

    job: str
    set: dict[str, str]


class Move(Command, frozen=True):
    """Move a job that waits by so many places, down or (negative) up."""

    job: str
    steps: int


class Repeat(Command, frozen=True):
    """Run these jobs until the interval of their rate is `within` a share of it."""

    jobs: tuple[str, ...]
    within: float = 0.02


class Stop(Command, frozen=True):
    """End the session, at once or after the job that runs."""

    now: bool = True


class Mark(Command, frozen=True):
    """Mark this moment."""

    label: str


class ReportViewer(Command, frozen=True, kw_only=True):
    """A viewer says what it used since its last word: percent of a core, bytes/s to its terminal."""

    pid: int
    cpu: float
    terminal_rate: float


class Status(Command, frozen=True):
    """Ask how far the queue is."""


AnyCommand = Pause | Resume | Skip | Rerun | Clone | Move | Repeat | Stop | Mark | ReportViewer | Status


class Reply(msgspec.Struct, frozen=True):
    """The answer: whether it was done, and a sentence."""

    ok: bool
    text: str


def send_command(path: Path, command: Command, timeout_s: float = ANSWER_WITHIN_S) -> Reply:
    """Send one command and wait for its answer, at most `timeout_s`; raise `ControlError` when none comes."""
    end = time.monotonic() + timeout_s
    answer = b""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(encode_message(command))
            while not answer.endswith(b"\n") and len(answer) <= LONGEST_LINE:
                connection.settimeout(max(0.001, end - time.monotonic()))
                piece = connection.recv(LONGEST_LINE)
                if not piece:
                    break
                answer += piece
        except OSError as error:
            raise no_answer(error) from None
    return decode_reply(answer)


def no_answer(error: OSError) -> ControlError:
    """Return what a socket's error means for whoever asked."""
    if isinstance(error, TimeoutError | BlockingIOError):
        return ControlError("the engine does not answer; it may be busy or stopped")
    if isinstance(error, PermissionError):
        return ControlError("this session belongs to another user of the machine")
    return ControlError("no engine runs for this session; it has ended or was cut off")


def encode_message(message: Command | Reply) -> bytes:
    """Return a line with its end."""
    return msgspec.json.encode(message) + b"\n"


def decode_reply(line: bytes) -> Reply:
    """Read an answer; raise `ControlError` for what is none."""
    try:
        return msgspec.json.decode(line, type=Reply)
    except UNREADABLE:
        raise ControlError("the engine ended before it answered") from None
