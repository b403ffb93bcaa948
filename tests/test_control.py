import asyncio
import stat

import pytest

from llmtui import control
from llmtui.control import ControlError, ControlServer, Reply, send_command, send_command_async


@pytest.fixture
async def engine(tmp_path):
    seen = []

    def handle(command):
        seen.append(command)
        return Reply(ok=True, text=type(command).__name__)

    server = ControlServer(tmp_path / "c.sock", handle)
    await server.start()
    yield tmp_path / "c.sock", seen
    await server.aclose()


COMMANDS = [
    control.Pause(),
    control.Resume(),
    control.Skip(),
    control.Skip(job="j2"),
    control.Rerun(jobs=("j1", "j2")),
    control.Stop(now=False),
    control.Mark(label="here\n"),
    control.Status(),
]


@pytest.mark.parametrize("command", COMMANDS)
async def test_every_command_arrives_as_it_was_sent(engine, command):
    path, seen = engine
    reply = await asyncio.to_thread(send_command, path, command)
    assert reply == Reply(ok=True, text=type(command).__name__)
    assert await send_command_async(path, command) == reply
    assert seen == [command, command]


async def test_only_the_owner_can_open_it(engine):
    path, _ = engine
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_nonsense_is_answered_and_the_line_stays_open(engine):
    path, seen = engine
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b'nonsense\n{"command":"dance"}\n{"command":"pause"}\n')
    answers = [await reader.readline() for _ in range(3)]
    writer.close()
    assert [b'"ok":true' in answer for answer in answers] == [False, False, True]
    assert seen == [control.Pause()]


async def test_an_endless_line_is_refused(engine):
    path, seen = engine
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(b"x" * (control.LONGEST_LINE * 2))
    assert b"at most" in await reader.readline()
    writer.close()
    assert seen == []


async def test_a_client_that_hangs_holds_up_nobody(engine):
    path, _ = engine
    _, hanging = await asyncio.open_unix_connection(str(path))
    hanging.write(b'{"command":')
    assert (await send_command_async(path, control.Status())).ok
    hanging.close()


async def test_a_second_engine_does_not_take_the_socket(engine, tmp_path):
    with pytest.raises(ControlError, match="another engine"):
        await asyncio.wait_for(ControlServer(tmp_path / "c.sock", lambda _c: Reply(ok=True, text="")).start(), 5)


async def test_a_socket_left_by_a_dead_engine_is_replaced(tmp_path):
    path = tmp_path / "c.sock"
    first = ControlServer(path, lambda _c: Reply(ok=True, text="first"))
    await first.start()
    first._server.close()
    assert path.exists()
    second = ControlServer(path, lambda _c: Reply(ok=True, text="second"))
    await second.start()
    assert (await send_command_async(path, control.Status())).text == "second"
    await second.aclose()
    assert not path.exists()


def test_without_an_engine_there_is_one_sentence(tmp_path):
    with pytest.raises(ControlError, match="no engine runs"):
        send_command(tmp_path / "none.sock", control.Status())
