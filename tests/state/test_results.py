from support.conversation import MS, header, queued, request, whole_session

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState


def rows(events):
    state = SessionState()
    apply_all(state, events)
    return job_results(state)


def figures(rate, ttft=10, tokens=4, basis="server"):
    return ev.Figures(ttft_ns=ttft * MS, decode_rate=rate, tokens=tokens, tokens_basis=basis, itl_count=120)


def test_warm_up_stays_out_and_the_median_counts():
    events = [
        header(),
        queued(),
        ev.JobStarted(t=2, job="j1"),
        *request("j1.1", warmup=True, figures=figures(1.0, ttft=999)),
        *request("j1.2", figures=figures(90.0, ttft=10)),
        *request("j1.3", figures=figures(100.0, ttft=30)),
        *request("j1.4", figures=figures(140.0, ttft=20)),
    ]
    (row,) = rows(events)
    assert (row.requests, row.decode_rate, row.ttft_ns, row.tokens) == (3, 100.0, 20 * MS, 12)
    assert row.itl_p99_carried


def test_the_worst_basis_shows():
    events = [header(), queued(), ev.JobStarted(t=2, job="j1")]
    events += request("j1.1", figures=figures(1.0)) + request("j1.2", figures=figures(1.0, basis="chunks"))
    assert rows(events)[0].tokens_basis == "chunks"


def test_memory_is_the_servers_where_it_is_known():
    (row,) = rows(whole_session())
    assert (row.peak_memory, row.peak_memory_of) == (7.0, "server")


def test_absent_figures_have_reasons():
    failed = request("j1.1", status="failed", figures=ev.Figures())
    (row,) = rows([header(), queued(), ev.JobStarted(t=2, job="j1"), *failed])
    assert row.failed == 1
    assert row.decode_rate is None
    assert row.missing["requests"] == "no request finished"
    assert "peak_memory" in row.missing


def test_a_job_that_waits_has_no_row():
    assert rows([header(), queued()]) == []
