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


def test_a_session_without_jobs_says_so():
    assert PlainReport().results() == ["no job ran"]


def test_a_session_that_repeats_another_says_so_at_its_beginning():
    lines, _ = told([header(parent="a\x1b", parent_jobs=("j2",))])
    (line,) = [line for line in lines if "it repeats j2 of a" in line]
    assert "\x1b" not in line
    assert "it repeats" not in "\n".join(told([header()])[0])
