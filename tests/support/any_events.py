"""Events of all kinds about a few jobs and requests, in any order, with times that go back now and then."""

import math
import random

from hypothesis import strategies as st

from llmtui import events as ev
from support.conversation import MS, header, queued

JOBS = st.sampled_from(("j1", "j2"))
REQUESTS = st.sampled_from(("j1.1", "j1.2", "j2.1"))
TEXTS = st.text("ab é\n", max_size=5)
READINGS = st.dictionaries(
    st.sampled_from(("cpu.percent", "gpu.0.temperature", "gpu.0.power", "server.memory.private", "ram.used")),
    st.floats(0, 1e9),
    max_size=4,
)
REASONS = st.dictionaries(st.sampled_from(("cpu.percent", "gpu.0.power")), st.just("lost"), max_size=1)


def tokens(draw):
    count = draw(st.integers(0, 3))
    return ev.TokensReceived(
        t=0,
        request=draw(REQUESTS),
        offsets_us=tuple(sorted(draw(st.lists(st.integers(0, 10**6), min_size=count, max_size=count)))),
        texts=tuple(draw(st.lists(TEXTS, min_size=count, max_size=count))),
        kind=draw(st.sampled_from(("answer", "reasoning"))),
        tokens=tuple(draw(st.lists(st.integers(0, 99), max_size=2))),
    )


def finished(draw):
    status = draw(st.sampled_from(("done", "failed", "cancelled")))
    figures = ev.Figures(ttft_ns=draw(st.integers(1, 10**9)), itl_p99_ns=draw(st.none() | st.integers(1, 10**9)))
    return ev.RequestFinished(t=0, request=draw(REQUESTS), job=draw(JOBS), status=status, figures=figures)


MAKERS = (
    lambda draw: queued(draw(JOBS)),
    lambda draw: ev.JobMoved(t=0, job=draw(JOBS), before=draw(st.none() | JOBS)),
    lambda draw: ev.RepetitionBegun(t=0, job=draw(JOBS), within=0.02),
    lambda draw: ev.RepetitionEnded(t=0, job=draw(JOBS), reached=draw(st.booleans())),
    lambda draw: ev.JobStarted(t=0, job=draw(JOBS)),
    lambda draw: ev.JobProgressed(t=0, job=draw(JOBS), phase="measuring", done=draw(st.integers(0, 9))),
    lambda draw: ev.JobFinished(t=0, job=draw(JOBS), status=draw(st.sampled_from(("done", "failed")))),
    lambda draw: ev.ModelLoaded(t=0, target="embedded", model="smol", load_ns=draw(st.integers(0, 10**9))),
    lambda draw: ev.ModelUnloaded(
        t=0, job=draw(JOBS), target="embedded", model="smol", gone=draw(st.none() | st.booleans())
    ),
    lambda draw: ev.ModelFinished(t=0, job=draw(JOBS), target="embedded", model="smol", status="done", start=0),
    lambda draw: ev.RequestStarted(
        t=0, request=draw(REQUESTS), job=draw(JOBS), model="smol", messages=(("user", "hi"),)
    ),
    lambda draw: ev.ContextTried(t=0, job=draw(JOBS), size=draw(st.integers(1, 9)), outcome="measured"),
    lambda draw: ev.RequestSent(t=0, request=draw(REQUESTS)),
    tokens,
    tokens,
    finished,
    lambda draw: ev.SampleTaken(t=0, values=draw(READINGS), missing=draw(REASONS)),
    lambda draw: ev.SamplerLost(t=0, reason="died"),
    lambda draw: ev.SelfMeasured(t=0, engine_cpu=draw(st.floats(0, 100))),
    lambda draw: ev.ViewerMeasured(t=0, pid=draw(st.integers(1, 3)), cpu=1.0, terminal_rate=2.0),
    lambda draw: ev.TargetResolved(t=0, target=draw(TEXTS), url="http://x"),
    lambda draw: ev.AlertRaised(t=0, severity="warning", code=ev.CLIENT_BOUND, text=draw(TEXTS), job=draw(JOBS)),
    lambda draw: ev.MarkerPlaced(t=0, label=draw(TEXTS)),
    lambda draw: ev.QueuePaused(t=0),
    lambda draw: ev.QueueResumed(t=0),
    lambda draw: ev.SessionResumed(t=0, pid=2, opened_at="2026-11-21T04:00:00Z", origin_ns=0, llmtui="0.1.0"),
    lambda draw: ev.SessionFinished(t=0, outcome="completed"),
)


@st.composite
def sessions(draw, most=40):
    """A session of at most so many events."""
    told = [header()]
    t = 0
    for maker in draw(st.lists(st.sampled_from(MAKERS), max_size=most)):
        t += draw(st.integers(-30, 60)) * MS
        told.append(_at(maker(draw), t))
    return told


READ = ("cpu.percent", "gpu.0.temperature", "gpu.0.throttle.reasons", "server.memory.private", "server.memory.file")
VALUES = (1.0, 64.0, math.nan, math.nan, -math.inf)


@st.composite
def bulks(draw, count=150):
    """What makes up most of a log: tokens and samples, most of which have their keys in common, and few other events.

    Chosen by a seed, since chance makes longer runs of them than a search for small examples does.
    """
    chance = random.Random(draw(st.integers(0, 2**32)))
    told = [header(), queued("j1"), ev.JobStarted(t=0, job="j1")]
    t = 0
    for _ in range(count):
        t += chance.randint(-200, chance.choice((100, 1500))) * MS
        told.append(_bulk(chance, t))
    return told


def _bulk(chance, t):
    name = chance.choice(("j1.1", "j1.2"))
    kind = chance.choices("tsmkbf", (9, 12, 1, 1, 1, 1))[0]
    if kind == "t":
        offsets = tuple(sorted(chance.sample(range(10**6), chance.randrange(4))))
        stated = (chance.randrange(99),) if chance.random() < 0.2 else ()
        answer = chance.choice(("answer", "reasoning"))
        texts = ("a",) * len(offsets)
        return ev.TokensReceived(t=t, request=name, offsets_us=offsets, texts=texts, kind=answer, tokens=stated)
    if kind == "b":
        return ev.RequestSent(t=t, request=name)
    if kind == "f":
        return ev.RequestFinished(t=t, request=name, job="j1", status="done", figures=ev.Figures(tokens=9))
    keys = READ if kind != "k" else chance.sample(READ, 3)
    missing = {"cpu.percent": "lost", "gpu.0.power": "lost"} if kind == "m" else {}
    return ev.SampleTaken(t=t, values={key: chance.choice((*VALUES, t / MS)) for key in keys}, missing=missing)


def _at(event, t):
    fields = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(**{**fields, "t": t})
