import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from support.any_events import bulks, sessions
from support.conversation import MS, header, queued, request, whole_session
from support.dumps import dump
from support.dumps import folded as folded_one_by_one
from support.load_events import C2, session_under_load

from llmtui import events as ev
from llmtui.state.live_rate import live_rate
from llmtui.state.reducer import apply, apply_all
from llmtui.state.results import job_results
from llmtui.state.session import KEPT_TEXT, SessionState


def folded(events):
    state = SessionState()
    apply_all(state, events)
    return state


def plain(state):
    return msgspec.json.encode(
        {
            "jobs": {
                name: (job.status, job.started_ns, job.finished_ns, job.peaks) for name, job in state.jobs.items()
            },
            "requests": {name: (r.status, r.pieces, r.chunks, r.ttft_ns) for name, r in state.requests.items()},
            "readings": {key: list(series) for key, series in state.readings.items()},
            "missing": state.missing,
            "alerts": state.alerts,
            "misfits": state.misfits,
            "now": state.now_ns,
        }
    )


def test_a_whole_session():
    state = folded(whole_session())
    job = state.jobs["j1"]
    assert (job.status, job.started_ns, job.finished_ns) == ("done", 5 * MS, 300 * MS)
    assert job.requests == ["j1.1", "j1.2", "j1.3"]
    assert state.requests["j1.2"].pieces == [("answer", "w0 w1 w2 w3 ")]
    assert state.requests["j1.2"].ttft_ns == 10 * MS
    assert job.peaks["cpu.percent"] == 90.0
    assert job.peaks["server.memory"] == 7.0
    assert state.missing == {"cpu.temperature": "no sensor"}
    assert state.finished
    assert (state.misfits, state.now_ns, state.active_requests, state.running_jobs) == (0, 303 * MS, [], [])


def test_each_event_names_what_it_changed():
    state = SessionState()
    assert apply(state, header()) == ("header",)
    assert "queue" in apply(state, queued())
    assert apply(state, ev.SampleTaken(t=1, values={"cpu.percent": 1.0})) == ("hardware",)


def test_every_event_type_has_a_fold():
    state = SessionState()
    for event in whole_session():
        apply(state, event)
    before = state.misfits
    apply(state, ev.Event(t=1))
    assert state.misfits == before + 1, "the base class stands for a type that nothing folds"


@given(st.lists(st.integers(1, 9), max_size=12))
def test_the_state_does_not_depend_on_the_chunking(cuts):
    events = whole_session()
    state = SessionState()
    rest = list(events)
    for cut in cuts:
        apply_all(state, rest[:cut])
        rest = rest[cut:]
    apply_all(state, rest)
    assert plain(state) == plain(folded(events))


@given(bulks() | sessions(), st.lists(st.integers(1, 50), max_size=5))
def test_events_that_are_taken_together_come_to_the_same_as_one_by_one(events, cuts):
    state, rest = SessionState(), list(events)
    for cut in (*cuts, len(events)):
        apply_all(state, rest[:cut])
        rest = rest[cut:]
    assert dump(state) == dump(folded_one_by_one(events))


