"""The control socket: JSON lines over a Unix socket that only its owner can open. Both ends."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

LONGEST_LINE = 64 * 1024
ANSWER_WITHIN_S = 5.0


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


class Stop(Command, frozen=True):
    """End the session, at once or after the job that runs."""

    now: bool = True


class Mark(Command, frozen=True):
    """Mark this moment."""

    label: str


class Status(Command, frozen=True):
    """Ask how far the queue is."""


AnyCommand = Pause | Resume | Skip | Rerun | Stop | Mark | Status


class Reply(msgspec.Struct, frozen=True):
    """The answer: whether it was done, and a sentence."""

    ok: bool
    text: str


Handler = Callable[[AnyCommand], Reply]


class ControlServer:
    """The engine's end. `handle` is called in the loop, one command at a time for each client."""

    def __init__(self, path: Path, handle: Handler) -> None:
        self._path = path
        self._handle = handle
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A socket that a dead engine left behind is replaced; one that answers raises `ControlError`."""
        if _somebody_answers(self._path):
            raise ControlError(f"another engine listens on {self._path}")
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # The mode is set before anybody can connect: bound, but not yet listening.
        listener.bind(str(self._path))
        self._path.chmod(0o600)
        self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=LONGEST_LINE)

    async def aclose(self) -> None:
        """Stop listening, drop all clients and remove the socket."""
        if self._server is None:
            return
        self._server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._clients.add(task)
            task.add_done_callback(self._clients.discard)
        try:
            if _peer_uid(writer) in {None, os.getuid()}:
                await self._serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            with suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                line = await reader.readline()
            except ValueError:
                writer.write(_encode(Reply(ok=False, text=f"a command is at most {LONGEST_LINE} bytes long")))
                await writer.drain()
                return
            if not line:
                return
            writer.write(_encode(self._answer(line)))
            await writer.drain()

    def _answer(self, line: bytes) -> Reply:
        try:
            command = msgspec.json.decode(line, type=AnyCommand)
        except msgspec.DecodeError as error:
            return Reply(ok=False, text=f"not a command: {error}")
        return self._handle(command)


def send_command(path: Path, command: Command, timeout_s: float = ANSWER_WITHIN_S) -> Reply:
    """Send one command and wait for its answer; raise `ControlError` when no engine answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(timeout_s)
        try:
            connection.connect(str(path))
            connection.sendall(_encode(command))
            with connection.makefile("rb") as answers:
                line = answers.readline(LONGEST_LINE)
        except OSError as error:
            raise _no_engine(error) from None
    return _decode(line)


async def send_command_async(path: Path, command: Command, timeout_s: float = ANSWER_WITHIN_S) -> Reply:
    """Do the same without blocking the loop."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE)
            try:
                writer.write(_encode(command))
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
    except OSError as error:
        raise _no_engine(error) from None
    return _decode(line)


def _no_engine(error: OSError) -> ControlError:
    if isinstance(error, TimeoutError):
        return ControlError("the engine does not answer; it may be busy or stopped")
    return ControlError("no engine runs for this session; it has ended or was cut off")


def _encode(message: Command | Reply) -> bytes:
    return msgspec.json.encode(message) + b"\n"


def _decode(line: bytes) -> Reply:
    try:
        return msgspec.json.decode(line, type=Reply)
    except msgspec.DecodeError:
        raise ControlError("the engine ended before it answered") from None


def _somebody_answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


def _peer_uid(writer: asyncio.StreamWriter) -> int | None:
    """Return the user at the other end, or None where the system does not tell (the file's mode guards there)."""
    connection = writer.get_extra_info("socket")
    if connection is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], sys.byteorder)
