import json
import re
import shutil

import pytest
from click.testing import CliRunner
from support.conversation import header
from support.summaries import SESSIONS

from llmtui import places
from llmtui.cli.advise import NOTHING_TO_RATE, command, named
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


def invoke(*arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def put(name, recorded, *, change=lambda text: text):
    folder = places.sessions_folder()
    folder.mkdir(parents=True, exist_ok=True)
    text = (SESSIONS / f"{recorded}.jsonl").read_text()
    day, time = name.split("-")[:2]
    opened = f"{day[:4]}-{day[4:6]}-{day[6:]}T{time[:2]}:{time[2:4]}:{time[4:]}+00:00"
    text = re.sub(r'"opened_at":"[^"]*"', f'"opened_at":"{opened}"', text, count=1)
    (folder / f"{name}.jsonl").write_text(change(text))


def _headers():
    """The first line of each log."""
    return [path.read_text().splitlines()[0] for path in places.sessions_folder().glob("*.jsonl")]


@pytest.fixture
def sessions():
    put("20261121-040000-mix-aaaa", "mix")
    put("20261121-050000-long-context-bbbb", "long_context")


def test_the_last_session_is_advised_on_without_a_name(sessions):
    result = invoke()
    assert result.exit_code == 0
    assert "j1 long context, smollm2-135m: loading of a context" in result.output
    assert re.search(r"long context +smollm2-135m Q4_1: 2048 tokens of usable context", result.output)
    assert "interactive (llmtui run interactive)" in result.output, "what was not measured is said, and how to"


def test_several_sessions_are_put_together(sessions):
    together, every = invoke("aaaa", "bbbb"), invoke("--all")
    assert together.exit_code == every.exit_code == 0
    assert together.output == every.output
    assert "mix" in together.output
    assert re.search(r"failed +\S+ j3 quality 3", together.output)
    assert re.search(r"accuracy-critical +none", together.output)


def test_the_same_as_data(sessions):
    data = json.loads(invoke("--all", "--json").output)
    assert {(rated["job"], rated["kind"], rated["level"]) for rated in data["ratings"]} >= {
        ("j1", "long_context", "good"), ("j3", "quality", "failed"),
    }  # fmt: skip
    (model,) = data["models"]
    assert model["figures"]["usable_context"] == 2048
    assert model["words"]["memory"] == "fits beside other programs on a small machine"
    assert "needs two" in model["cost_benefit"]
    by_use = {advice["use"]: advice for advice in data["advice"]}
    assert by_use["long context"]["model"] == model["model"]
    assert by_use["accuracy-critical"]["model"] is None


def test_a_session_named_twice_counts_once(sessions):
    assert invoke("aaaa", "aaaa").output == invoke("aaaa").output


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("cccc",), NOTHING_TO_RATE, "cccc"),
        (("--all", "aaaa"), 2, "not both"),
    ],
)
def test_a_wrong_command_gets_one_sentence(sessions, arguments, code, sentence):
    result = invoke(*arguments)
    assert result.exit_code == code
    assert sentence in result.output


def test_no_session_at_all_is_said():
    assert invoke().exit_code == NOTHING_TO_RATE
    assert invoke("--all").exit_code == NOTHING_TO_RATE


def test_a_session_with_nothing_to_rate_has_its_exit_code():
    put(
        "20261121-060000-x-dddd",
        "long_context",
        change=lambda text: text.replace('"kind":"long_context"', '"kind":"generate"'),
    )
    result = invoke("dddd")
    assert result.exit_code == NOTHING_TO_RATE
    (session,) = [json.loads(line)["session"] for line in _headers()]
    assert f"nothing to rate in {session}; ratings need a job" in result.output


@pytest.mark.parametrize(
    ("count", "told"), [(1, "s1"), (3, "s1, s2, s3"), (5, "s1, s2, s3 and 2 more"), (0, "which holds no session")]
)
def test_the_sessions_without_anything_to_rate_are_named(count, told):
    states = []
    for number in range(1, count + 1):
        state = SessionState()
        apply_all(state, [header(session=f"s{number}")])
        states.append(state)
    assert named(states).endswith(told)


def test_a_damaged_session_among_all_is_a_note(sessions):
    (places.sessions_folder() / "20261121-070000-x-eeee.jsonl").write_text("no log\n")
    result = invoke("--all")
    assert result.exit_code == 0
    assert "eeee" in result.stderr
    shutil.rmtree(places.sessions_folder())
