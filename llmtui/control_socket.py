"""Both ends of the control socket in an event loop: the engine listens, a viewer asks."""

import asyncio
import os
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from llmtui.control import (
    ANSWER_WITHIN_S,
    LONGEST_LINE,
    UNREADABLE,
    AnyCommand,
    Command,
    ControlError,
    Reply,
    decode_reply,
    encode_message,
    no_answer,
)

PROBE_S = 1.0

Handler = Callable[[AnyCommand], Reply]


async def _at_once() -> None:
    """Wait for nothing."""


class ControlServer:
    """The engine's end. `handle` is called in the loop, one command at a time for each client.

    `settle` is awaited between what was done and its reply: whoever is told that something was done may rely on it.
    """

    def __init__(self, path: Path, handle: Handler, settle: Callable[[], Awaitable[None]] = _at_once) -> None:
        self._path = path
        self._handle = handle
        self._settle = settle
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen. A socket that a dead engine left behind is replaced.

        Raises `ControlError` when another engine listens there, or nothing can listen there.
        """
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _clear_the_place(self._path)
            # The mode is set before anybody can connect: bound, but not yet listening.
            listener.bind(str(self._path))
            self._path.chmod(0o600)
            self._server = await asyncio.start_unix_server(self._accept, sock=listener, limit=LONGEST_LINE)
        except OSError as error:
            listener.close()
            raise ControlError(f"no engine can listen on {self._path}: {error.strerror or error}") from None
        except ControlError:
            listener.close()
            raise

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
            else:
                writer.write(
                    encode_message(Reply(ok=False, text="this session belongs to another user of the machine"))
                )
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
                writer.write(encode_message(Reply(ok=False, text=f"a command is at most {LONGEST_LINE} bytes long")))
                await writer.drain()
                return
            if not line:
                return
            reply = self._answer(line)
            await self._settle()
            writer.write(encode_message(reply))
            await writer.drain()

    def _answer(self, line: bytes) -> Reply:
        try:
            command = msgspec.json.decode(line, type=AnyCommand)
        except UNREADABLE as error:
            return Reply(ok=False, text=f"not a command: {error}")
        try:
            return self._handle(command)
        except Exception as error:  # noqa: BLE001 - the one who asked must hear of it, and the session goes on
            return Reply(ok=False, text=f"the engine could not do that: {type(error).__name__}: {error}")


async def send_command_async(path: Path, command: Command, timeout_s: float = ANSWER_WITHIN_S) -> Reply:
    """Do the same without blocking the loop."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_unix_connection(str(path), limit=LONGEST_LINE)
            try:
                writer.write(encode_message(command))
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
    except OSError as error:
        raise no_answer(error) from None
    except ValueError:
        line = b""
    return decode_reply(line)


def _clear_the_place(path: Path) -> None:
    """Remove the socket of an engine that is gone; raise `ControlError` for one that is not, and for what is no socket.

    An engine that is stopped, or has its queue of clients full, does not answer either, but is there.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ControlError(f"{path} is no socket; remove it")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(PROBE_S)
            probe.connect(str(path))
    except ConnectionRefusedError:
        path.unlink()
    except FileNotFoundError:
        return
    except (TimeoutError, BlockingIOError):
        raise ControlError(f"another engine has {path}, and does not answer") from None
    else:
        raise ControlError(f"another engine listens on {path}")


def _peer_uid(writer: asyncio.StreamWriter) -> int | None:
    """Return the user at the other end, or None where the system does not tell (the file's mode guards there)."""
    connection = writer.get_extra_info("socket")
    if connection is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[4:8], sys.byteorder)
