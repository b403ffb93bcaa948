from support.conversation import MS, whole_session

from llmtui.tui.frame import PlayedLog, Pump


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class Silent:
    finished = False

    def __init__(self, alive):
        self.alive = alive

    def poll(self):
        return []

    def writer_alive(self):
        return self.alive


def test_a_replay_keeps_the_pace_of_the_run():
    clock = Clock()
    played = PlayedLog(whole_session(), 1.0, clock)
    assert [event.t for event in played.poll()] == [0]
    clock.now += 0.1
    seen = played.poll()
    assert seen
    assert all(0 < event.t <= 100 * MS for event in seen)
    assert not played.finished
    clock.now += 10
    played.poll()
    assert played.finished


def test_twice_the_speed_takes_half_the_time():
    clock = Clock()
    fast = PlayedLog(whole_session(), 2.0, clock)
    fast.poll()
    clock.now += 0.16
    fast.poll()
    assert fast.finished
    assert len(PlayedLog(whole_session(), None, clock).poll()) == len(whole_session())


def test_frames_say_what_changed_and_idle_ones_nothing():
    pump = Pump(PlayedLog(whole_session(), None))
    frame = pump.step()
    assert {"header", "queue", "stream", "hardware", "results", "alerts"} <= frame.changed
    assert frame.state.jobs["j1"].status == "done"
    assert pump.step().changed == frozenset()


def test_a_silent_source_without_a_writer_is_cut_and_one_with_a_writer_is_not():
    assert Pump(Silent(alive=False)).step().cut
    assert not Pump(Silent(alive=True)).step().cut
    assert not Pump(PlayedLog([], None)).step().cut


class Kept(Silent):
    """A source with files beside its log, which can't be written."""

    def __init__(self, batches):
        super().__init__(alive=True)
        self.batches = list(batches)
        self.kept = []

    def poll(self):
        return self.batches.pop(0) if self.batches else []

    def keep(self, state, *, last=False):
        self.kept.append((state.events, last))
        return "no room" if len(self.kept) == 1 else None

    def close(self):
        pass


def test_a_source_with_files_is_asked_to_keep_them_when_something_came():
    events = whole_session()[:6]
    source = Kept([events[:4], [], events[4:]])
    pump = Pump(source)
    assert [pump.step().notice for _ in range(4)] == ["no room", None, None, None]
    assert source.kept == [(4, False), (6, False)]
    source.alive = False
    for _ in range(8):
        pump.step()
    assert source.kept[2:] == [(6, True)], "what its engine left behind is kept once more"
    assert Pump(Silent(alive=True)).step().notice is None
