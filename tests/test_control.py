import asyncio
import os
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from llmtui import control
from llmtui.control import ControlError, Reply, send_command
from llmtui.control_socket import ControlServer, send_command_async

NOBODY = 65534


def agree(_command):
    return Reply(ok=True, text="")


@pytest.fixture
def path():
    """A place for a socket; its name is short, since a hundred bytes are all that there are."""
    with tempfile.TemporaryDirectory(prefix="llmtui-", dir="/tmp") as folder:
        yield Path(folder) / "c.sock"


@pytest.fixture
async def engine(path):
    seen = []

    def handle(command):
        seen.append(command)
        if command == control.Mark(label="bug"):
            raise RuntimeError("it broke")
        return Reply(ok=True, text=type(command).__name__)

    server = ControlServer(path, handle)
    await server.start()
    yield path, seen
    await server.aclose()


async def talk(path, data, answers):
    """Send raw bytes on one connection and return the lines that come back."""
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(data)
    lines = [await asyncio.wait_for(reader.readline(), 5) for _ in range(answers)]
    writer.close()
    return lines


COMMANDS = [
    control.Pause(),
    control.Resume(),
    control.Skip(),
    control.Skip(job="j2"),
    control.Rerun(jobs=("j1", "j2")),
    control.Clone(job="j1", set={"max_tokens": "64"}),
    control.Move(job="j2", steps=-1),
    control.Stop(now=False),
    control.Stop(),
    control.Mark(label="here\n\u2028"),
    control.Status(),
]


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_arrives_as_it_was_sent(engine, command):
    path, seen = engine
    reply = await asyncio.to_thread(send_command, path, command)
    assert reply == Reply(ok=True, text=type(command).__name__)
    assert await send_command_async(path, command) == reply
    assert seen == [command, command]


def test_it_works_on_the_loop_that_engines_take(path):
    """Where uvloop is installed the engine runs on it, and its sockets are not quite asyncio's."""
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")

    async def ask():
        server = ControlServer(path, agree)
        await server.start()
        try:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            reply = await asyncio.to_thread(send_command, path, control.Status())
            return reply, await send_command_async(path, control.Status())
        finally:
            await server.aclose()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(ask()) == (Reply(ok=True, text=""), Reply(ok=True, text=""))
    assert not path.exists()


async def test_only_the_owner_can_open_it(engine):
    path, _ = engine
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.privileged
async def test_another_user_is_refused_even_where_the_file_would_let_him_in(engine):
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if not hasattr(socket, "SO_PEERCRED"):
        pytest.skip("this system does not tell who is at the other end")
    path, seen = engine
    path.parent.chmod(0o755)
    path.chmod(0o666)
    with socket.socket(socket.AF_UNIX) as stranger:
        os.seteuid(NOBODY)
        try:
            stranger.connect(str(path))
        finally:
            os.seteuid(0)
        stranger.sendall(b'{"command":"stop"}\n')
        answer = await asyncio.to_thread(stranger.recv, 1000)
    assert b"belongs to another user" in answer
    assert seen == []
    assert (await send_command_async(path, control.Status())).ok


async def test_nonsense_is_answered_and_the_line_stays_open(engine):
    path, seen = engine
    nonsense = [
        b"nonsense",
        b"",
        b'{"command":"dance"}',
        b'{"command":"rerun"}',
        b'{"command":"skip","job":7}',
        b'{"command":"mark","label":"\xff"}',
        b"[" * 5000,
        b'{"command":"mark","label":' + b'{"a":' * 5000,
    ]
    answers = await talk(path, b"\n".join([*nonsense, b'{"command":"pause"}', b""]), len(nonsense) + 1)
    assert [b'"ok":true' in answer for answer in answers] == [False] * len(nonsense) + [True]
    assert all(b"not a command: " in answer for answer in answers[:-1])
    assert seen == [control.Pause()]


async def test_a_command_that_breaks_the_engines_hand_is_answered(engine):
    path, _ = engine
    reply = await send_command_async(path, control.Mark(label="bug"))
    assert reply == Reply(ok=False, text="the engine could not do that: RuntimeError: it broke")
    assert (await send_command_async(path, control.Status())).ok


async def test_an_endless_line_is_refused(engine):
    path, seen = engine
    (answer,) = await talk(path, b"x" * (control.LONGEST_LINE * 2), 1)
    assert b"at most 65536 bytes" in answer
    assert seen == []
    assert (await send_command_async(path, control.Status())).ok


async def test_clients_that_hang_hold_up_nobody(engine):
    path, _ = engine
    hanging = [await asyncio.open_unix_connection(str(path)) for _ in range(50)]
    for _, writer in hanging:
        writer.write(b'{"command":')
    assert (await send_command_async(path, control.Status())).ok
    for _, writer in hanging:
        writer.close()


async def test_closing_does_not_wait_for_clients_and_leaves_nothing(path):
    server = ControlServer(path, agree)
    await server.start()
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b'{"command":"pause"}\n')
    await reader.readline()
    await asyncio.wait_for(server.aclose(), 5)
    assert await reader.read() == b""
    writer.close()
    assert not path.exists()
    await server.aclose()


