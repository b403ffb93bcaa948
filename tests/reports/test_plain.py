from support.conversation import MS, header, queued, request, whole_session

from llmtui import events as ev
from llmtui.reports.plain import PlainReport


def told(events):
    report = PlainReport()
    return [line for event in events for line in report.tell(event)], report


def test_a_session_is_told_in_lines_with_the_models_text():
    lines, report = told(whole_session())
    text = "\n".join(lines)
    assert "job 1 of 1: j1 short #1 on smol" in text
    assert "warm-up: TTFT 10.0 ms, decode 100 tok/s, 4 tokens (server)" in text
    assert "  answer: w0 w1 w2 w3 " in text
    assert "warning: look" in text
    assert text.endswith("session completed")
    assert "100" in "\n".join(report.results())


def test_samples_are_told_once_in_five_seconds():
    samples = [ev.SampleTaken(t=place * 1000 * MS, values={"cpu.percent": 5.0}) for place in range(11)]
    lines, _ = told(samples)
    assert len(lines) == 3


def test_escape_sequences_of_a_model_do_not_reach_the_terminal():
    events = [header(), queued(), ev.JobStarted(t=1, job="j1"), *request("j1.1")]
    evil = "\x1b]52;c;ZXZpbA==\x07\x1b[2J"
    events[5] = ev.TokensReceived(t=5, request="j1.1", offsets_us=(1,), texts=(evil,))
    events.append(ev.JobFinished(t=9, job="j1", status="failed", reason=evil))
    lines, report = told(events)
    assert "\x1b" not in "".join(lines) + "".join(report.results())
    assert "␛[2J" in "".join(lines)


def test_what_becomes_of_a_model_is_told_as_it_happens():
    evil = "a\x1b[2J"
    lines, _ = told(
        [
            ev.ModelLoaded(t=1, target="t", model=evil, load_ns=2 * MS, source="server"),
            ev.ModelLoaded(t=1, target="t", model="b"),
            ev.ModelUnloaded(t=2, job="j1", target="t", model=evil, gone=True, found=True),
            ev.ModelUnloaded(t=2, job="j1", target="t", model="b", gone=False, reason=evil),
            ev.ModelUnloaded(t=2, job="j1", target="t", model="c"),
            ev.ModelFinished(t=3, job="j1", target="t", model="b", status="failed", start=1, problem=evil),
            ev.ModelFinished(t=3, job="j1", target="t", model="c", status="done", start=1),
        ]
    )
    assert [line.partition("model ")[2] for line in lines] == [
        "a␛[2J ready after 2.00 ms (server)",
        "b is ready; it was there already, or the server does not tell",
        "a␛[2J is gone from memory, in which it was before the session",
        "b stays in memory: a␛[2J",
        "c was told to leave the memory",
        "b: failed: a␛[2J",
    ]


def test_a_session_without_jobs_says_so():
    assert PlainReport().results() == ["no job ran"]


def test_a_session_that_repeats_another_says_so_at_its_beginning():
    lines, _ = told([header(parent="a\x1b", parent_jobs=("j2",))])
    (line,) = [line for line in lines if "it repeats j2 of a" in line]
    assert "\x1b" not in line
    assert "it repeats" not in "\n".join(told([header()])[0])


def test_an_alert_that_only_repeats_what_a_job_came_to_is_not_told():
    gone = "it is not reachable: start the server"
    alerts = [ev.AlertRaised(t=3, severity="error", code="x", text=f"short: {gone}") for _ in range(2)]
    other = ev.AlertRaised(t=4, severity="error", code="y", text="no space is left")
    ended = ev.JobFinished(t=2, job="j1", status="failed", reason=gone)
    lines, _ = told([header(), queued(), ended, *alerts])
    assert [line[9:] for line in lines if gone in line] == [f"j1 short #1: failed: {gone}", f"error: short: {gone}"]
    lines, _ = told([header(), queued(), ended, other])
    assert lines[-1].endswith("error: no space is left")
    lines, _ = told([header(), alerts[0]])
    assert lines[-1].endswith(gone)
