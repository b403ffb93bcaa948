import os
import threading
import time

import pytest

from llmtui.log.disk_sync import DiskSync


class Disk:
    """A file, what brings it to the disk each 60 seconds of a clock that stands still, and the ends of its tries."""

    def __init__(self, file):
        self.now = 1000.0
        self.ended = threading.Semaphore(0)
        self.sync = DiskSync(file, 60.0, self.ended.release, lambda: self.now)

    def has_tried(self, within_s=20.0):
        return self.ended.acquire(timeout=within_s)


@pytest.fixture
def disk(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        disk = Disk(file.fileno())
        yield disk
        disk.sync.close()


@pytest.fixture
def refusing():
    """What no disk stands behind: the kernel refuses to sync a pipe."""
    reading, writing = os.pipe()
    disk = Disk(writing)
    yield disk
    disk.sync.close()
    os.close(reading)
    os.close(writing)


def test_what_is_written_waits_for_its_time(disk):
    assert disk.sync.synced
    disk.sync.written()
    assert not disk.has_tried(0.05)
    assert disk.sync.dirty
    assert not disk.sync.synced


def test_what_is_written_after_its_time_is_synced_at_once(disk):
    disk.now += 60
    disk.sync.written()
    assert disk.has_tried()
    assert disk.sync.synced
    disk.sync.written()
    assert not disk.has_tried(0.05), "the next one has to wait as long again"


def test_whoever_hurries_does_not_wait(disk):
    disk.sync.written()
    disk.sync.hurry()
    assert disk.has_tried()
    assert disk.sync.synced
    assert disk.sync.error is None


def test_a_file_that_did_not_change_is_left_alone(disk):
    disk.now += 1000
    disk.sync.hurry()
    assert not disk.has_tried(0.05)
    assert disk.sync.synced


def test_what_is_refused_stays_to_be_done(refusing):
    for _ in range(3):
        refusing.sync.written()
        refusing.sync.hurry()
        assert refusing.has_tried()
        assert refusing.sync.error is not None
        assert refusing.sync.dirty
        assert not refusing.sync.synced


def test_what_is_refused_is_tried_again_without_being_written(tmp_path):
    reading, writing = os.pipe()
    ended = threading.Semaphore(0)
    sync = DiskSync(writing, 0.01, ended.release, time.monotonic)
    sync.written()
    for _ in range(3):
        assert ended.acquire(timeout=20)
    sync.close()
    os.close(reading)
    os.close(writing)


def test_closing_does_not_wait_for_the_time(disk):
    disk.sync.written()
    disk.sync.close()
    assert not disk.has_tried(0)
    assert disk.sync.dirty
