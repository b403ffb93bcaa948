"""Long sessions as logs: an hour of one stream, and a load that makes two million events."""

from collections.abc import Iterator
from heapq import merge
from itertools import count
from pathlib import Path

from viewer import WORDS, sample

from llmtui import events as ev
from llmtui.log.encode import encode_line

MS = 1_000_000
SECOND = 1000 * MS
STREAMS = 64
CHUNKS = 100
"""How many chunks a request of the load has, each a line of its own."""


def write_log(path: Path, events: Iterator[ev.Event]) -> None:
    """Write the events as the engine would."""
    with path.open("wb") as file:
        file.writelines(map(encode_line, events))


def hour() -> Iterator[ev.Event]:
    """Tell an hour: one stream of 100 tokens/s in batches of 50 ms, 10 samples a second; 109,262 events."""
    yield _header("hour")
    jobs = [f"j{number}" for number in range(1, 61)]
    yield from (_queued(job, number) for number, job in enumerate(jobs, 1))
    for minute, job in enumerate(jobs):
        began = minute * 60 * SECOND
        yield ev.JobStarted(t=began, job=job)
        for number in range(6):
            yield from _request(f"{job}.{number + 1}", job, began + number * 10 * SECOND)
        yield ev.JobFinished(t=began + 60 * SECOND, job=job, status="done")
    yield ev.SessionFinished(t=3600 * SECOND, outcome="completed")


def _request(name: str, job: str, began: int) -> Iterator[ev.Event]:
    yield ev.RequestStarted(t=began, request=name, job=job, model="model", messages=(("user", "go on"),))
    yield ev.RequestSent(t=began, request=name)
    for batch in range(200):
        t = began + (batch + 1) * 50 * MS
        offsets = tuple(batch * 50_000 + place * 10_000 for place in range(5))
        texts = tuple(f" {WORDS[(batch * 5 + place) % len(WORDS)]}" for place in range(5))
        yield ev.TokensReceived(t=t, request=name, offsets_us=offsets, texts=texts)
        if batch % 2 == 0:
            yield ev.SampleTaken(t=t, values=sample(batch))
    yield _finished(name, job, began + 10 * SECOND, 1000)


def load(events: int) -> Iterator[ev.Event]:
    """Tell a load of 64 streams at once, a line for each chunk, 10 samples a second; alerts and failures now and then.

    The prompts have 400 characters each.
    """
    yield _header("load")
    yield _queued("j1", 1)
    yield ev.JobStarted(t=1, job="j1")
    told = 3
    streams = merge(*(_stream(number) for number in range(STREAMS)), _samples(), key=lambda event: event.t)
    for event in streams:
        if told == events - 2:
            break
        told += 1
        yield event
    end = event.t
    yield ev.JobFinished(t=end, job="j1", status="done")
    yield ev.SessionFinished(t=end, outcome="completed")


def _stream(number: int) -> Iterator[ev.Event]:
    for turn in count():
        began = (turn * STREAMS + number) * 40 * MS
        name = f"j1.{turn * STREAMS + number + 1}"
        prompt = f"{turn} {number} " + " ".join(WORDS * 5)
        yield ev.RequestStarted(t=began, request=name, job="j1", model="model", messages=(("user", prompt[:400]),))
        yield ev.RequestSent(t=began, request=name)
        for place in range(CHUNKS):
            text = f" {WORDS[(turn + place) % len(WORDS)]}"
            t = began + (place + 1) * 20 * MS
            yield ev.TokensReceived(t=t, request=name, offsets_us=((place + 1) * 20_000,), texts=(text,))
        ended = began + CHUNKS * 20 * MS
        if turn % 50 == 49 and number == 0:
            yield ev.AlertRaised(t=ended, severity="warning", code="busy", text="The server keeps requests waiting.")
            yield ev.RequestFinished(t=ended, request=name, job="j1", status="failed", problem="cut off")
        else:
            yield _finished(name, "j1", ended, CHUNKS)


def _samples() -> Iterator[ev.Event]:
    for tick in count():
        yield ev.SampleTaken(t=tick * 100 * MS, values=sample(tick))


def _header(name: str) -> ev.Event:
    return ev.SessionOpened(
        t=0,
        format=ev.FORMAT_VERSION,
        llmtui="0",
        session=name,
        name=name,
        opened_at="2026-01-01T00:00:00Z",
        origin_ns=0,
        clock="monotonic",
        pid=1,
        suite="",
        suite_sha256="",
    )


def _queued(job: str, number: int) -> ev.Event:
    return ev.JobQueued(
        t=1,
        job=job,
        target="t",
        backend="llamacpp",
        model="model",
        workload="w",
        kind="generate",
        iteration=number,
        requests=6,
    )


def _finished(name: str, job: str, t: int, tokens: int) -> ev.Event:
    figures = ev.Figures(ttft_ns=10 * MS, decode_rate=100.0, tokens=tokens, tokens_basis="server")
    return ev.RequestFinished(t=t, request=name, job=job, status="done", figures=figures)
