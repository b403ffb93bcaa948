import msgspec
import pytest
from hypothesis import given
from support.any_events import sessions

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.outline import OutlineDecoder, landmarks_among


@given(sessions())
def test_of_each_event_the_outline_has_the_time_and_the_same_landmarks(events):
    lines = OutlineDecoder.decode_lines(b"".join(map(encode_line, events)))
    times = [event.t for event in events]
    assert [line.t for line in lines] == times
    assert landmarks_among(lines, times) == landmarks_among(events, times)


def test_an_outline_holds_nothing_else():
    line = encode_line(ev.TokensReceived(t=5, request="r", offsets_us=(1,), texts=("a",)))
    assert msgspec.to_builtins(OutlineDecoder.decode(line)) == {"ev": "tokens_received", "t": 5}


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"ev":"unheard_of","t":1}', b'{"ev":"queue_paused"}', b'{"ev":"queue_paused","t":"x"}']
)
def test_what_is_no_event_has_none(line):
    with pytest.raises(msgspec.DecodeError):
        OutlineDecoder.decode(line)
