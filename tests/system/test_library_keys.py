"""Comparison, history and throttle spans by keys, in a real terminal, on sessions that lie in the folder."""

import time

import pyte
import pytest
from support.command_line import LLMTUI
from support.conversation import MS, header, queued, request
from support.recorded_runs import STEADY, runs, write_session

from llmtui import events as ev
from llmtui.testing.terminal import Terminal

TRUECOLOR = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
COLUMNS, ROWS = 120, 40
PATIENCE_S = 40


class Typist:
    """Types, and waits until the screen shows what it should."""

    def __init__(self, *command):
        self.terminal = Terminal([*LLMTUI, *command], COLUMNS, ROWS, TRUECOLOR)

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self.terminal.close()

    @property
    def screen(self):
        screen = pyte.Screen(COLUMNS, ROWS)
        pyte.ByteStream(screen).feed(self.terminal.output)
        return "\n".join(screen.display)

    def sees(self, *texts):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.terminal.read_for(0.1)
            if all(text in self.screen for text in texts):
                return True
        raise AssertionError(f"no {texts} on:\n{self.screen}")

    def types(self, keys, *texts):
        self.terminal.send(keys)
        return self.sees(*texts)


@pytest.fixture
def sessions():
    for name, factor in (("20261121-040000-quick-aaaa", 1.0), ("20261121-050000-quick-bbbb", 1.3)):
        events = [header(session=name), *runs([level * factor for level in STEADY])]
        write_session(name, [*events, ev.SessionFinished(t=9 * MS * 1000, outcome="completed")])


def test_selected_sessions_are_compared_and_have_a_history(sessions):
    with Typist() as user:
        user.sees("quick-aaaa", "quick-bbbb", "enter runs quick")
        user.types(b"3", "enter opens 20261121-050000")
        user.types(b" ", "one session is selected: select another one")
        user.types(b"j ", "V compares the 2 selected sessions")
        user.types(b"V", "compare: 2 sides over time", "A 20261121-040000-quick-aaaa (baseline)")
        user.types(b"n", "by the number of the request")
        user.types(b"G", "slower", "Mann-Whitney")
        user.types(b"\x1b", "3 sessions", "V compares the 2")
        user.types(b"H", "history of decode: quick on smol", "2 sessions: too few to see a change")
        user.types(b"\x1b[D", "history of ttft")


def test_a_replay_goes_to_the_next_span_that_heat_slowed():
    told = {"gpu.0.percent": 99.0, "gpu.0.temperature": 84.0}
    heat = [
        ev.SampleTaken(t=s * 1000 * MS, values={**told, "gpu.0.throttle.reasons": float(0x20 if 20 <= s < 30 else 0)})
        for s in range(1, 60)
    ]
    name = "20261121-060000-quick-cccc"
    write_session(name, [header(session=name), queued(), ev.JobStarted(t=1, job="j1"), *request("j1.1"), *heat])
    with Typist("replay", name) as user:
        user.sees("1x")
        user.types(b" ", "‖")
        assert " 0:20 " not in user.screen
        user.types(b"g", "or throttle")
        user.types(b"throttle\r", " 0:20 ", "~~")
        user.types(b"g", "or throttle")
        user.types(b"throttle\r", "no further throttle")
