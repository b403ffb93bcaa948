"""Whole runs under load: against the real server with the real small model, and against one that knows the truth."""

import json
import re
from itertools import pairwise

import pytest

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.selftest.children import truth_server
from llmtui.testing.truth_record import read_truth

pytestmark = pytest.mark.embedded

LOADS = """
name: loads
targets: [embedded]
sample_ms: 100
embedded: {threads: 1, context: 512}
workloads:
  - kind: load
    name: chat
    prompts: ["What is the capital of France?", "Name three colours.", "Why is the sky blue?"]
    concurrency: 1
    requests: 6
    max_tokens: 8
"""

MADE_UP = """
name: made up
targets: [embedded]
sample_ms: 100
embedded: {threads: 1, context: 512}
workloads:
  - kind: load
    name: made up
    synthetic: {tokens: 61}
    concurrency: 2
    requests: 8
    max_tokens: 2
"""

OPEN = """
name: open
targets: [embedded]
sample_ms: 100
embedded: {threads: 1, context: 512}
workloads:
  - kind: generate
    name: chat
    prompts: ["What is the capital of France?", "Name three colours."]
    max_tokens: 4
"""

PLAIN_TRUTH = "plain+ttft_ms=200+gap_ms=50+tokens=20+slots=1"


def of(events, kind):
    return [event for event in events if type(event) is kind]


def measured(events):
    return [event for event in of(events, ev.RequestStarted) if not event.warmup]


def most_in_flight(events, job):
    """Return the most requests of a job that were begun and not finished, in the order of the log."""
    count = most = 0
    for event in events:
        if isinstance(event, ev.RequestStarted | ev.RequestFinished) and event.job == job:
            count += 1 if isinstance(event, ev.RequestStarted) else -1
            most = max(most, count)
    assert count == 0
    return most


def run(llmtui, text, *arguments, timeout=110):
    result = llmtui("run", llmtui.suite(text), "--plain", *arguments, timeout=timeout)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout, read_log(llmtui.log()).events


def test_a_sweep_by_the_command_line(llmtui):
    output, events = run(llmtui, LOADS, "--concurrency", "1,3")
    one, three = of(events, ev.StepFinished)
    assert (one.load, three.load) == (ev.OfferedLoad(concurrency=1), ev.OfferedLoad(concurrency=3))
    assert (most_in_flight(events, "j1"), most_in_flight(events, "j2")) == (1, 3)
    assert all(step.failed == 0 and step.token_rate > 0 and step.request_rate > 0 for step in (one, three))
    assert 0 < one.in_flight <= 1
    assert 1 < three.in_flight <= 3
    assert [event.load for event in of(events, ev.JobQueued)] == [one.load, three.load]
    assert {event.step for event in measured(events)} == {1}
    assert [sum(event.job == job for event in measured(events)) for job in ("j1", "j2")] == [6, 6]
    loads = output[output.index("job  load  requests") :].splitlines()
    assert [line.split()[:2] for line in loads[2:4]] == [["j1", "C=1"], ["j2", "C=3"]]
    assert all(re.search(r" \d+ +0 +[\d.]+ +[\d.]+ +- +[\d.]+ ", line) for line in loads[2:4])
    assert "TTFT and E2E count from the moment a request was due" in output


def test_the_figures_of_a_load_follow_from_its_logged_arrivals(llmtui):
    _, events = run(llmtui, LOADS, "--concurrency", "3")
    (step,) = of(events, ev.StepFinished)
    sent = {event.request: event.t for event in of(events, ev.RequestSent)}
    finished = {event.request: event for event in of(events, ev.RequestFinished)}
    arrivals = {name: [] for name in sent}
    for batch in of(events, ev.TokensReceived):
        arrivals[batch.request] += [sent[batch.request] + offset * 1000 for offset in batch.offsets_us]
    seconds = (step.window_end - step.window_start) / 1e9
    tokens = answers = 0
    for event in measured(events):
        times, done = arrivals[event.request], finished[event.request]
        tokens += done.figures.tokens * sum(step.window_start < at <= step.window_end for at in times) / len(times)
        answers += step.window_start < done.t <= step.window_end
    assert step.token_rate == pytest.approx(tokens / seconds, rel=1e-6)
    assert step.request_rate == pytest.approx(answers / seconds, rel=1e-6)
    assert step.requests == sum(step.window_start <= event.t <= step.window_end for event in measured(events))


def test_made_up_prompts_have_the_length_that_the_server_counts(llmtui):
    _, events = run(llmtui, MADE_UP)
    names = {event.request for event in measured(events)}
    counts = {event.usage.prompt_tokens for event in of(events, ev.RequestFinished) if event.request in names}
    assert len(names) == 8
    assert len(counts) == 1, "each has as many tokens as the others, template included"
    assert len({event.messages for event in measured(events)}) == 8
    template = counts.pop() - 61
    _, events = run(llmtui, MADE_UP, "--set", "synthetic.tokens=200")
    names = {event.request for event in measured(events)}
    counts = {event.usage.prompt_tokens for event in of(events, ev.RequestFinished) if event.request in names}
    assert counts == {200 + template}
    _, events = run(llmtui, OPEN)
    assert len({event.usage.prompt_tokens for event in of(events, ev.RequestFinished)}) > 1


def test_a_rate_sends_when_requests_are_due(llmtui):
    _, events = run(llmtui, OPEN, "--rate", "4", "--set", "arrivals=constant", "--set", "requests=9")
    due = [event.t for event in measured(events)]
    assert [later - earlier for earlier, later in pairwise(due)] == pytest.approx([250_000_000] * 8, abs=2)
    sent = {event.request: event.t for event in of(events, ev.RequestSent)}
    assert all(sent[event.request] >= event.t for event in measured(events))
    (step,) = of(events, ev.StepFinished)
    assert step.load == ev.OfferedLoad(rate=4.0, arrivals="constant")
    assert of(events, ev.JobQueued)[0].kind == "load"


