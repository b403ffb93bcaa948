import pytest
from support.conversation import MS, header, queued, whole_session
from support.load_events import C2, C4, RATE, loaded, session_under_load, step_finished

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.result_columns import ALL_COLUMNS, cells, columns_for, load_text
from llmtui.state.results import job_results
from llmtui.state.session import SessionState


def rows(events):
    state = SessionState()
    apply_all(state, events)
    return job_results(state)


def shown(events):
    results = rows(events)
    columns = columns_for(results)
    return [dict(zip((column.title for column in columns), cells(row, columns), strict=True)) for row in results]


@pytest.mark.parametrize(
    ("load", "text"),
    [
        (None, "-"),
        (C2, "C=2"),
        (RATE, "0.5/s"),
        (ev.OfferedLoad(rate=12.0), "12/s"),
        (ev.OfferedLoad(rate=1024.0), "1024/s"),
    ],
)
def test_a_load_in_a_few_letters(load, text):
    assert load_text(load) == text


def test_columns_that_no_row_needs_are_left_out():
    assert not {"load", "variant", "point", "total", "heat", "J/tok"} & set(shown(whole_session())[0])
    assert {"load", "total"} <= set(shown(session_under_load())[0])
    assert "variant" not in shown(session_under_load())[0]
    assert len(columns_for(())) == len(ALL_COLUMNS) - 6


def test_a_column_that_one_row_needs_is_there_for_all():
    events = [*session_under_load(), queued("j2", variant="b"), ev.JobStarted(t=1, job="j2")]
    one, other = shown(events)
    assert (one["load"], other["load"]) == ("C=2", "-")
    assert (one["total"], other["total"]) == ("80.0", "-")
    assert (one["variant"], other["variant"]) == ("-", "b")


def test_a_ramp_is_told_from_its_first_to_its_last_level():
    begin = [header(), queued(kind="load"), ev.JobStarted(t=2, job="j1"), *loaded("j1.1", due=2000)]
    first, last = step_finished(step=1, load=C2), step_finished(step=2, load=C4)
    assert shown([*begin, first, last])[0]["load"] == "C=2..C=4"
    assert shown([*begin, first])[0]["load"] == "C=2"


def test_doubts_stand_beside_the_status():
    bound = ev.AlertRaised(t=9 * MS, severity="warning", code=ev.CLIENT_BOUND, text="busy", job="j1")
    assert shown([*session_under_load(), bound])[0]["status"] == "done (client-bound)"
    assert shown(session_under_load())[0]["status"] == "done"


def test_thin_percentiles_are_marked():
    def with_gaps(count):
        figures = ev.Figures(itl_p99_ns=9e6, itl_count=count)
        finished = ev.RequestFinished(t=9, request="r", job="j1", status="done", figures=figures)
        started = ev.RequestStarted(t=3, request="r", job="j1", model="m", messages=())
        return shown([header(), queued(), ev.JobStarted(t=2, job="j1"), started, finished])[0]["ITL p99"]

    assert (with_gaps(99), with_gaps(100)) == ("9.00 ms*", "9.00 ms")


def test_nothing_in_a_cell_can_act_on_a_terminal():
    events = [header(), queued(model="m\x1b[2J", workload="a\nb", variant="v\x07"), ev.JobStarted(t=2, job="j1")]
    row = shown(events)[0]
    assert all(text.isprintable() for text in row.values())
    assert (row["model"], row["workload"], row["variant"]) == ("m␛[2J", "a⏎b #1", "v␇")
