from pathlib import Path

import pytest
from support.conversation import MS, header, request

from llmtui import events as ev
from llmtui.log.read import read_log
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.summaries.model_runs import model_runs, none_answered
from llmtui.summaries.registry import all_summary_lines, job_summary_lines

SESSIONS = Path(__file__).with_name("sessions")
S = 1_000_000_000


def state_of(events):
    state = SessionState()
    apply_all(state, [header(), *events])
    return state


@pytest.mark.parametrize("mode", ["serial", "parallel"])
def test_a_recorded_session_says_what_it_said(mode):
    state = SessionState()
    apply_all(state, read_log(SESSIONS / f"compare_models_{mode}.jsonl").events)
    lines = all_summary_lines(state)
    for job in state.jobs.values():
        lines += ["", f"-- {job.id}", *job_summary_lines(state, job, whole=True)]
    assert "\n".join(lines) + "\n" == (SESSIONS / f"compare_models_{mode}.txt").read_text()


def job(name, *models, status="done", reason=None, outcomes=(), begin=0):
    """A job that compares models, each (name, tokens/s or None, TTFT in ms); without a rate it failed."""
    places = tuple(ev.ModelPlace(target="t", model=model) for model, *_ in models)
    queued = ev.JobQueued(
        t=1, job=name, target="t", backend="ollama", model=" + ".join(place.model for place in places), workload="same",
        kind="compare-models", iteration=1, requests=len(models), models=places,
    )  # fmt: skip
    events = [queued, ev.JobStarted(t=begin, job=name)]
    for number, (model, rate, ttft) in enumerate(models, start=1):
        events.append(ev.ModelLoaded(t=begin + 2, target="t", model=model, load_ns=3 * S, source="server"))
        figures = ev.Figures(decode_rate=rate, ttft_ns=ttft * MS, e2e_ns=9 * ttft * MS, tokens=7, tokens_basis="server")
        told = request(
            f"{name}.{number}", job=name, start=begin + S, figures=figures, status="done" if rate else "failed"
        )
        told[0] = ev.RequestStarted(
            t=begin + S, request=f"{name}.{number}", job=name, model=model, target="t", task="prompt 1", messages=()
        )
        events += told
        events.append(
            ev.ModelFinished(
                t=begin + 3 * S, job=name, target="t", model=model, status="done" if rate else "failed",
                start=begin, asked=begin + S, problem=None if rate else "it broke\x1b[2J",
            )
        )  # fmt: skip
    return [*events, *outcomes, ev.JobFinished(t=begin + 4 * S, job=name, status=status, reason=reason)]


def unloaded(gone, reason=None, model="a", **more):
    fields = {"t": 3 * S, "job": "j1", "target": "t", "model": model, "gone": gone, "reason": reason, **more}
    return ev.ModelUnloaded(**fields)


def lines_of(*events):
    return all_summary_lines(state_of([each for part in events for each in part]))


def test_fastest_slowest_and_average_are_of_models_not_of_jobs():
    lines = lines_of(job("j1", ("a", 10.0, 100)), job("j2", ("b", 40.0, 300)), job("j3", ("a", 30.0, 200), begin=9 * S))
    assert lines[1] == "2 of 2 models answered; 21 tokens in all"
    assert lines[2] == "tok/s: fastest b 40.0, slowest a 20.0, average 30.0 over 2 models"
    assert lines[3] == "answer: fastest a 1.35 s, slowest b 2.70 s, average 2.02 s over 2 models"


def test_one_model_is_no_contest():
    assert "tok/s: a 10.0, the only model with a figure" in lines_of(job("j1", ("a", 10.0, 100)))


