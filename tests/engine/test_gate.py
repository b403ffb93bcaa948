import asyncio

import pytest

from llmtui.engine.gate import Gate


def test_the_time_of_all_pauses_adds_up():
    now = [100]
    gate = Gate(clock=lambda: now[0])
    assert (gate.closed, gate.closed_ns()) == (False, 0)
    gate.close()
    now[0] += 30
    assert (gate.closed, gate.closed_ns()) == (True, 30), "a pause that lasts counts as far as it goes"
    gate.close()
    now[0] += 5
    gate.open()
    assert (gate.closed, gate.closed_ns()) == (False, 35), "closing twice is one pause"
    now[0] += 1000
    assert gate.closed_ns() == 35
    gate.open()
    gate.close()
    now[0] += 7
    gate.open()
    assert gate.closed_ns() == 42


async def test_whoever_waits_goes_on_when_it_opens():
    gate = Gate()
    async with asyncio.timeout(5):
        await gate.passage()
        gate.close()
        waiting = [asyncio.create_task(gate.passage()) for _ in range(3)]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in waiting)
        gate.open()
        await asyncio.gather(*waiting)


async def test_a_closed_gate_keeps_no_cancelled_waiter():
    gate = Gate()
    gate.close()
    task = asyncio.create_task(gate.passage())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
