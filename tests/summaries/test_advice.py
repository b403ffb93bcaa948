import msgspec
import pytest
from support.summaries import SESSIONS, read_state

from llmtui import events as ev
from llmtui.metrics.rating_tables import THRESHOLDS
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.summaries.advice import advise, job_rating_lines, summarize_session
from llmtui.summaries.rated_jobs import candidates, rated_jobs
from llmtui.summaries.registry import RATED, all_summary_lines, rating_lines, session_advice
from llmtui.summaries.summary import summary_text

S = 1_000_000_000
LIMITS = {"max_ttft_s": 30.0, "min_rate": 2.0, "max_variation": 0.2}
MARKS = {"pass_marks": {"math": 80, "reading": 75, "reasoning": 75, "format": 90}}


def interactive(name, model="m", *, ttft_s=1.0, rates=(20.0, 20.0, 20.0), status="done", reason=None, **plan):
    """The events of a job that somebody reads along."""
    parameters = {**LIMITS, **plan.pop("parameters", {})}
    events = [
        ev.JobQueued(
            t=1, job=name, backend="b", model=model, workload="w", iteration=1, requests=0,
            **{"target": "t", "kind": "interactive", "parameters": parameters, **plan},
        ),
        ev.JobStarted(t=2, job=name),
        ev.SampleTaken(t=3, values={"server.memory.private": 1e9, "server.memory.file": 1e9, "cpu.temperature": 70.0}),
    ]  # fmt: skip
    for place, rate in enumerate(rates):
        figures = ev.Figures(
            ttft_ns=None if ttft_s is None else round(ttft_s * S),
            decode_rate=rate,
            tpot_ns=1e9 / rate if rate else None,
            e2e_ns=5 * S,
            tokens=9,
        )
        request = f"{name}.{place}"
        events += [
            ev.RequestStarted(t=3, request=request, job=name, model=model, messages=()),
            ev.RequestFinished(t=4, request=request, job=name, status="done", figures=figures),
        ]
    return [*events, ev.JobFinished(t=5, job=name, status=status, reason=reason)]


def quality(name, model, rights, **plan):
    events = [
        ev.JobQueued(t=6, job=name, target="t", backend="b", model=model, workload="q", kind="quality", iteration=1, requests=0,
                     parameters=MARKS, **plan),
        ev.JobStarted(t=6, job=name),
        ev.RequestStarted(t=6, request=f"{name}.1", job=name, model=model, messages=()),
    ]  # fmt: skip
    events += [
        ev.AnswerScored(t=7, job=name, request=f"{name}.1", task=f"q{place}", category=("math", "reading")[place % 2],
                        score=float(mark == "+"), passed=mark == "+", detail="")
        for place, mark in enumerate(rights)
    ]  # fmt: skip
    finished = ev.RequestFinished(t=8, request=f"{name}.1", job=name, status="done")
    return [*events, finished, ev.JobFinished(t=8, job=name, status="done")]


def header(host="box"):
    return ev.SessionOpened(
        t=0, format=1, llmtui="0", session="s", name="s", opened_at="2026-11-21T00:00:00Z", origin_ns=0, clock="c", pid=1,
        suite="", suite_sha256="", hardware=ev.HardwareSnapshot(hostname=host),
    )  # fmt: skip


def session(*jobs, host="box"):
    state = SessionState()
    apply_all(state, [header(host), *(event for job in jobs for event in job)])
    return state


def lines_of(*states):
    summary = advise(states)
    return list(summary_text(summary)) if summary else []


def test_a_recorded_session_is_rated_as_it_was():
    told = all_summary_lines(read_state("mix"))
    first = next(place for place, line in enumerate(told) if line.startswith("ratings"))
    assert "\n".join(told[first:]) + "\n" == (SESSIONS / "mix.txt").read_text()


def test_a_job_is_rated_by_its_own_limits():
    assert rated_jobs(session(interactive("j1")))[0].rating.level == "excellent"
    strict = session(interactive("j1", parameters={"max_ttft_s": 1.1}))
    assert rated_jobs(strict)[0].rating.level == "acceptable"
    assert "beaten by 9 %" in rated_jobs(strict)[0].rating.sentence
    assert rated_jobs(session(interactive("j1", parameters={"max_ttft_s": 0.9})))[0].rating.level == "poor"


def test_the_worst_answer_counts():
    assert rated_jobs(session(interactive("j1", rates=(20.0, 20.0, 1.9))))[0].rating.level == "failed", (
        "it varies as well"
    )
    steady = session(interactive("j1", rates=(1.95, 1.96, 1.97)))
    assert rated_jobs(steady)[0].rating.level == "poor"


@pytest.mark.parametrize("missing", [{"ttft_s": None}, {"rates": (20.0, None, 20.0)}, {"rates": (20.0,)}])
def test_a_figure_that_is_missing_leaves_the_job_without_a_rating(missing):
    state = session(interactive("j1", **missing))
    (rated,) = rated_jobs(state)
    assert rated.rating.level is None
    assert any("not rated" in line and "no answer has this figure" in line for line in lines_of(state))
    assert not any(line.split()[:2] == ["interactive", "m:"] for line in lines_of(state))


