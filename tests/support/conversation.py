"""A small session as events, told in order."""

from llmtui import events as ev

MS = 1_000_000


def header(**changes):
    fields = {
        "t": 0,
        "format": ev.FORMAT_VERSION,
        "llmtui": "0.1.0",
        "session": "s1",
        "name": "quick",
        "opened_at": "2026-11-21T04:00:00Z",
        "origin_ns": 0,
        "clock": "monotonic",
        "pid": 1,
        "suite": "name: quick",
        "suite_sha256": "0" * 64,
    }
    return ev.SessionOpened(**{**fields, **changes})


def queued(job="j1", t=1, **changes):
    fields = {
        "target": "embedded",
        "backend": "llama.cpp",
        "model": "smol",
        "workload": "short",
        "kind": "generate",
        "iteration": 1,
        "requests": 2,
        "quantization": "Q4_1",
    }
    return ev.JobQueued(t=t, job=job, **{**fields, **changes})


def request(name, *, job="j1", start=10 * MS, tokens=4, warmup=False, status="done", figures=None):
    sent = start + MS
    return [
        ev.RequestStarted(t=start, request=name, job=job, model="smol", messages=(("user", "hi"),), warmup=warmup),
        ev.RequestSent(t=sent, request=name, connect_ns=5),
        ev.TokensReceived(
            t=sent + tokens * 10 * MS,
            request=name,
            offsets_us=tuple(10_000 * (n + 1) for n in range(tokens)),
            texts=tuple(f"w{n} " for n in range(tokens)),
        ),
        ev.RequestFinished(
            t=sent + (tokens + 1) * 10 * MS,
            request=name,
            job=job,
            status=status,
            warmup=warmup,
            figures=figures or ev.Figures(ttft_ns=10 * MS, decode_rate=100.0, tokens=tokens, tokens_basis="server"),
        ),
    ]


def whole_session():
    return [
        header(),
        queued(),
        ev.JobStarted(t=5 * MS, job="j1"),
        ev.SampleTaken(
            t=6 * MS, values={"cpu.percent": 50.0, "ram.used": 5.0}, missing={"cpu.temperature": "no sensor"}
        ),
        *request("j1.1", warmup=True),
        *request("j1.2", start=100 * MS),
        ev.SampleTaken(
            t=150 * MS, values={"cpu.percent": 90.0, "server.memory.private": 3.0, "server.memory.file": 4.0}
        ),
        *request("j1.3", start=200 * MS),
        ev.JobFinished(t=300 * MS, job="j1", status="done"),
        ev.AlertRaised(t=301 * MS, severity="warning", code="x", text="look"),
        ev.MarkerPlaced(t=302 * MS, label="here"),
        ev.SessionFinished(t=303 * MS, outcome="completed"),
    ]
