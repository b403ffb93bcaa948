"""A small session under load as events: one level with its window, and requests in, before and after it."""

from llmtui import events as ev
from support.conversation import MS, header, queued

C2 = ev.OfferedLoad(concurrency=2)
C4 = ev.OfferedLoad(concurrency=4)
RATE = ev.OfferedLoad(rate=0.5, arrivals="poisson")


def loaded(name, *, job="j1", step=1, due, late=0, e2e=1000, status="done", warmup=False, tokens=10):
    """A request that was due at `due` ms, was sent `late` ms after, and then had TTFT 100 ms, ITL 20 ms, E2E `e2e`."""
    sent = (due + late) * MS
    figures = ev.Figures(
        ttft_ns=100 * MS,
        ttft_answer_ns=150 * MS,
        e2e_ns=e2e * MS,
        tpot_ns=20.0 * MS,
        decode_rate=50.0,
        tokens=tokens,
        tokens_basis="server",
        itl_count=9,
    )
    return [
        ev.RequestStarted(
            t=due * MS, request=name, job=job, model="smol", messages=(("user", "hi"),), warmup=warmup, step=step
        ),
        ev.RequestSent(t=sent, request=name),
        ev.RequestFinished(
            t=sent + e2e * MS,
            request=name,
            job=job,
            status=status,
            warmup=warmup,
            figures=figures if status == "done" else ev.Figures(),
            problem=None if status == "done" else "it broke",
        ),
    ]


def step_finished(t=9000, *, job="j1", step=1, load=C2, window=(1000, 5000), **fields):
    known = {
        "requests": 2,
        "failed": 0,
        "good": 1,
        "token_rate": 80.0,
        "request_rate": 2.0,
        "goodput": 1.0,
        "in_flight": 1.9,
        "kept_slo": False,
    }
    return ev.StepFinished(
        t=t * MS,
        job=job,
        step=step,
        load=load,
        window_start=window[0] * MS,
        window_end=window[1] * MS,
        **{**known, **fields},
    )


def session_under_load():
    """One job at C=2: a warm-up, a request before the window, two in it (one late), one failed in it, one after it."""
    return [
        header(),
        queued(kind="load", load=C2, workload="chat", requests=5),
        ev.JobStarted(t=MS, job="j1"),
        *loaded("j1.1", due=10, step=0, warmup=True),
        *loaded("j1.2", due=500, e2e=9000),
        *loaded("j1.3", due=1000, e2e=1000),
        *loaded("j1.4", due=3000, late=400, e2e=1000),
        *loaded("j1.5", due=4000, status="failed"),
        *loaded("j1.6", due=5001, e2e=9000),
        step_finished(requests=3, failed=1, notes=("the window was short",)),
        ev.JobFinished(t=9500 * MS, job="j1", status="done"),
    ]