def test_a_model_that_failed_says_when_and_acts_on_nothing():
    lines = lines_of(job("j1", ("a", 10.0, 100), ("b", None, 1), status="failed", reason="1 of 2 models failed"))
    assert lines[1] == "1 of 2 models answered all of it; 7 tokens in all"
    (failed,) = [line for line in lines if "j1 b failed" in line]
    assert failed.startswith("j1 b failed after 2.00 s: it broke")
    assert failed.isprintable()


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (unloaded(True, wait_ns=200 * MS, memory={"ram.used": 2.0**30}), "gone from memory after 200 ms; in use then: 1.00 GiB RAM"),
        (unloaded(True, wait_ns=200 * MS), "j1 a was gone from memory after 200 ms"),
        (unloaded(False, "this server cannot unload"), "j1 a stays in memory: this server cannot unload"),
        (unloaded(None, "it does not tell"), "whether it is gone is not known: it does not tell"),
        (unloaded(True, model="z", found=True), "j1: z was in memory before; it was unloaded, and is not loaded again at the end"),
        (unloaded(False, "it lies", model="z"), "j1: z was in memory too, so the model of this job was not alone: it lies"),
    ],
)  # fmt: skip
def test_what_became_of_the_memory(event, words):
    lines = lines_of(job("j1", ("a", 10.0, 100), outcomes=[event]))
    assert sum(words in line for line in lines) == 1
    assert not any("memory" in line for line in lines_of(job("j1", ("a", 10.0, 100)))[:4]), "nothing is made up"


def test_a_model_of_the_comparison_that_was_there_before_is_not_there_any_more():
    found, left = unloaded(True, found=True), unloaded(True, wait_ns=MS)
    kept = unloaded(False, "it lies")
    said = "j1: a was in memory before; it was unloaded, and is not loaded again at the end"
    assert said in lines_of(job("j1", ("a", 10.0, 100), outcomes=[found, left]))
    assert said not in lines_of(job("j1", ("a", 10.0, 100), outcomes=[left]))
    assert said not in lines_of(job("j1", ("a", 10.0, 100), outcomes=[found, kept])), "it is in memory still"


def test_a_model_that_was_loaded_already_has_no_load_time():
    events = job("j1", ("a", 10.0, 100))
    known = ev.ModelLoaded(t=2, target="t", model="a")
    lines = lines_of([known if isinstance(event, ev.ModelLoaded) else event for event in events])
    assert any("was loaded" in line and "j1" in line for line in lines)


def answer_of(**changes):
    events = job("j1", ("a", 10.0, 100))
    place = next(number for number, event in enumerate(events) if isinstance(event, ev.TokensReceived))
    events[place] = ev.TokensReceived(**{"t": 2 * S, "request": "j1.1", "offsets_us": (1,), "texts": ("x",), **changes})
    return lines_of(events)[-1]


def test_answers_are_shown_as_they_are():
    assert answer_of(texts=("one\ntwo\x1b[2J",)) == "a      one⏎two␛[2J"
    assert answer_of(texts=(" ",)) == "a      (an empty answer)"
    assert answer_of(texts=("hm",), kind="reasoning") == "a      (no answer, only 2 characters of reasoning)"
    long = answer_of(texts=("word " * 200,))
    assert long.endswith("... (999 characters)")
    assert len(long) < 450


def test_the_details_of_a_job_have_the_whole_answer():
    state = state_of(job("j1", ("a", 10.0, 100)))
    assert "a, prompt 1: w0 w1 w2 w3" in job_summary_lines(state, state.jobs["j1"], whole=True)
    assert job_summary_lines(state, state.jobs["j1"]) == [], "beside the others it is told once"


def test_a_job_that_never_began_is_a_model_without_an_answer():
    events = [event for event in job("j1", ("a", 10.0, 1), status="failed", reason="no file") if event.t in {1, 4 * S}]
    (run,) = model_runs(state_of(events), list(state_of(events).jobs.values()))
    assert (run.status, run.problem, run.failed_after_ns, run.tokens) == ("failed", "no file", None, None)


@pytest.mark.parametrize(
    ("models", "status", "none"),
    [
        ([("a", None, 1), ("b", None, 1)], "failed", True),
        ([("a", None, 1), ("b", 9.0, 1)], "failed", False),
        ([("a", 9.0, 1), ("b", 9.0, 1)], "done", False),
    ],
)
def test_that_none_answered_is_known(models, status, none):
    assert none_answered(state_of(job("j1", *models, status=status, reason="it broke"))) is none


def test_a_session_that_compared_nothing_is_no_failed_comparison():
    other = ev.JobQueued(
        t=1, job="j1", target="t", backend="x", model="m", workload="w", kind="generate", iteration=1, requests=1
    )
    state = state_of([other, ev.JobStarted(t=2, job="j1"), ev.JobFinished(t=3, job="j1", status="failed")])
    assert not none_answered(state)
    assert not none_answered(SessionState())
