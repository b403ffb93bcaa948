import json
import stat
from pathlib import Path

import msgspec
import pytest
from support.conversation import header, queued, whole_session

from llmtui import events as ev
from llmtui import places
from llmtui.cli.copies import ReportTexts
from llmtui.cli.reproduction import job_commands, suite_file
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.suites.reading import read_suite

SUITE = "name: quick\nworkloads:\n  - {kind: generate, name: short, prompts: [hi]}\n"
HASH = "0" * 64


def state_of(events):
    state = SessionState()
    apply_all(state, events)
    return state


@pytest.fixture
def state():
    parameters = msgspec.json.decode(msgspec.json.encode(read_suite(SUITE, "s").workloads[0]))
    waiting = queued("j2", workload="=evil", parameters=parameters)
    return state_of([header(suite=SUITE), queued(parameters=parameters), *whole_session()[2:-1], waiting])


def test_a_row_in_each_form(state):
    head, row = ReportTexts().row(state, "j1", "tsv").text.splitlines()
    assert head.split("\t")[:3] == ["job", "workload", "TTFT"]
    assert row.split("\t")[:3] == ["j1", "short #1", "10.0 ms"]
    document = json.loads(ReportTexts().row(state, "j1", "json").text)
    assert [one["job"] for one in document["rows"]] == ["j1"]
    assert (document["rows"][0]["ttft_ns"], document["units"]["ttft_ns"]) == (10_000_000, "ns")
    assert "| j1 | short #1 | 10.0 ms |" in ReportTexts().row(state, "j1", "md").text
    assert "llmtui run" in ReportTexts().row(state, "j1", "run").text
    assert "does not have what was sent" in ReportTexts().row(state, "j1", "curl").reason


def test_a_job_that_waits_is_a_row_too_and_no_formula(state):
    assert "\t'=evil #1\t" in ReportTexts().row(state, "j2", "tsv").text
    assert [one["job"] for one in json.loads(ReportTexts().row(state, "j2", "json").text)["rows"]] == ["j2"]
    assert ReportTexts().row(state, "j9", "tsv").reason == "there is no job j9"


@pytest.mark.parametrize("form", ["tsv", "json", "md"])
def test_a_table_has_the_jobs_that_started(state, form):
    text = ReportTexts().table(state, form).text
    assert "j1" in text
    assert "j2" not in text


def test_cells_are_a_line():
    assert ReportTexts().cells(("0:01", "=x\ny")).text == "0:01\t'=x⏎y\n"


# --- the suite -----------------------------------------------------------------------------------------------------


def opened(path, text=SUITE):
    import hashlib

    return header(suite=text, suite_sha256=hashlib.sha256(text.encode()).hexdigest(), suite_path=str(path))


def test_a_suite_that_is_as_it_was_is_named_where_it_is(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(SUITE)
    assert suite_file(opened(path), tmp_path / "copies") == path
    assert not (tmp_path / "copies").exists()


@pytest.mark.parametrize("now", ["changed", None, "folder"])
def test_a_suite_that_is_gone_or_changed_is_written_word_for_word(tmp_path, now):
    path = tmp_path / "mine.yaml"
    if now == "folder":
        path.mkdir()
    elif now is not None:
        path.write_text(now)
    copy = suite_file(opened(path), tmp_path / "copies")
    assert copy.parent == tmp_path / "copies"
    assert copy.read_text() == SUITE
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    before = copy.stat().st_mtime_ns
    assert suite_file(opened(path), tmp_path / "copies").stat().st_mtime_ns == before, "written once"
    copy.write_text("spoilt")
    assert suite_file(opened(path), tmp_path / "copies").read_text() == SUITE


def test_a_name_of_a_suite_leads_nowhere_else(tmp_path):
    head = msgspec.structs.replace(opened(tmp_path / "gone"), name="../../etc/x", suite_path=None)
    assert suite_file(head, tmp_path / "copies").parent == tmp_path / "copies"


def test_a_suite_that_can_not_be_written_is_said(state):
    folder = places.state_folder()
    folder.parent.mkdir(parents=True, exist_ok=True)
    Path(folder).write_text("in the way")
    run, _ = job_commands(state, "j1")
    assert run.text is None
    assert "its suite can't be written" in run.reason


def test_the_key_of_a_server_is_named_as_in_the_settings(tmp_path):
    places.settings_folder().mkdir(parents=True)
    (places.settings_folder() / "settings.yaml").write_text(
        "servers:\n  - {url: 'http://box:1/v1', api_key_env: BOX_KEY}\n"
    )
    for url, variable in (("http://box:1/api/chat", "BOX_KEY"), ("http://box:11/api/chat", "LLMTUI_API_KEY")):
        events = whole_session()
        sent = next(place for place, event in enumerate(events) if getattr(event, "request", "") == "j1.2" and isinstance(event, ev.RequestSent))  # fmt: skip
        events[sent] = msgspec.structs.replace(events[sent], url=url, body={"messages": None}, keyed=True)
        _, curl = job_commands(state_of(events), "j1")
        assert f"Bearer ${variable}" in curl.text