async def test_a_second_engine_does_not_take_the_socket(engine):
    path, _ = engine
    # In a thread of its own: the first engine must be able to answer.
    with pytest.raises(ControlError, match="another engine listens"):
        await asyncio.to_thread(asyncio.run, ControlServer(path, agree).start())
    assert (await send_command_async(path, control.Status())).ok


async def test_an_engine_that_is_stopped_keeps_its_socket(path):
    with socket.socket(socket.AF_UNIX) as stopped:
        stopped.bind(str(path))
        stopped.listen(0)
        waiting = []
        while True:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            if waiting[-1].connect_ex(str(path)) != 0:
                break
        with pytest.raises(ControlError, match=r"another engine has .* and does not answer"):
            await ControlServer(path, agree).start()
        assert path.exists()
        for client in waiting:
            client.close()


async def test_a_socket_left_by_a_dead_engine_is_replaced(path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert path.exists()
    with pytest.raises(ControlError, match="no engine runs"):
        await send_command_async(path, control.Status())
    server = ControlServer(path, lambda _command: Reply(ok=True, text="second"))
    await server.start()
    assert (await send_command_async(path, control.Status())).text == "second"
    await server.aclose()
    assert not path.exists()


async def test_what_is_no_socket_is_left_alone(path):
    path.write_text("precious")
    with pytest.raises(ControlError, match="is no socket"):
        await ControlServer(path, agree).start()
    assert path.read_text() == "precious"


async def test_where_no_socket_can_be_there_is_one_sentence(path):
    for bad in (path.parent / "none" / "c.sock", path.parent / ("x" * 120)):
        with pytest.raises(ControlError, match="no engine can listen"):
            await ControlServer(bad, agree).start()


# --- the other end -------------------------------------------------------------------------------------------------


@pytest.fixture
def stand_in(path):
    """Listen in a thread, and do with each client what the test says."""
    threads = []
    listener = socket.socket(socket.AF_UNIX)

    def listen(behave):
        def serve():
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                behave(client)

        listener.bind(str(path))
        listener.listen()
        threads.append(threading.Thread(target=serve))
        threads[0].start()

    yield listen
    for thread in threads:
        thread.join()
    listener.close()


async def asked(how, path, timeout_s=5.0):
    if how == "sync":
        return await asyncio.to_thread(send_command, path, control.Status(), timeout_s)
    return await send_command_async(path, control.Status(), timeout_s)


both = pytest.mark.parametrize("how", ["sync", "async"])


@both
async def test_without_an_engine_there_is_one_sentence(path, how):
    with pytest.raises(ControlError, match="no engine runs for this session; it has ended or was cut off"):
        await asked(how, path)


@both
@pytest.mark.parametrize("answer", [b"", b'{"ok":tr', b"nonsense\n", b"\xff\n", b'{"ok":true}\n', b"x" * 200_000])
async def test_an_engine_that_dies_or_raves_gets_one_sentence(stand_in, path, how, answer):
    def behave(client):
        try:
            client.sendall(answer)
        except OSError:
            return

    stand_in(behave)
    with pytest.raises(ControlError, match="ended before it answered"):
        await asked(how, path)


@both
async def test_an_engine_that_dribbles_does_not_stretch_the_wait(stand_in, path, how):
    sent = []

    def behave(client):
        end = time.monotonic() + 10
        while time.monotonic() < end:
            try:
                client.sendall(b" ")
            except OSError:
                return
            sent.append(1)
            time.sleep(0.02)

    stand_in(behave)
    with pytest.raises(ControlError, match="does not answer"):
        await asked(how, path, timeout_s=0.2)
    assert len(sent) < 250


@both
async def test_an_answer_may_come_in_pieces(stand_in, path, how):
    def behave(client):
        for piece in (b'{"ok":true,', b'"text":"a \xe2', b'\x80\xa6"}', b"\n"):
            client.sendall(piece)
            time.sleep(0.02)

    stand_in(behave)
    assert await asked(how, path) == Reply(ok=True, text="a …")


@both
async def test_a_socket_of_somebody_else_gets_one_sentence(path, how):
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        path.chmod(0)
        was = os.geteuid()
        if was == 0:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(ControlError, match="belongs to another user"):
                await asked(how, path)
        finally:
            os.seteuid(was)


def test_control_is_light():
    """The command line asks for a status without loading what measures or draws."""
    code = "import sys, llmtui.control; assert not {'h11', 'textual', 'rich', 'yaml'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


async def test_a_reply_waits_until_what_was_done_has_settled(path):
    settled, done = asyncio.Event(), []
    server = ControlServer(path, lambda command: done.append(command) or Reply(ok=True, text="done"), settled.wait)
    await server.start()
    asking = asyncio.create_task(send_command_async(path, control.Pause()))
    async with asyncio.timeout(5):
        while not done:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert not asking.done()
        settled.set()
        assert (await asking).text == "done"
    await server.aclose()
