"""The command as a program: what it prints, its exit codes, and that nothing outlives it."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import aclosing
from pathlib import Path

import psutil
from msgspec.structs import replace
from support.processes import is_gone, wait_until_gone

from llmtui.cli.selftest import HEADINGS, report_lines, selftest_lines
from llmtui.selftest.results import last_result, make_report
from llmtui.selftest.rows import Row

SELFTEST = [sys.executable, "-m", "llmtui.cli.selftest"]


def run(*arguments):
    return subprocess.run(
        [*SELFTEST, *arguments], capture_output=True, text=True, timeout=100, check=False, stdin=subprocess.DEVNULL
    )


def test_a_part_of_it_as_json_is_not_kept():
    found = run("--only", "openai nousage", "--json")
    report = json.loads(found.stdout)
    assert found.returncode == (0 if report["passed"] else 1), found.stderr
    assert {row["scenario"] for row in report["rows"]} == {"all single streams", "openai nousage"}
    verdicts = {row["figure"]: row["verdict"] for row in report["rows"]}
    assert (verdicts["requests"], verdicts["tokens"]) == ("ok", "ok")
    assert "openai nousage (1 of 1)" in found.stderr.splitlines()
    assert last_result() is None


def test_a_scenario_that_there_is_not():
    found = run("--only", "nonsense")
    assert found.returncode == 2
    assert "openai plain" in found.stderr


def test_an_engine_that_can_not_start_is_no_broken_bound():
    settings = Path(os.environ["LLMTUI_SETTINGS"])
    settings.mkdir(parents=True)
    (settings / "settings.yaml").write_text("nonsense: [")
    found = run("--only", "openai nousage")
    assert found.returncode == 2
    assert found.stdout == ""
    assert "selftest: the engine" in found.stderr
    assert "settings.yaml" in found.stderr


def test_the_table_has_all_that_is_known_of_a_figure():
    row = Row(
        scenario="openai plain",
        figure="TTFT",
        expected=1e8,
        measured=1.003e8,
        unit="ns",
        error=3e5,
        bound=1e6,
        verdict="ok",
    )
    rate = replace(
        row,
        figure="decode rate",
        expected=100.0,
        measured=98.0,
        unit="tok/s",
        error=2.0,
        bound=1.0,
        verdict="FAILED",
        tries=3,
    )
    missing = replace(row, figure="ITL p50", expected=None, measured=None, error=None)
    top, headings, _, first, second, third, last = report_lines(
        make_report([row, rate, missing], seconds=1, load=None, clock="c")
    )
    assert "Python" in top
    assert headings.split() == list(HEADINGS)
    assert first.split() == ["openai", "plain", "TTFT", "100", "ms", "100", "ms", "300", "µs", "1.00", "ms", "1", "ok"]
    assert second.split()[4:] == ["100", "tok/s", "98.0", "tok/s", "2.00", "%", "1.00", "%", "3", "FAILED"]
    assert third.split()[-6:] == ["-", "-", "-", "1.00", "ms", "1", "ok"][-6:]
    assert last.startswith("selftest: 1 of 3 figures out of bounds")


def children_of(pid):
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def wait_until_all_gone(pids):
    end = time.monotonic() + 20
    while not all(is_gone(pid) for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_nothing_outlives_a_command_that_is_ended():
    command = subprocess.Popen([*SELFTEST], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        for line in command.stderr:
            if b"(1 of" in line:
                break
        pids = children_of(command.pid)
        assert len(pids) >= 2
        command.send_signal(signal.SIGTERM)
        assert command.wait(30) == 143
        wait_until_all_gone(pids)
    finally:
        command.kill()
        command.wait()
        command.stderr.close()


async def test_lines_for_the_screen():
    lines = [line async for line in selftest_lines(["--only", "openai nousage"])]
    assert lines[0].progress
    assert [line.text for line in lines if not line.progress][1].split() == list(HEADINGS)
    assert lines[-1].text.startswith("selftest: ")


async def test_closing_the_lines_ends_the_command():
    before = set(children_of(os.getpid()))
    async with aclosing(selftest_lines()) as lines:
        async for line in lines:
            if "(1 of" in line.text:
                break
        started = set(children_of(os.getpid())) - before
        assert len(started) >= 3
    for pid in started:
        await wait_until_gone(pid)
