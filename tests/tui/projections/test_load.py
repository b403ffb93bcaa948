from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.load import BAR, bar, load_lines


def level(job, concurrency, rate, *, workload="chat"):
    load = ev.OfferedLoad(concurrency=concurrency)
    asked = list(request(f"{job}.1", job=job, start=100 * MS))
    asked[0] = ev.RequestStarted(t=100 * MS, request=f"{job}.1", job=job, model="smol", messages=(), step=1)
    return [
        queued(job, workload=workload, load=load),
        ev.JobStarted(t=2, job=job),
        *asked,
        ev.StepFinished(
            t=900 * MS, job=job, step=1, load=load, window_start=0, window_end=500 * MS, requests=1, token_rate=rate
        ),
    ]


def lines(events, job="j1", tier="braille"):
    state = SessionState()
    apply_all(state, [header(), *events])
    result = next(row for row in job_results(state) if row.job == job)
    return load_lines(state, result, glyphs_of(tier))


def test_all_levels_of_a_sweep_stand_together_in_their_order():
    events = [*level("j1", 8, 100.0), *level("j2", 2, 50.0), *level("j3", 4, 10.0, workload="other")]
    shown = [line for line in lines(events) if line.startswith("  C=")]
    assert [line.split()[0] for line in shown] == ["C=2", "C=8", "C=2:", "C=8:"]
    assert "█" * BAR in shown[1]
    assert "█" * (BAR // 2) + " " in shown[0]


def test_a_job_without_levels_has_no_such_lines():
    assert lines([queued(), ev.JobStarted(t=2, job="j1")]) == []


def test_bars_are_plain_where_the_terminal_is():
    ascii_, full = glyphs_of("ascii"), glyphs_of("block")
    assert bar(5, 10, ascii_) == "#" * (BAR // 2)
    assert bar(0.001, 10, ascii_) == "#"
    assert bar(10, 10, full) == "█" * BAR
    assert bar(None, 10, full) == bar(3, 0, full) == ""


def test_thin_percentiles_are_marked():
    text = "\n".join(lines(level("j1", 1, 3.0)))
    assert "p50 11.0 ms  p90 11.0 ms*" in text
