import json

import pytest
from click.testing import CliRunner
from support.conversation import header
from support.recorded_runs import STEADY, runs, write_session

from llmtui import events as ev
from llmtui.cli.main import llmtui


def invoke(*arguments):
    return CliRunner().invoke(llmtui, ["check", *arguments], catch_exceptions=False, prog_name="llmtui")


@pytest.fixture(autouse=True)
def sessions():
    write_session("20261121-040000-quick-base", [header(), *runs(STEADY)])
    write_session("20261121-050000-quick-slow", [header(), *runs([level * 1.3 for level in STEADY])])
    write_session("20261121-060000-quick-near", [header(), *runs([level * 1.05 for level in STEADY])])
    write_session("20261121-070000-quick-none", [header()])


def test_a_regression_is_exit_code_1():
    result = invoke("slow", "--against", "base", "--fail-on", "decode<-5%", "--fail-on", "ttft > 50%")
    assert result.exit_code == 1
    first, second, *_rest = result.output.splitlines()
    assert first.startswith("decode<-5%: regression: `short` on smol: 100 -> 76.9 tokens/s, -23.1 %")
    assert second.startswith("ttft>50%: kept: ")


def test_what_is_kept_is_exit_code_0():
    assert invoke("base", "--against", "slow", "--fail-on", "decode<-5%").exit_code == 0
    assert invoke("slow", "--against", "slow", "--fail-on", "decode<-5%").exit_code == 0


def test_what_nobody_can_tell_fails_only_when_strict():
    arguments = ("near", "--against", "base", "--fail-on", "ttft>5%")
    assert (invoke(*arguments).exit_code, "can't tell" in invoke(*arguments).output) == (0, True)
    assert invoke(*arguments, "--strict").exit_code == 1
    assert invoke("slow", "--against", "base", "--fail-on", "ttft>50%", "--strict").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("none", "--against", "base", "--fail-on", "ttft>5%"), "measured nothing"),
        (("zzzz", "--against", "base", "--fail-on", "ttft>5%"), "there is no session `zzzz`"),
        (("slow", "--against", "base", "--fail-on", "prefill<-5%"), "prefill<-5%: not compared: "),
        (("slow", "--against", "base", "--fail-on", "speed<-5%"), "is no figure"),
        (("slow", "--against", "base"), "--fail-on"),
        (("slow", "--fail-on", "ttft>5%"), "--against"),
        (("slow:j9", "--against", "base", "--fail-on", "ttft>5%"), "has no job j9; it has j1, j2"),
    ],
)
def test_what_can_not_be_compared_is_exit_code_2(arguments, sentence):
    result = invoke(*arguments)
    assert (result.exit_code, sentence in result.output) == (2, True)


def test_parts_of_a_session_can_be_named():
    result = invoke("slow:j1,j2,j3,j4", "--against", "base:j1,j2,j3,j4", "--fail-on", "ttft>10%", "--json")
    data = json.loads(result.output)
    assert (result.exit_code, data["exit_code"], data["session"]) == (1, 1, "20261121-050000-quick-slow:j1,j2,j3,j4")
    assert data["rules"][0]["outcome"] == "regression"


def test_unlike_machines_are_told():
    head = header(hardware=ev.HardwareSnapshot(hostname="other"))
    write_session("20261121-080000-quick-away", [head, *runs(STEADY)])
    result = invoke("away", "--against", "base", "--fail-on", "ttft>10%")
    assert "note: host: ? in A, other in B" in result.output


def test_several_baselines_each_have_a_word():
    both = ("slow", "--against", "base", "--against", "near", "--fail-on", "ttft>10%")
    result = invoke(*both)
    assert result.exit_code == 1
    assert "held against 2 baselines" in result.output
    assert "  against 20261121-060000-quick-near: regression" in result.output
    assert invoke("slow", "--against", "base", "--against", "slow", "--fail-on", "ttft>10%").exit_code == 0
    data = json.loads(invoke(*both, "--json").output)
    assert data["against"] == ["20261121-040000-quick-base", "20261121-060000-quick-near"]


def test_a_baseline_named_twice_counts_once():
    result = invoke("slow", "--against", "base", "--against", "base", "--fail-on", "ttft>10%")
    assert (result.exit_code, "baselines" in result.output) == (1, False)


def test_a_missing_baseline_of_several_is_exit_code_2():
    result = invoke("slow", "--against", "base", "--against", "zzzz", "--fail-on", "ttft>10%")
    assert (result.exit_code, "there is no session `zzzz`" in result.output) == (2, True)


def test_a_figure_that_is_missing_beside_a_rule_that_is_kept_is_exit_code_2():
    result = invoke("base", "--against", "slow", "--fail-on", "ttft>10%", "--fail-on", "prefill<-5%")
    assert result.exit_code == 2
    assert "ttft>10%: kept" in result.output
