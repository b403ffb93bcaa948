import json

import msgspec
import pytest
from click.testing import CliRunner
from support.conversation import whole_session

from llmtui import places
from llmtui.cli.main import _COMMANDS, llmtui
from llmtui.cli.suite_files import find_suite, list_suites
from llmtui.documents import DocumentError
from llmtui.testing.answers import Answer
from llmtui.testing.byte_server import ByteServer


def invoke(*arguments):
    return CliRunner().invoke(llmtui, arguments, catch_exceptions=False, prog_name="llmtui")


@pytest.fixture
def recorded():
    folder = places.sessions_folder()
    folder.mkdir(parents=True)
    path = folder / "20261121-040000-quick-aaaa.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in whole_session()))
    (folder / "20261121-050000-bad-bbbb.jsonl").write_bytes(b"\x00\x1b[2J")
    return path


def test_the_help_names_every_command():
    text = invoke("--help").output
    assert "run" in _COMMANDS
    for name in _COMMANDS:
        assert name in text
        assert invoke(name, "--help").exit_code == 0
    assert invoke("--version").output.startswith("llmtui ")
    assert "Commands" in invoke().output, "without a terminal there is the help and no screen"


def test_sessions_are_listed_whatever_their_state(recorded):
    text = invoke("sessions").output
    assert "20261121-040000-quick-aaaa  completed" in text
    assert "damaged" in text
    assert "not a log of llmtui" in text
    assert "\x1b" not in text
    rows = [json.loads(line) for line in invoke("sessions", "--json").output.splitlines()]
    assert [row["state"] for row in rows] == ["damaged", "completed"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:99999", "http://127.0.0.1:0", "http://127.0.0.1:x", "http://[::1"])
def test_an_address_that_is_none_is_refused_before_anything_starts(url):
    wrong = invoke("run", "quick", "--url", url, "--plain")
    assert wrong.exit_code == 2
    assert "is no URL of a server" in wrong.output
    assert not places.sessions_folder().exists()


def test_without_sessions_the_next_step_is_named():
    assert "`llmtui run quick` makes one" in invoke("sessions").output


def test_a_replay_and_an_attach_tell_the_same(recorded):
    replayed = invoke("replay", "aaaa", "--plain", "--speed", "max").output
    attached = invoke("attach", "aaaa", "--plain").output
    assert "session completed" in replayed
    assert attached.startswith(replayed.rstrip())


@pytest.mark.parametrize("speed", ["0", "fast", "nan"])
def test_a_speed_that_is_none_is_refused(recorded, speed):
    result = invoke("replay", "aaaa", "--speed", speed)
    assert result.exit_code == 2
    assert "is no speed" in result.output


def test_a_suite_of_ones_own_begins_as_a_copy():
    made = invoke("suites", "new", "mine", "--from", "load")
    path = places.settings_folder() / "suites" / "mine.yaml"
    assert made.output.splitlines()[0] == str(path)
    assert find_suite("mine", places.settings_folder()).suite.name == "mine"
    rest = [line for line in path.read_text().splitlines() if not line.startswith("name:")]
    assert rest == [
        line for line in find_suite("load", places.settings_folder()).text.splitlines() if not line.startswith("name:")
    ]
    assert "right;" in invoke("suites", "check", "mine").output
    assert "takes the place" not in invoke("suites", "new", "other").output
    assert "takes the place of the suite quick" in invoke("suites", "new", "quick").output
    again = invoke("suites", "new", "mine")
    assert (again.exit_code, "is there already" in again.output) == (1, True)


@pytest.mark.parametrize("name", ["", "a/b", "../up", ".hidden", "a b", "\x1b[2J", "x" * 65])
def test_a_suite_needs_a_name_that_can_be_a_file(name):
    wrong = invoke("suites", "new", name)
    assert wrong.exit_code == 1
    assert "can't name a suite" in wrong.output
    assert "\x1b" not in wrong.output
    assert not (places.settings_folder() / "suites").exists()


def test_a_suite_cannot_begin_with_a_wrong_one(tmp_path):
    (tmp_path / "wrong.yaml").write_text("name: w\nworkloads: []\n")
    wrong = invoke("suites", "new", "mine", "--from", str(tmp_path / "wrong.yaml"))
    assert (wrong.exit_code, "`workloads` is empty" in wrong.output) == (1, True)
    assert "did you mean `quick`?" in invoke("suites", "new", "mine", "--from", "quik").output


def test_suites_of_the_user_stand_beside_the_shipped_ones():
    folder = places.settings_folder() / "suites"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text("name: mine\ntitle: My own\nworkloads:\n  - {kind: generate, prompts: [x]}\n")
    (folder / "wrong.yaml").write_text("name: wrong\nworkload: []\n")
    assert {file.name for file in list_suites(places.settings_folder())} >= {"mine", "wrong", "quick", "watch"}
    text = invoke("suites").output
    assert "My own" in text
    assert "did you mean `workloads`?" in text
    assert "right; 1 workloads" in invoke("suites", "check", "mine").output
    wrong = invoke("suites", "check", "wrong")
    assert wrong.exit_code == 1
    assert "wrong.yaml:2" in wrong.output
    assert "name: mine" in invoke("suites", "show", "mine").output
    (folder / "quick.yaml").write_text("name: quick\ntitle: Hides\nworkloads:\n  - {kind: generate, prompts: [x]}\n")
    assert find_suite("quick", places.settings_folder()).suite.title == "Hides"
    with pytest.raises(DocumentError, match="did you mean `mine`"):
        find_suite("mne", places.settings_folder())


def test_every_shipped_suite_is_right():
    for file in list_suites(places.settings_folder()):
        assert file.problem is None
        assert file.suite.name == file.name
        assert file.suite.title


def test_the_sampler_speaks_json_lines(capfdbinary):
    result = invoke("sampler", "--count", "1", "--interval", "0.1")
    written = capfdbinary.readouterr().out + result.stdout_bytes
    lines = [json.loads(line) for line in written.splitlines()]
    assert lines[0]["hardware"]["cores_logical"] >= 1
    assert "cpu.percent" in lines[-1]["values"] or lines[-1]["missing"]
    assert invoke("sampler", "--interval", "0.01").exit_code == 2


def test_discover_tells_a_server_by_what_it_answers():
    def respond(request):
        if request.path.startswith("/v1/models"):
            return Answer.json({"object": "list", "data": [{"id": "tiny", "owned_by": "someone"}]})
        return Answer.json({"detail": "Not Found"}, status=404)

    with ByteServer(respond) as server:
        text = invoke("discover", "--url", server.url).output
        rows = [json.loads(line) for line in invoke("discover", "--json", "--url", server.url).output.splitlines()]
    assert f"{server.url}  openai" in text
    assert "tiny" in text
    assert server.url in {row["url"] for row in rows}


def test_the_doctor_has_a_reason_for_whatever_is_missing():
    text = invoke("doctor").output
    assert "versions" in text
    assert "CPU temperature" in text
    assert "the sampler did not say why" not in text
