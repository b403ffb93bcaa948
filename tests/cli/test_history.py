import json

import pytest
from click.testing import CliRunner
from support.conversation import header
from support.recorded_runs import runs, write_session

from llmtui.cli.main import llmtui


def invoke(*arguments):
    return CliRunner().invoke(llmtui, ["history", *arguments], catch_exceptions=False, prog_name="llmtui")


@pytest.fixture(autouse=True)
def sessions():
    for place in range(1, 13):
        level = 100.0 if place <= 6 else 150.0
        events = [header(opened_at=f"2026-11-{place:02}T04:00:00Z"), *runs((level,), memory=5.0)]
        write_session(f"202611{place:02}-040000-quick-a{place:03}", events)
    write_session("20261201-040000-long-b001", [header(name="long", opened_at="2026-12-01T04:00:00Z"), *runs((70.0,), model="Qwen3")])  # fmt: skip
    write_session("20261202-040000-bad-c001", [])


def series(*arguments):
    return json.loads(invoke(*arguments, "--json").output)["series"]


def test_all_sessions_of_a_suite_oldest_first_with_the_change():
    text = invoke("ttft", "--suite", "quick").output
    places = [text.index(f"a{place:03} ") for place in (1, 5, 12)]
    assert places == sorted(places)
    assert "from 20261107-040000-quick-a007 on: slower, 100 ms (6) -> 150 ms (6 sessions) (+50.0 %)" in text
    assert "▁▁▁▁▁▁|██████" in text
    assert "long" not in text


def test_without_a_suite_all_have_their_series():
    assert {(each["suite"], each["model"]) for each in series("decode")} == {("quick", "smol"), ("long", "Qwen3")}
    assert [each["model"] for each in series("decode", "--model", "qwen")] == ["Qwen3"]
    assert len(series("decode", "--filter", "a00")[0]["points"]) == 9


def test_memory_is_read_from_the_samples():
    (each,) = series("memory", "--suite", "quick")
    assert {point["value"] for point in each["points"]} == {5.0}


def test_what_is_damaged_stops_nothing_and_is_told():
    result = invoke("decode")
    assert result.exit_code == 0
    assert "not in it: 20261202-040000-bad-c001: " in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("ttft", "--suite", "qick"), "did you mean `quick`?"),
        (("ttft", "--model", "none"), "no session in"),
        (("prefill", "--suite", "quick"), "no session has the figure `prefill`"),
        (("ttft", "--filter", "x=1"), "is no column"),
        (("speed",), "speed"),
    ],
)
def test_what_is_not_there_gets_a_sentence(arguments, sentence):
    result = invoke(*arguments)
    assert (result.exit_code > 0, sentence in result.output) == (True, True)
