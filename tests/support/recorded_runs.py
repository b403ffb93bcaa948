"""Sessions of a few runs with known figures, written where the commands look for them."""

import msgspec

from llmtui import events as ev
from llmtui import places
from support.conversation import MS, queued, request

STEADY = (100.0, 101.0, 99.0, 100.5, 99.5)


def runs(levels, *, first=1, memory=None, **plan):
    """One job for each level: its TTFT in ms; its decode rate is 10 000 by that."""
    events = []
    for place, level in enumerate(levels, start=first):
        job = f"j{place}"
        measured = ev.Figures(ttft_ns=round(level * MS), decode_rate=1e4 / level, tokens=8, tokens_basis="server")
        events += [queued(job, iteration=place, **plan), ev.JobStarted(t=place, job=job)]
        if memory is not None:
            events.append(ev.SampleTaken(t=place, values={"ram.used": memory}))
        events += request(f"{job}.1", job=job, figures=measured)
        events.append(ev.JobFinished(t=place, job=job, status="done"))
    return events


def write_session(name, events):
    folder = places.sessions_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return path
