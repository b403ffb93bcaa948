from pathlib import Path

import msgspec
import pytest

from llmtui.events import FORMAT_VERSION
from llmtui.log.decode import EventDecoder
from llmtui.log.migrate import STEPS, upgrade
from llmtui.log.read import read_log

SAMPLES = Path(__file__).parent / "samples"


def test_steps_are_climbed_one_by_one():
    steps = {
        1: lambda event: {**event, "ev": event["ev"].upper()},
        2: lambda event: {**event, "t": event["t"] + 1},
    }
    assert upgrade(b'{"ev":"x","t":1}', 1, steps, goal=3) == b'{"ev":"X","t":2}'
    assert upgrade(b'{"ev":"x","t":1}', 2, steps, goal=3) == b'{"ev":"x","t":2}'
    assert upgrade(b'{"ev":"x","t":1}', 3, steps, goal=3) == b'{"ev":"x","t":1}'


@pytest.mark.parametrize("line", [b"nonsense", b"[1]", b"", b'{"ev":"x"'])
def test_what_is_no_object_is_no_event(line):
    with pytest.raises(msgspec.DecodeError):
        upgrade(line, 1)


def test_a_missing_rung_is_said():
    with pytest.raises(msgspec.DecodeError, match="format 0"):
        upgrade(b"{}", 0, {}, goal=1)


def test_the_ladder_has_no_gap_and_each_version_has_its_sample():
    assert sorted(STEPS) == list(range(1, FORMAT_VERSION))
    assert sorted(path.stem for path in SAMPLES.glob("*.jsonl")) == [
        f"version{number}" for number in range(1, FORMAT_VERSION + 1)
    ]


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_nothing_that_was_ever_written_is_lost_in_reading(sample):
    """msgspec passes silently over fields that a struct does not have (any more), so each field is looked for."""
    lines = sample.read_bytes().splitlines()
    log = read_log(sample)
    assert log.notices == []
    assert len(log.events) == len(lines)
    for line, event in zip(lines, log.events, strict=True):
        written = msgspec.json.decode(upgrade(line, log.header.format))
        assert_holds(msgspec.to_builtins(event), written)


def assert_holds(read, written):
    if isinstance(written, dict):
        for key, value in written.items():
            assert key in read, key
            assert_holds(read[key], value)
    elif isinstance(written, list):
        assert len(read) == len(written)
        for one, other in zip(read, written, strict=True):
            assert_holds(one, other)
    else:
        assert read == written


def test_a_field_that_is_renamed_would_be_noticed():
    (event,) = EventDecoder().feed(b'{"ev":"marker_placed","t":1,"label":"x","labl":"y"}\n')
    with pytest.raises(AssertionError, match="labl"):
        assert_holds(msgspec.to_builtins(event), {"ev": "marker_placed", "labl": "y"})


def test_the_sample_of_version_1_has_every_event_of_its_time():
    lines = (SAMPLES / "version1.jsonl").read_bytes().splitlines()
    assert len({msgspec.json.decode(line)["ev"] for line in lines}) == 23
