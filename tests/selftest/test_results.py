import stat
import threading

import pytest
from msgspec.structs import replace

from llmtui.selftest.results import FILE, last_result, make_report, save, selftest_line
from llmtui.selftest.rows import Row

GOOD = Row(
    scenario="openai plain", figure="TTFT", expected=1.0, measured=2.0, unit="ns", error=1.0, bound=9, verdict="ok"
)
BAD = replace(GOOD, figure="tokens", verdict="FAILED")


def report(*rows):
    return make_report(rows, seconds=41.26, load=0.52, clock="clock_gettime(CLOCK_MONOTONIC)")


def test_a_report_passes_only_with_rows_and_when_all_do():
    assert report(GOOD, replace(GOOD, verdict="noted")).passed
    assert not report(GOOD, BAD).passed
    assert not report().passed


def test_the_verdict_names_what_is_out_of_bounds():
    assert report(GOOD).verdict == "selftest: all 1 figures within their bounds (41 s)"
    assert report(GOOD, BAD).verdict == "selftest: 1 of 2 figures out of bounds (41 s): openai plain"


def test_late_times_alone_may_be_the_fault_of_other_programs():
    late = replace(GOOD, verdict="FAILED", timing=True)
    assert report(late).verdict.endswith("openai plain; only times: run it again when the machine is idle")
    assert "idle" not in report(late, BAD).verdict
    assert "load 0.5 before" in report(GOOD).heading
    assert "load unknown before" in replace(report(GOOD), load=None).heading


def test_it_is_kept_for_the_user_alone_and_read_back(tmp_path):
    folder = tmp_path / "state" / "llmtui"
    path = save(report(GOOD), folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert last_result(folder) == report(GOOD) or last_result(folder).rows == (GOOD,)
    save(report(GOOD, BAD), folder)
    assert last_result(folder).rows == (GOOD, BAD)
    assert [file.name for file in folder.iterdir()] == [FILE]


def test_a_reader_never_sees_half_a_report(tmp_path):
    save(report(GOOD), tmp_path)
    large = report(*[GOOD] * 300)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            save(large, tmp_path)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = [last_result(tmp_path) for _ in range(200)]
    finally:
        stop.set()
        writer.join()
    assert {len(one.rows) for one in found} <= {1, 300}


def test_nothing_is_left_behind_when_it_can_not_be_kept(tmp_path):
    (tmp_path / FILE).mkdir()
    with pytest.raises(OSError, match=r"selftest"):
        save(report(GOOD), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"at": 3}'])
def test_what_can_not_be_read_counts_as_never_run(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    assert last_result(tmp_path) is None
    assert selftest_line(tmp_path) == "selftest: never run here: llmtui selftest"


def test_one_sentence_for_doctor(tmp_path):
    assert selftest_line(tmp_path) == "selftest: never run here: llmtui selftest"
    good = replace(report(GOOD), at="2026-11-21T07:00:00+00:00", host="box")
    save(good, tmp_path)
    assert selftest_line(tmp_path, "box") == "selftest: within bounds on 2026-11-21 (this host)"
    assert selftest_line(tmp_path, "other") == (
        "selftest: never run on this host, within bounds on box (2026-11-21): llmtui selftest"
    )
    save(replace(good, llmtui="0.0.1"), tmp_path)
    assert "with llmtui 0.0.1; run it again" in selftest_line(tmp_path, "box")
    save(replace(good, rows=(BAD,), passed=False), tmp_path)
    assert "1 figures out of bounds on 2026-11-21" in selftest_line(tmp_path, "box")


def test_the_default_place_is_the_state_folder(tmp_path):
    assert save(report(GOOD)).is_relative_to(tmp_path)
    assert last_result().rows == (GOOD,)