def test_jobs_are_repeated_until_their_rate_is_known(llmtui):
    text = LOADS.replace("requests: 6", "requests: 2") + "  - kind: watch\n    name: wait\n    duration_s: 100\n"
    assert llmtui("run", llmtui.suite(text), "--detach").returncode == 0
    llmtui.wait_for_text('"ev":"job_finished","t"', 60)
    assert "there is no job j9" in llmtui("ctl", "repeat", "j9").stderr
    assert "takes a percentage between 0 and 100" in llmtui("ctl", "repeat", "j1", "--within", "0").stderr
    asked = llmtui("ctl", "repeat", "j1", "--within", "90")
    assert asked.stdout.strip() == "repeating 1 of them until each rate is known to ± 90 %"
    assert llmtui("ctl", "skip").stdout.strip() == "j2 skipped"
    llmtui.wait_for_text('"ev":"session_finished"', 80)
    events = read_log(llmtui.log()).events
    again = [event for event in of(events, ev.JobQueued) if event.rerun_of]
    assert {event.rerun_of for event in again} == {"j1"}
    assert [event.iteration for event in again] == list(range(2, len(again) + 2))
    told = [event.text for event in of(events, ev.AlertRaised) if event.code == "repetition"]
    assert len(told) == 1
    assert re.search(rf"tok/s ± [\d.]+ % after {len(again) + 1} runs$", told[0])


@pytest.mark.parametrize("streams", [64])
def test_many_streams_against_the_truth(llmtui, tmp_path, streams):
    text = json.dumps(
        {
            "name": "many",
            "workloads": [
                {
                    "kind": "load",
                    "name": "many",
                    "prompts": ["hello", "and you?"],
                    "concurrency": streams,
                    "requests": 2 * streams,
                    "max_tokens": 100,
                }
            ],
        }
    )
    with truth_server(tmp_path, [PLAIN_TRUTH]) as truth:
        _, events = run(llmtui, text, "--url", truth.urls["openai"], "-m", PLAIN_TRUTH)
        records = read_truth(truth.file)
    requests = measured(events)
    finished = {event.request: event for event in of(events, ev.RequestFinished)}
    assert len(requests) == 2 * streams
    assert most_in_flight(events, "j1") == streams
    # By the last piece: a client may have the end, and ask again, before the server has noted that it sent it.
    changes = sorted([(r.received_ns, 1) for r in records] + [(r.pieces[-1][0], -1) for r in records])
    count = most = 0
    for _, change in changes:
        count += change
        most = max(most, count)
    assert most == streams, "the server saw them all at once"
    sent_tokens = {record.mark: sum(tokens for _, tokens, _ in record.pieces) for record in records}
    assert len(sent_tokens) == len(records), "each request began with a line of its own"
    for event in requests:
        mark = event.messages[0][1].partition("\n")[0]
        figures = finished[event.request].figures
        assert (figures.tokens, figures.tokens_basis) == (sent_tokens[mark], "server")
        assert figures.tokens == 20
        assert figures.ttft_ns >= 200_000_000, "no piece leaves before its time"
    (step,) = of(events, ev.StepFinished)
    assert step.failed == 0
    assert step.in_flight <= streams


@pytest.mark.parametrize(
    ("text", "arguments", "sentence"),
    [
        (LOADS, ["--concurrency", "0"], "`workloads[0].concurrency` is 0; it must be from 1 to 1024"),
        (LOADS, ["--concurrency", "2000"], "`workloads[0].concurrency` is 2000; it must be from 1 to 1024"),
        (LOADS, ["--concurrency", "a,b"], "--concurrency takes numbers such as 1,2,4, not `a,b`"),
        (LOADS, ["--concurrency", "1,,2"], "--concurrency takes numbers such as 1,2,4, not `1,,2`"),
        (LOADS, ["--concurrency", "1.5"], "--concurrency takes numbers such as 1,2,4, not `1.5`"),
        (LOADS, ["--rate", "-1"], "`workloads[0].rate` is -1; it must be above 0"),
        (LOADS, ["--rate", "nan"], "rate"),
        (LOADS, ["--concurrency", "1", "--rate", "1"], "--concurrency and --rate exclude each other"),
        (LOADS, ["--concurrency", "1", "--set", "rate=1"], "exclude each other"),
        (LOADS, ["--set", "ramp=true"], "`workloads[0].ramp` needs at least two levels"),
        (LOADS, ["--set", "prompts=[]"], "give one of `prompts`, `synthetic` and `file`"),
        (re.sub(r"    prompts: .*\n", "", LOADS), [], "give one of `prompts`, `synthetic` and `file`"),
        (re.sub(r"    concurrency: .*\n", "", LOADS), [], "give one of `concurrency`, `rate` and `search`"),
        ("name: w\nworkloads:\n  - kind: watch\n", ["--concurrency", "4"], "no such key"),
    ],
)
def test_a_wrong_load_gets_one_sentence_and_starts_nothing(llmtui, text, arguments, sentence):
    result = llmtui("run", llmtui.suite(text), "--plain", *arguments)
    assert result.returncode != 0
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr
    assert not llmtui.sessions.exists() or not list(llmtui.sessions.glob("*.jsonl"))


def test_a_file_of_prompts_that_is_not_there_fails_the_job(llmtui):
    text = re.sub(r"    prompts: .*\n", "    file: gone.jsonl\n", LOADS)
    result = llmtui("run", llmtui.suite(text), "--plain")
    assert result.returncode == 1
    assert "gone.jsonl: the prompts can't be read: No such file or directory" in result.stdout
