"""A replay that is driven by keys in a real terminal: what the screen shows after each of them."""

import re

import pytest
from support.conversation import MS, header, queued, request
from support.screen import Screen

from llmtui import events as ev
from llmtui.log.encode import encode_line

SECOND = 1000 * MS
LENGTH_S = 120
PAUSED = "‖"
SCRUBBER = re.compile(r"^ ?(\S) (\S+)x  (\d+):(\d\d) ", re.MULTILINE)


@pytest.fixture
def session(tmp_path):
    """Two minutes with a job in each, an alert at 0:30, a marker at 1:15, and a reading each second."""
    events = [header(name="played"), queued("j1"), queued("j2", 2, workload="second")]
    for job, start in (("j1", 10), ("j2", 60)):
        events.append(ev.JobStarted(t=start * SECOND, job=job))
        events += request(f"{job}.1", job=job, start=(start + 2) * SECOND)
        events.append(ev.JobFinished(t=(start + 40) * SECOND, job=job, status="done"))
    events.append(ev.AlertRaised(t=30 * SECOND, severity="warning", code="x", text="look at this"))
    events.append(ev.MarkerPlaced(t=75 * SECOND, label="here it is"))
    events += [ev.SampleTaken(t=n * SECOND + MS, values={"cpu.percent": float(n % 100)}) for n in range(LENGTH_S)]
    events.append(ev.SessionFinished(t=LENGTH_S * SECOND, outcome="completed"))
    path = tmp_path / "20261121-100000-played-0001.jsonl"
    path.write_bytes(b"".join(map(encode_line, sorted(events, key=lambda event: event.t))))
    return path


class Replay(Screen):
    """A replay that stands still as soon as it can."""

    def __init__(self, path):
        super().__init__("replay", str(path), "--speed", "0.25")

    def __enter__(self):
        try:
            self.wait_until(SCRUBBER.search, "scrubber")
            self.press(b" ")
            self.wait_until(lambda seen: SCRUBBER.search(seen)[1] == PAUSED, "scrubber that stands still")
        except BaseException:
            self.terminal.close()
            raise
        return self

    def place(self):
        """Return the state's sign, the speed, and the position in seconds as they stand on the screen."""
        seen = self.wait_until(SCRUBBER.search, "scrubber")
        sign, speed, minutes, seconds = SCRUBBER.search(seen).groups()
        return sign, float(speed), int(minutes) * 60 + int(seconds)

    def comes_to(self, seconds):
        """Wait until the scrubber and the status line both stand at a moment."""
        clock = f"{seconds // 60}:{seconds % 60:02d}"
        return self.wait_until(
            lambda seen: (found := SCRUBBER.search(seen)) and f"{found[3]}:{found[4]}" == clock, f"scrubber at {clock}"
        )

    def go_to(self, place):
        self.ask(b"g", place)


def test_the_clock_stands_still_and_runs_at_the_speed_that_keys_choose(session):
    with Replay(session) as replay:
        _, speed, still = replay.place()
        assert (speed, still < 10) == (0.25, True)
        for key, expected in ((b">", 0.5), (b">", 1), (b"<", 0.5), (b"<", 0.25), (b"<", 0.25)):
            replay.press(key)
            replay.wait_until(lambda seen, x=expected: float(SCRUBBER.search(seen)[2]) == x, f"{expected}x")
        assert replay.place()[2] == still, "speeds change nothing of a place that stands still"
        replay.press(b">" * 8)
        replay.wait_for("64x")
        replay.press(b" ")
        replay.wait_for("completed", seconds=20)
        assert replay.place()[2] == LENGTH_S
        replay.press(b" ")
        replay.wait_for(absent=["completed"])


def test_jumps_by_time_percent_job_and_kind_show_what_was_there(session):
    with Replay(session) as replay:
        replay.go_to("50%")
        seen = replay.comes_to(60)
        assert "look at this" in seen
        assert "here it is" not in seen, "the marker is fifteen seconds later"
        replay.press(b"]]")
        assert "here it is" in replay.comes_to(80)
        replay.press(b"[")
        assert "here it is" not in replay.comes_to(70)
        replay.go_to("0:20")
        assert "look at this" not in replay.comes_to(20)
        replay.go_to("marker")
        assert "here it is" in replay.comes_to(75)
        replay.go_to("j1")
        seen = replay.comes_to(10)
        assert re.search(r"j1 +short #1 +\S running", seen)
        replay.go_to("j9")
        replay.wait_for("j9 never started in this session")
        assert replay.place()[2] == 10


def test_braces_go_from_event_to_event_and_say_which(session):
    with Replay(session) as replay:
        replay.go_to("0%")
        replay.comes_to(0)
        for moment, name in (
            (10, "job start: j1"),
            (30, "alert: look at this"),
            (60, "job start: j2"),
            (75, "marker: here"),
        ):
            replay.press(b"}")
            assert name in replay.comes_to(moment)
        replay.press(b"}")
        replay.wait_for("there is nothing more")
        replay.press(b"{")
        assert "look at this" in replay.comes_to(60)
        replay.press(b"{{")
        assert "look at this" not in replay.comes_to(10)
        replay.press(b"{")
        replay.wait_for("there is nothing before")


def test_single_events_go_on_and_back_and_back_shows_the_same_again(session):
    with Replay(session) as replay:
        replay.go_to("1:15")
        before = replay.comes_to(75)
        assert "here it is" in before
        replay.press(b",")
        replay.wait_for(absent=["here it is"])
        replay.press(b".")
        replay.wait_for("here it is")
        replay.press(b"..,,,")
        replay.wait_for(absent=["here it is"])
        replay.press(b".")
        assert "here it is" in replay.comes_to(75)


def test_keys_that_need_an_engine_say_so_and_those_of_a_replay_mean_something_else(session):
    with Replay(session) as replay:
        replay.go_to("100%")
        replay.wait_for("completed")
        for key, sentence in (
            (b"P", "pause queue: no engine runs for this session"),
            (b"x", "skip: no engine runs for this session"),
            (b"s", "stop: no engine runs for this session"),
            (b"m", "marker: no engine runs for this session"),
            (b"K", "earlier: only in the pane queue"),
            (b"R", "nothing failed, was throttled or client-bound"),
        ):
            replay.press(key)
            replay.wait_for(sentence)
        replay.press(b"1c")
        replay.wait_for("the log does not say how j1 was run")
        replay.press(b"t")
        replay.wait_until(lambda seen: re.search(r"\*j1 ", seen), "mark of the selected job")
        replay.press(b"?")
        replay.wait_for("help: queue", "(off: no engine runs for this session)")
        replay.press(b"\x1b")
        replay.wait_for("q leave")
        replay.press(b"q")
        assert replay.terminal.process.wait(10) == 0


def test_a_screen_that_stands_still_leaves_with_its_terminal(session):
    with Replay(session) as replay:
        replay.terminal.hang_up()
        # 1 where a busy machine takes so long to leave that it is ended hard.
        assert replay.terminal.process.wait(20) in {0, 1}
