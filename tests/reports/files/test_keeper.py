import csv
import io
from itertools import pairwise

import msgspec
import pytest
from support.conversation import header

from llmtui import events as ev
from llmtui.reports.files.folder import write_files
from llmtui.reports.files.keeper import FileKeeper
from llmtui.reports.files.registry import README, all_files
from llmtui.state.reducer import apply, apply_all
from llmtui.state.session import SessionState

S = 1_000_000_000
PAUSE = 2 * S


def session_events(name="j1", kind="student", requests=3, *, sampled=True, status="done"):
    """The events of a job whose requests take a second each, with a sample in each second."""
    queued = ev.JobQueued(
        t=1, job=name, target="t", backend="b", model="m", workload="w", kind=kind, iteration=1, requests=requests
    )
    events = [header(), queued, ev.JobStarted(t=2, job=name)]
    for place in range(requests):
        request, begin = f"{name}.{place + 1}", (1 + place) * PAUSE
        figures = ev.Figures(ttft_ns=S // 10, e2e_ns=S, tokens=10, decode_rate=10.0 + place)
        events += [
            ev.RequestStarted(
                t=begin, request=request, job=name, model="m", category="short", task=f"short-{place + 1}",
                messages=(("user", f"question {place + 1}"),),
            ),
            ev.RequestSent(t=begin, request=request),
            ev.RequestFinished(t=begin + S, request=request, job=name, status="done", figures=figures),
        ]  # fmt: skip
    end = (requests + 1) * PAUSE
    if sampled:
        events += [ev.SampleTaken(t=second * S // 2, values={"ram.used": 1e9}) for second in range(2 * end // S + 40)]
    events += [ev.JobFinished(t=end, job=name, status=status), ev.SessionFinished(t=end + 30 * S, outcome="completed")]
    return sorted(events, key=lambda event: event.t)


def rows(folder):
    path = folder / "student.csv"
    return list(csv.DictReader(io.StringIO(path.read_text()))) if path.exists() else []


def whole(events, folder):
    state = SessionState()
    apply_all(state, events)
    write_files(folder, state.header.session, all_files(state), exact=True)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_rows_come_one_by_one_and_end_as_the_log_makes_them(tmp_path):
    events = session_events()
    keeper, state, counts, texts = FileKeeper(tmp_path / "live"), SessionState(), [], []
    for event in events:
        apply(state, event)
        keeper.keep(state)
        counts.append(len(rows(tmp_path / "live")))
        path = tmp_path / "live" / "student.csv"
        texts.append(path.read_text() if path.exists() else "")
    assert sorted(set(counts)) == [0, 1, 2, 3]
    assert all(later.startswith(sooner) for sooner, later in pairwise(texts)), "what is written stays"
    live = {path.name: path.read_bytes() for path in (tmp_path / "live").iterdir()}
    assert live == whole(events, tmp_path / "whole")
    assert keeper.problem is None


def test_a_row_waits_for_the_readings_after_its_request_but_not_for_ever(tmp_path):
    for sampled in (True, False):
        keeper, state = FileKeeper(tmp_path / str(sampled)), SessionState()
        events = [event for event in session_events(sampled=sampled) if not isinstance(event, ev.SessionFinished)]
        first_end = PAUSE + S
        for event in events:
            apply(state, event)
            keeper.keep(state)
            if event.t < first_end + 4 * S:
                assert rows(tmp_path / str(sampled)) == []
        if sampled:
            assert len(rows(tmp_path / "True")) == 3
            assert all(row["memory_after_bytes"] for row in rows(tmp_path / "True"))
        keeper.keep(state, last=True)
        assert len(rows(tmp_path / str(sampled))) == 3


def test_two_viewers_write_no_row_twice(tmp_path):
    events = session_events(requests=6)
    viewers = [(FileKeeper(tmp_path / "f"), SessionState()) for _ in range(2)]
    # One follows closely, the other one comes late and in gulps.
    for place, event in enumerate(events):
        apply(viewers[0][1], event)
        viewers[0][0].keep(viewers[0][1])
        if place % 17 == 16:
            apply_all(viewers[1][1], events[max(0, place - 33) : place - 16])
            viewers[1][0].keep(viewers[1][1])
        assert [row["request"] for row in rows(tmp_path / "f")] == [
            f"j1.{n + 1}" for n in range(len(rows(tmp_path / "f")))
        ]
    assert len(rows(tmp_path / "f")) == 6


def test_a_session_cut_off_is_made_whole_from_its_log(tmp_path):
    events = session_events()
    cut = [event for event in events if event.t <= 3 * PAUSE + S // 2]
    assert list(whole(cut, tmp_path / "f")) != []
    assert [row["request"] for row in rows(tmp_path / "f")] == ["j1.1", "j1.2"]
    whole(events, tmp_path / "f")
    assert len(rows(tmp_path / "f")) == 3


def test_a_session_without_such_jobs_has_no_folder(tmp_path):
    state = SessionState()
    apply_all(state, session_events(kind="generate"))
    keeper = FileKeeper(tmp_path / "f")
    keeper.keep(state, last=True)
    assert not (tmp_path / "f").exists()
    assert all_files(state) == []


def test_a_job_that_was_put_back_keeps_its_rows_as_cancelled(tmp_path):
    events = session_events()
    half = [event for event in events if event.t <= 2 * PAUSE + S]
    resumed = ev.SessionResumed(
        t=half[-1].t + 1, pid=2, opened_at="2026-11-21T05:00:00Z", origin_ns=0, llmtui="0", put_back=("j1",)
    )
    state, keeper = SessionState(), FileKeeper(tmp_path / "f")
    apply_all(state, half)
    keeper.keep(state, last=True)
    assert [row["status"] for row in rows(tmp_path / "f")] == ["done", "done"]
    apply(state, resumed)
    keeper.keep(state)
    assert [row["status"] for row in rows(tmp_path / "f")] == ["cancelled", "cancelled"]
    assert len({row["request"] for row in rows(tmp_path / "f")}) == 2


def test_a_folder_that_refuses_is_told_once_and_stops_nobody(tmp_path):
    (tmp_path / "f").write_text("a file")
    state, keeper = SessionState(), FileKeeper(tmp_path / "f")
    apply_all(state, session_events())
    for _ in range(3):
        keeper.keep(state, last=True)
    assert "were not written" in keeper.problem
    assert "is no folder" in keeper.problem
    assert keeper.written == []


def test_the_page_names_every_file_and_every_column(tmp_path):
    found = whole(session_events(), tmp_path / "f")
    page = found[README].decode()
    assert page.startswith("# Files of session s1\n")
    assert "## student.csv" in page
    for column in rows(tmp_path / "f")[0]:
        assert f"| `{column}` |" in page


def test_a_question_from_elsewhere_runs_in_no_spreadsheet(tmp_path):
    events = [
        msgspec.structs.replace(event, messages=(("user", '=HYPERLINK("x")\x1b[2J\n+1'),))
        if isinstance(event, ev.RequestStarted)
        else event
        for event in session_events()
    ]
    whole(events, tmp_path / "f")
    (cell, *_) = [row["question"] for row in rows(tmp_path / "f")]
    assert cell.startswith("'=HYPERLINK")
    assert cell.isprintable()


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_requests_without_an_answer_have_a_row_with_the_reason(tmp_path, status):
    events = [
        msgspec.structs.replace(event, status=status, figures=ev.Figures(), problem="the server went away")
        if isinstance(event, ev.RequestFinished) and event.request == "j1.2"
        else event
        for event in session_events()
    ]
    whole(events, tmp_path / "f")
    found = rows(tmp_path / "f")[1]
    assert (found["status"], found["problem"], found["tokens_per_s"]) == (status, "the server went away", "")
    assert "tokens_per_s: the server went away" in found["missing"]


def test_warm_ups_have_no_row(tmp_path):
    events = [
        msgspec.structs.replace(event, warmup=True)
        if isinstance(event, ev.RequestStarted | ev.RequestFinished) and event.request == "j1.1"
        else event
        for event in session_events()
    ]
    whole(events, tmp_path / "f")
    assert [row["request"] for row in rows(tmp_path / "f")] == ["j1.2", "j1.3"]
