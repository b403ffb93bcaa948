"""Sessions of many short jobs: the points of a grid, and the runs of variants, each with one request."""

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from support.conversation import MS, header

NS = 1_000_000_000


def job_events(
    name,
    *,
    rate=None,
    status="done",
    reason=None,
    scores=(),
    load_ns=None,
    figures=None,
    plan=None,
    words=None,
    text="ok",
):
    """One job; `rate` None: its request measured nothing. A `status` "queued" or "running" leaves it unfinished."""
    fields = {"target": "t", "backend": "b", "model": "m", "workload": "ask", "kind": "sweep", "iteration": 1}
    events = [ev.JobQueued(t=1, job=name, requests=1, **{**fields, **(plan or {})})]
    if status == "queued":
        return events
    events.append(ev.JobStarted(t=2 * MS, job=name))
    if load_ns is not None:
        events.append(
            ev.ModelLoaded(t=3 * MS, target=events[0].target, model=events[0].model, load_ns=load_ns, source="client")
        )
    request = f"{name}.1"
    measured = figures or ev.Figures(
        decode_rate=rate,
        ttft_ns=None if rate is None else round(NS / rate),
        e2e_ns=None if rate is None else 2 * NS,
        prefill_rate=None if rate is None else 3 * rate,
        tokens=None if rate is None else 20,
        tokens_basis="server",
        missing={} if rate is not None else {"decode_rate": "it was too short"},
    )
    events += [
        ev.RequestStarted(t=4 * MS, request=request, job=name, model="m", messages=(("user", "x"),)),
        ev.RequestSent(t=4 * MS, request=request),
        ev.TokensReceived(t=5 * MS, request=request, offsets_us=(1,), texts=(text,)),
        ev.RequestFinished(t=6 * MS, request=request, job=name, status="done", figures=measured),
    ]
    events += [
        ev.AnswerScored(
            t=7 * MS, job=name, request=request, task=f"q{n}", category="", score=1.0, passed=passed, detail="d"
        )
        for n, passed in enumerate(scores)
    ]
    if words is not None:
        events.append(
            ev.AnswerScored(
                t=7 * MS, job=name, request=request, task="report", category="", score=1.0, passed=True, detail="d",
                parts={"words": words},
            )
        )  # fmt: skip
    if status != "running":
        passed = None if words is None else words >= 800
        events.append(ev.JobFinished(t=8 * MS, job=name, status=status, reason=reason, passed=passed))
    return events


def grid_session(points, *, suite="name: s", more=(), **fields):
    """A session on a grid: `points` are ({values}, [a rate for each job]); a rate may be a dict of `job_events`."""
    events = [header(suite=suite)]
    number = 0
    for values, rates in points:
        for iteration, rate in enumerate(rates, 1):
            number += 1
            given = dict(rate) if isinstance(rate, dict) else {"rate": rate}
            plan = {"point": values, "iteration": iteration, **fields, **given.pop("plan", {})}
            events += job_events(f"j{number}", plan=plan, **given)
    state = SessionState()
    apply_all(state, [*events, *more])
    return state


REPORT_SUITE = "name: r\nworkloads: [{kind: report, name: text}]\nvariants: [{name: baseline}, {name: tuned}]\n"


def report_session(sides, *, suite=REPORT_SUITE, more=(), **fields):
    """A session of reports: `sides` has for each variant the arguments of `job_events` for each of its runs."""
    events = [header(suite=suite)]
    number = 0
    for variant, runs in sides.items():
        for iteration, given in enumerate(runs, 1):
            number += 1
            plan = {
                "variant": variant,
                "kind": "report",
                "workload": "text",
                "iteration": iteration,
                "parameters": {"temperature": 0.0, "options": {}},
                **fields,
                **given.get("plan", {}),
            }
            events += job_events(f"j{number}", **{**given, "plan": plan})
    state = SessionState()
    apply_all(state, [*events, *more])
    return state