def test_the_text_that_is_dropped_between_two_pieces_of_its_own_is_dropped_then():
    piece = "x" * (KEPT_TEXT // 10)
    told = [header(), queued()]
    for names in ("ab", "abc", "cba", "a"):
        told += [event for name in names for event in request(f"j1.{name}")[:2]]
        for name in (*names, *names):
            told += [
                ev.TokensReceived(t=len(told) + n, request=f"j1.{name}", offsets_us=(n,), texts=(piece,))
                for n in range(4)
            ]
    assert dump(folded(told)) == dump(folded_one_by_one(told))
    assert folded(told).requests["j1.c"].text_dropped


def test_a_series_that_is_full_is_halved_at_the_same_points():
    told = [ev.SampleTaken(t=n * MS, values={"cpu.percent": float(n % 7), "ram.used": 1.0}) for n in range(9000)]
    told += [ev.TokensReceived(t=n * MS, request="j1.1", offsets_us=(n,), texts=("x",)) for n in range(9000)]
    state = folded(told)
    assert dump(state) == dump(folded_one_by_one(told))
    assert len(state.readings["cpu.percent"]) < 4097 < len(told)


@given(st.permutations(whole_session()))
def test_no_order_of_events_raises(events):
    folded(events)


def test_events_about_unknown_things_are_counted():
    state = folded([ev.JobFinished(t=1, job="j9", status="done"), ev.RequestSent(t=2, request="r9")])
    assert state.misfits == 2


def test_a_reading_that_goes_missing_leaves_a_gap_and_a_reason():
    state = folded(
        [
            ev.SampleTaken(t=1, values={"gpu.0.percent": 40.0}),
            ev.SampleTaken(t=2, values={}, missing={"gpu.0.percent": "lost"}),
        ]
    )
    assert state.readings["gpu.0.percent"].last() is None
    assert state.missing["gpu.0.percent"] == "lost"
    apply(state, ev.SampleTaken(t=3, values={"gpu.0.percent": 41.0}))
    assert "gpu.0.percent" not in state.missing


def test_a_lost_sampler_opens_a_gap_in_every_series():
    state = folded([ev.SampleTaken(t=1, values={"cpu.percent": 1.0}), ev.SamplerLost(t=2, reason="died")])
    assert state.sampler_lost == "died"
    assert state.readings["cpu.percent"].last() is None
    apply(state, ev.SamplerStarted(t=3, pid=1, interval_ms=500))
    assert state.sampler_lost is None


def test_the_live_rate_counts_tokens_over_time():
    state = folded([header(), queued(), *request("j1.1")[:2]])
    current = state.requests["j1.1"]
    assert math.isnan(live_rate(current))
    for place in range(1, 41):
        apply(state, ev.TokensReceived(t=place * 50 * MS, request="j1.1", offsets_us=(place * 50_000,), texts=("x",)))
    assert abs(live_rate(current) - 20.0) < 0.5


def test_running_counts_of_the_server_beat_the_chunks():
    state = folded([header(), queued(), *request("j1.1")[:2]])
    for place in range(1, 5):
        batch = ev.TokensReceived(
            t=place * 100 * MS, request="j1.1", offsets_us=(place * 100_000,), texts=("x",), tokens=(place * 4,)
        )
        apply(state, batch)
    assert live_rate(state.requests["j1.1"]) == 40.0


def test_old_text_is_dropped_within_a_bound():
    state = folded([header(), queued()])
    for number in range(4):
        name = f"j1.{number}"
        apply_all(state, request(name)[:2])
        piece = "x" * (KEPT_TEXT // 2)
        apply(state, ev.TokensReceived(t=number, request=name, offsets_us=(1,), texts=(piece,)))
    assert state.kept_characters <= KEPT_TEXT
    assert state.requests["j1.0"].text_dropped
    assert not state.requests["j1.3"].text_dropped


# Loads, and llmtui's own use


def test_steps_and_capacity_belong_to_their_job():
    state = folded(session_under_load())
    found = ev.CapacityFound(t=1, job="j1", load=C2, sentence="that is it")
    before = state.jobs["j1"].changes
    assert apply(state, found) == ("results",)
    job = state.jobs["j1"]
    assert [step.load for step in job.steps] == [C2]
    assert (job.capacity, job.changes) == (found, before + 1)
    assert state.requests["j1.2"].step == 1
    assert state.requests["j1.1"].step == 0
    assert (state.misfits, state.active_requests) == (0, [])


@given(st.permutations(session_under_load()))
def test_no_order_of_events_of_a_load_raises(events):
    folded(events)


def test_the_rate_of_all_streams_is_their_sum():
    state = folded([header(), queued(), *(e for name in "abc" for e in request(name, start=0)[:2])])
    for place in range(1, 61):
        for name in "abc":
            batch = ev.TokensReceived(
                t=place * 100 * MS, request=name, offsets_us=(place * 100_000, place * 100_000 + 1), texts=("x", "y")
            )
            apply(state, batch)
    assert abs(state.token_rate.last() - 60.0) < 3
    assert len(state.recent_tokens) < 3 * 25, "what is older than two seconds is forgotten"
    assert state.recent_sum == sum(tokens for _, tokens in state.recent_tokens)
    for name in "abc":
        apply(state, ev.RequestFinished(t=7000 * MS, request=name, job="j1", status="done"))
    assert state.token_rate.last() is None, "without a stream there is no rate"
    assert (state.recent_sum, len(state.recent_tokens)) == (0, 0)


def test_a_finished_request_keeps_nothing_that_served_the_live_view():
    state = folded([header(), queued(), *request("j1.1")])
    assert (len(state.requests["j1.1"].recent), len(state.requests["j1.1"].gaps_us)) == (0, 0)
    assert len(folded([header(), queued(), *request("j1.1")[:3]]).requests["j1.1"].gaps_us) == 3


def test_only_the_alert_of_a_known_job_flags_it():
    def flagged(job, code):
        alert = ev.AlertRaised(t=9, severity="warning", code=code, text="busy", job=job)
        return folded([header(), queued(), alert]).jobs["j1"].client_bound

    assert flagged("j1", ev.CLIENT_BOUND) == "busy"
    assert flagged("j1", "other") is None
    assert flagged("j7", ev.CLIENT_BOUND) is None
    assert flagged(None, ev.CLIENT_BOUND) is None


def test_viewers_that_fell_silent_have_left():
    second = 1_000_000_000

    def viewer(pid, t):
        return ev.ViewerMeasured(t=t * second, pid=pid, cpu=3.0, terminal_rate=100.0)

    state = folded([header(), viewer(1, 1), viewer(2, 1), viewer(2, 9)])
    assert {use.pid for use in state.live_viewers} == {1, 2}
    apply(state, ev.MarkerPlaced(t=11 * second, label="later"))
    assert [(use.pid, use.t) for use in state.live_viewers] == [(2, 9 * second)]
    assert apply(state, viewer(3, 12)) == ("self",)


def resumed(t):
    return ev.SessionResumed(t=t, pid=2, opened_at="2026-11-21T05:00:00Z", origin_ns=0, llmtui="0.1.0")


def half_a_job():
    """One job done, another one cut off between its second request's tokens and its end."""
    done = [*whole_session()[:-4], ev.JobFinished(t=300 * MS, job="j1", status="done")]
    slow = ev.Figures(ttft_ns=90 * MS, decode_rate=1.0, tokens=4, tokens_basis="server")
    return [
        *done,
        queued("j2", t=301 * MS),
        ev.JobStarted(t=310 * MS, job="j2"),
        ev.JobProgressed(t=311 * MS, job="j2", phase="measuring", done=1, total=2),
        *request("j2.1", job="j2", start=320 * MS, figures=slow),
        ev.SampleTaken(t=350 * MS, values={"ram.used": 999.0}),
        ev.AlertRaised(t=351 * MS, severity="warning", code=ev.CLIENT_BOUND, text="slow client", job="j2"),
        *request("j2.2", job="j2", start=400 * MS, figures=slow)[:3],
        ev.QueuePaused(t=500 * MS),
    ]


def test_half_a_job_waits_again_after_a_resume_and_its_requests_do_not_count():
    state = SessionState()
    apply_all(state, half_a_job())
    assert (state.jobs["j2"].status, state.active_requests, state.running_jobs) == ("running", ["j2.2"], ["j2"])
    apply(state, resumed(501 * MS))
    job = state.jobs["j2"]
    assert (job.status, job.started_ns, job.phase, job.done, job.total) == ("queued", None, None, 0, 2)
    assert (job.client_bound, job.peaks, state.paused) == (None, {}, False)
    assert (state.active_requests, state.running_jobs) == ([], [])
    assert [state.requests[name].status for name in ("j2.1", "j2.2")] == ["cancelled", "cancelled"]
    assert [row.job for row in job_results(state)] == ["j1"]
    again = [ev.JobStarted(t=510 * MS, job="j2"), *request("j2.3", job="j2", start=520 * MS)]
    apply_all(state, [*again, ev.JobFinished(t=700 * MS, job="j2", status="done")])
    row = job_results(state)[1]
    assert (row.requests, row.failed, row.decode_rate) == (1, 0, 100.0)
    assert state.requests["j2.1"].figures is not None, "what was measured is still there to be looked at"


def test_without_a_resume_the_half_job_would_count():
    state = SessionState()
    apply_all(state, half_a_job())
    assert job_results(state)[1].decode_rate == 1.0


def test_what_is_done_is_the_same_before_and_after_a_resume():
    state = SessionState()
    apply_all(state, half_a_job())
    before = job_results(state)[0]
    apply(state, resumed(501 * MS))
    assert job_results(state)[0] == before


def test_an_end_before_a_resume_is_none():
    state = SessionState()
    apply_all(state, [*half_a_job(), ev.SessionFinished(t=600 * MS, outcome="failed"), resumed(601 * MS)])
    assert not state.finished
