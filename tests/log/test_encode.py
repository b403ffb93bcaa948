import math
from datetime import date

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from llmtui import events as ev
from llmtui.log.decode import EventDecoder
from llmtui.log.encode import encode_line


def read_back(event):
    line = encode_line(event)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    decoder = EventDecoder()
    (back,) = decoder.feed(line)
    assert decoder.notices() == []
    return back


@given(st.text())
def test_any_text_comes_back(text):
    event = ev.TokensReceived(t=1, request="r", offsets_us=(1,), texts=(text,))
    assert read_back(event) == event


def test_a_reading_that_is_no_number_is_missing_and_the_rest_stays():
    sample = ev.SampleTaken(t=1, values={"a": math.nan, "b": 2.0, "c": -math.inf}, missing={"d": "no sensor"})
    assert read_back(sample) == ev.SampleTaken(
        t=1,
        values={"b": 2.0},
        missing={"d": "no sensor", "a": "not a finite number", "c": "not a finite number"},
    )


def test_a_name_that_is_no_unicode_is_written_with_its_stray_bytes_replaced():
    name = b"/models/\xff.gguf".decode("utf-8", "surrogateescape")
    process = ev.ServerProcess(pid=1, name="server", command=name, created=1.0)
    back = read_back(ev.ServerProcessesFound(t=1, target="x", processes=(process,)))
    assert back.processes[0].command == "/models/?.gguf"
    assert read_back(ev.MarkerPlaced(t=1, label=name)).label == "/models/?.gguf"


def test_free_parameters_may_hold_anything_that_yaml_can():
    parameters = {"day": date(2026, 11, 21), "set": {1}, "nan": math.nan, ("a", 1): None, 3: [b"x"], "\udcff": "\udcfe"}
    back = read_back(
        ev.RequestStarted(t=1, request="r", job="j", model="m", messages=(("user", "hi"),), options=parameters)
    )
    assert back.options["day"] == "2026-11-21"
    assert back.options["nan"] is None
    assert back.options["3"] == ["eA=="]
    assert back.options["?"] == "?"
    assert back.messages == (("user", "hi"),)


def test_a_number_of_thousands_of_digits_is_written_as_text():
    event = ev.RequestStarted(t=1, request="r", job="j", model="m", messages=(), options={"seed": 10**5000})
    written = msgspec.json.decode(encode_line(event))
    assert int(written["options"]["seed"], 16) == 10**5000