def test_a_job_that_failed_is_failed_and_not_recommended():
    state = session(interactive("j1", status="failed", reason="the server is gone"))
    lines = lines_of(state)
    assert any("failed" in line and "the server is gone" in line for line in lines)
    assert any("interactive" in line and "none of those measured is fit" in line for line in lines)


@pytest.mark.parametrize("status", ["skipped", "cancelled"])
def test_a_job_that_was_left_out_is_not_rated(status):
    state = session(interactive("j1", status=status, reason="by the user"))
    assert (rated_jobs(state), candidates([state]), summarize_session(state)) == ([], [], None)


def test_a_job_that_never_asked_anything_is_not_rated():
    state = session(interactive("j1", status="failed", reason="no server", rates=()))
    assert (rated_jobs(state), summarize_session(state)) == ([], None)


def test_a_session_without_thresholds_says_nothing():
    state = session(interactive("j1", kind="generate"))
    assert summarize_session(state) is session_advice(state) is None
    assert (
        rating_lines(state, state.jobs["j1"])
        == job_rating_lines(state, state.jobs["j1"])
        == all_summary_lines(state)
        == []
    )


def test_the_registry_knows_the_kinds_of_the_tables():
    assert set(THRESHOLDS) == RATED


def test_quality_is_rated_by_the_categories_that_were_asked():
    good, poor = session(quality("j1", "m", "++++")), session(quality("j1", "m", "+-+-"))
    assert rated_jobs(good)[0].rating.level == "excellent"
    assert rated_jobs(poor)[0].rating.level == "failed"
    assert rated_jobs(poor)[0].rating.sentence == "reading 0 %, at least 75 %: missed by 100 %"


def test_the_advice_names_the_model_and_the_figure():
    state = session(
        interactive("j1", "small", rates=(40.0,) * 3), quality("j2", "small", "++--" * 4),
        interactive("j3", "large", rates=(10.0,) * 3), quality("j4", "large", "++++" * 4),
    )  # fmt: skip
    told = {line.split()[0]: line for line in lines_of(state) if line.startswith("  ")}
    assert (
        "small: 40.0 tokens/s while somebody reads along, rated excellent; next is large with 10.0"
        in told["interactive"]
    )
    assert "large: 100 % right answers, rated excellent, the only one that is fit for it" in told["accuracy-critical"]
    assert "small: 100 points of cost-benefit; next is large with 50.0" in told["overall"]


def test_several_sessions_are_advised_on_together_and_the_last_word_counts():
    one = session(interactive("j1", "m", rates=(10.0,) * 3))
    other = session(interactive("j1", "m", rates=(30.0,) * 3))
    (candidate,) = candidates([one, other])
    assert (candidate.name, candidate.figures["interactive_rate"]) == ("m", 30.0)
    assert candidates([other, one])[0].figures["interactive_rate"] == 10.0
    assert sum("j1 w, m:" in line for line in lines_of(one, other)) == 2


def test_machines_targets_and_variants_are_kept_apart():
    assert [c.name for c in candidates([session(interactive("j1")), session(interactive("j1"), host="other")])] == [
        "m on box", "m on other",
    ]  # fmt: skip
    two = session(interactive("j1"), interactive("j2", target="u"))
    assert [candidate.name for candidate in candidates([two])] == ["m at t", "m at u"]
    variants = session(interactive("j1", variant="a"), interactive("j2", variant="b"))
    assert [candidate.name for candidate in candidates([variants])] == ["m (a)", "m (b)"]


@pytest.mark.parametrize(("unified", "memory"), [(False, 5e9), (True, 2e9)])
def test_memory_on_a_gpu_counts_unless_it_is_the_same_memory(unified, memory):
    sample = ev.SampleTaken(t=3, values={"server.memory.gpu": 3e9})
    job = interactive("j1")
    state = SessionState()
    gpu = ev.Gpu(index=0, vendor="v", name="g", unified=unified)
    opened = msgspec.structs.replace(header(), hardware=ev.HardwareSnapshot(gpus=(gpu,)))
    apply_all(state, [opened, *job[:3], sample, *job[3:]])
    (candidate,) = candidates([state])
    assert candidate.figures["memory"] == memory
    assert candidate.memory_of == ("server" if unified else "server and GPU")


def test_the_worst_rating_of_a_kind_stands_for_the_model():
    state = session(interactive("j1"), interactive("j2", ttft_s=29.0))
    assert candidates([state])[0].ratings["interactive"].level == "acceptable"


def test_a_quick_run_says_that_it_is_one():
    assert "too short to rely on" not in " ".join(lines_of(session(interactive("j1"))))
    assert "too short to rely on" in " ".join(lines_of(session(interactive("j1", parameters={"quick": True}))))


def test_names_that_would_act_on_a_terminal_do_not():
    assert all(line.isprintable() for line in lines_of(session(interactive("j1", "m\x1b[2J"))))


def test_a_job_alone_has_its_rating_and_its_figures_in_plain_words():
    state = session(interactive("j1"))
    assert job_rating_lines(state, state.jobs["j1"]) == [
        "rating: excellent: first token 1.00 s, at most 30.00 s: beaten by 97 %",
        "  20.0 tokens/s: faster than most people read",
        "  first token 1.00 s: a short breath before it answers",
        "  memory 1.86 GiB: fits beside other programs on a small machine",
        "  temperature 70 °C: warm, as is usual under load",
    ]
