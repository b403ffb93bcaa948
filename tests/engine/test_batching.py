import asyncio

from support.scripted import Sink

from llmtui import events as ev
from llmtui.backends.base import Chunk
from llmtui.engine.batching import TokenBatcher
from llmtui.engine.recorder import Recorder

MS = 1_000_000


async def test_offsets_count_from_the_moment_of_sending():
    sink = Sink()
    batcher = TokenBatcher(Recorder(sink, origin_ns=1000 * MS), "r", sent_ns=1100 * MS)
    batcher.add(Chunk(1150 * MS, "a", tokens=1))
    batcher.add(Chunk(1160 * MS, "b", tokens=3))
    batcher.flush()
    (batch,) = sink.of(ev.TokensReceived)
    assert (batch.t, batch.offsets_us, batch.tokens) == (160 * MS, (50_000, 60_000), (1, 3))
    batcher.flush()
    assert len(sink.events) == 1


async def test_counts_are_kept_only_when_every_chunk_has_one():
    sink = Sink()
    batcher = TokenBatcher(Recorder(sink), "r", sent_ns=0)
    batcher.add(Chunk(1, "a", tokens=1))
    batcher.add(Chunk(2, "b"))
    batcher.flush()
    assert sink.events[0].tokens == ()


async def test_a_chunk_is_written_in_time_without_a_next_one():
    sink = Sink()
    TokenBatcher(Recorder(sink), "r", sent_ns=0, span_s=0.02).add(Chunk(1, "a"))
    assert sink.events == []
    async with asyncio.timeout(2):
        while not sink.events:
            await asyncio.sleep(0.005)
    assert sink.events[0].texts == ("a",)


async def test_chunks_that_were_kept_together_are_written_together_and_at_once():
    sink = Sink()
    batcher = TokenBatcher(Recorder(sink, clock=lambda: 100 * MS), "r", sent_ns=0, span_s=0.05)
    batcher.add(Chunk(60 * MS, "a"))
    batcher.add(Chunk(70 * MS, "b"))
    assert sink.events == []
    await asyncio.sleep(0)
    assert [event.texts for event in sink.events] == [("a", "b")]


async def test_a_chunk_that_just_came_waits_for_others():
    sink = Sink()
    batcher = TokenBatcher(Recorder(sink, clock=lambda: 100 * MS), "r", sent_ns=0, span_s=0.05)
    batcher.add(Chunk(99 * MS, "a"))
    await asyncio.sleep(0)
    assert sink.events == []
    batcher.flush()
