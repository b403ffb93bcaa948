import pytest

from llmtui.backends.answer import AnswerChunks
from llmtui.backends.base import BackendError
from llmtui.backends.connection import TimedRead
from llmtui.backends.ollama_rows import RowReader

TEXT = b'{"message":{"content":"a"}}\n'
LAST = b'{"message":{"content":"b"},"done":true,"done_reason":"stop"}'


class Exchange:
    """Gives `reads`, those of a tuple together; `progress` has the sign of life before each, `drained` counts."""

    def __init__(self, *reads):
        moments = [together if isinstance(together, tuple) else (together,) for together in reads]
        self.left = [[TimedRead(place, data) for data in moment] for place, moment in enumerate(moments)]
        self.progress = []
        self.drained = 0
        self.count = None

    def reads(self, progress=None):
        self.count = progress
        return self

    async def together(self):
        if not self.left:
            return []
        self.progress.append(self.count() if self.count else None)
        return self.left.pop(0)

    async def drain(self):
        self.drained += 1


async def texts(exchange, reader, sign_of_life=None):
    return ["".join(c.text for c in chunks) async for chunks in AnswerChunks(exchange, reader, sign_of_life)]


async def test_what_follows_the_end_is_drained_and_not_read_as_an_answer():
    exchange, reader = Exchange(TEXT, TEXT + LAST + b"\n", b"more\n"), RowReader(url="u")
    assert await texts(exchange, reader) == ["a", "ab", ""]
    assert (exchange.drained, len(exchange.left)) == (1, 1)
    assert reader.finish().finish_reason == "stop"


async def test_a_last_row_without_its_end_belongs_to_the_answer():
    exchange, reader = Exchange(TEXT, LAST), RowReader(url="u")
    assert await texts(exchange, reader) == ["a", "", "b"]
    assert exchange.drained == 0, "the body is at its end"
    assert reader.finish().at_ns == 1


async def test_text_before_an_error_is_given_before_the_error():
    chunks = AnswerChunks(Exchange(TEXT + b'{"error":"out of luck"}\n'), RowReader(url="u"))
    assert [c.text for c in await anext(chunks)] == ["a"]
    with pytest.raises(BackendError, match="out of luck"):
        await anext(chunks)


async def test_reads_of_one_moment_are_one_list():
    assert await texts(Exchange((TEXT, TEXT), TEXT), RowReader(url="u")) == ["aa", "a", ""]


async def test_text_of_one_moment_with_an_error_is_given_before_the_error():
    chunks = AnswerChunks(Exchange((TEXT, b'{"error":"out of luck"}\n', TEXT)), RowReader(url="u"))
    assert [c.text for c in await anext(chunks)] == ["a"]
    with pytest.raises(BackendError, match="out of luck"):
        await anext(chunks)


async def test_the_sign_of_life_is_that_of_the_reader():
    exchange, reader = Exchange(b"\n", TEXT, TEXT), RowReader(url="u")
    await texts(exchange, reader, lambda reader: reader.received)
    assert exchange.progress == [0, 1, 1 + len(TEXT)]


async def test_after_its_end_nothing_comes():
    chunks = AnswerChunks(Exchange(LAST), RowReader(url="u"))
    assert len([one async for one in chunks]) == 2
    with pytest.raises(StopAsyncIteration):
        await anext(chunks)
