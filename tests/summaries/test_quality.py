import pytest
from support.summaries import SESSIONS, read_state

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.summaries.quality import category_scores, degradation, family
from llmtui.summaries.registry import all_summary_lines, job_summary_lines

MARKS = {"math": 80, "reading": 50}


def session(*jobs, status="done", marks=MARKS):
    """A session of jobs, each (id, model, quantization, rights): a mark for each question, `+` is right."""
    state = SessionState()
    events = []
    for name, model, quantization, rights in jobs:
        events.append(
            ev.JobQueued(
                t=1, job=name, target="t", backend="truth", model=model, workload="questions", kind="quality", iteration=1,
                requests=0, quantization=quantization, parameters={"quick": False, "pass_marks": marks},
            )
        )  # fmt: skip
        events.append(ev.JobStarted(t=2, job=name))
        for place, mark in enumerate(rights):
            category = "math" if place < len(rights) / 2 else "reading"
            events.append(
                ev.AnswerScored(
                    t=3, job=name, request=f"{name}.{place}", task=f"q{place}", category=category,
                    score=float(mark == "+"), passed=mark == "+", detail="7 is wrong\x1b[2J" if mark != "+" else "7 is right",
                )
            )  # fmt: skip
        if status:
            events.append(ev.JobFinished(t=4, job=name, status=status))
    apply_all(state, events)
    return state


def test_each_category_has_its_share_interval_mark_and_verdict():
    state = session(("j1", "m", None, "+++-++--"))
    math, reading = category_scores(state.jobs["j1"])
    assert (math.right, math.asked, math.mark, math.passed) == (3, 4, 80, False)
    assert (reading.right, reading.asked, reading.mark, reading.passed) == (2, 4, 50, True)
    assert job_summary_lines(state, state.jobs["j1"]) == [
        "answers: 5 of 8 right",
        "  FAIL       math: 3 of 4 right, 75 % (95 % interval 30 to 95 %), pass mark 80 %",
        "  pass       reading: 2 of 4 right, 50 % (95 % interval 15 to 85 %), pass mark 50 %",
    ]
    assert all_summary_lines(state)[1] == "j1: answers: 5 of 8 right"


@pytest.mark.parametrize("status", [None, "failed", "cancelled"])
def test_a_job_that_did_not_ask_everything_is_not_judged(status):
    state = session(("j1", "m", None, "++"), status=status)
    assert [score.passed for score in category_scores(state.jobs["j1"])] == [None, None]
    assert "not judged" in job_summary_lines(state, state.jobs["j1"])[1]


@pytest.mark.parametrize("marks", [None, {}, {"math": "much"}, [1]])
def test_a_log_without_marks_has_no_verdict(marks):
    state = session(("j1", "m", None, "++"), marks=marks)
    assert [score.passed for score in category_scores(state.jobs["j1"])] == [None, None]
    assert "pass mark" not in " ".join(job_summary_lines(state, state.jobs["j1"]))


def test_a_job_without_scores_has_no_lines():
    state = session(("j1", "m", None, ""))
    assert (
        job_summary_lines(state, state.jobs["j1"])
        == job_summary_lines(state, state.jobs["j1"], whole=True)
        == all_summary_lines(state)
        == []
    )


def test_wrong_answers_are_told_without_acting():
    state = session(("j1", "m", None, "+-"))
    (line,) = [line for line in job_summary_lines(state, state.jobs["j1"], whole=True) if "wrong:" in line]
    assert line.startswith("  wrong: q1: 7 is wrong")
    assert line.isprintable()


def test_a_coarser_quantisation_is_held_against_the_finest():
    state = session(
        ("j1", "smol-Q4_K_M.gguf", "Q4_K_M", "++--------+---------"),
        ("j2", "smol-f16.gguf", "F16", "+++++++++-++++++++++"),
        ("j3", "smol-Q8_0.gguf", "Q8_0", "+++++++++-+++++++++-"),
    )
    coarse, fine, middle = (degradation(state, state.jobs[name]) for name in ("j1", "j2", "j3"))
    assert fine is None
    assert (coarse.best.id, coarse.questions, coarse.share, coarse.best_share) == ("j2", 20, 0.15, 0.95)
    assert coarse.difference.high < 0
    assert middle.best.id == "j2"
    assert middle.difference.low < 0 < middle.difference.high
    told = {name: job_summary_lines(state, state.jobs[name])[-1] for name in ("j1", "j3")}
    assert told["j1"].startswith(
        "  against F16 (j2) on the same 20 questions: 15 % right instead of 95 %, -80 points ("
    )
    assert "no difference" not in told["j1"]
    assert told["j3"].endswith("so few questions show no difference")


@pytest.mark.parametrize(
    ("model", "quantization"), [("other-f16", "F16"), ("smol", None), ("smol-Q4_0", "Q4_0"), ("smol-q3_k_s", "Q3_K_S")]
)
def test_other_models_and_no_finer_ones_are_not_compared(model, quantization):
    state = session(("j1", "smol-Q4_K_M", "Q4_K_M", "+-"), ("j2", model, quantization, "++"))
    assert degradation(state, state.jobs["j1"]) is None


def test_a_job_that_failed_is_no_measure():
    state = session(("j1", "smol-Q4_K_M", "Q4_K_M", "+-"), ("j2", "smol-f16", "F16", "++"))
    assert degradation(state, state.jobs["j1"]) is not None
    state.jobs["j2"].status = "failed"
    assert degradation(state, state.jobs["j1"]) is None


def test_a_model_is_known_by_its_name_without_the_quantisation():
    same = [
        ("Smol-135M-Instruct-Q4_K_M.gguf", "Q4_K_M"),
        ("smol-135m-instruct.IQ3_XS", None),
        ("smol-135M-instruct-bf16", "BF16"),
        ("smol-135m-instruct", "Q8_0"),
        ("smol:135m-instruct-4bit", None),
    ]
    names = {family(model, quantization).replace(".", "").strip("-") for model, quantization in same}
    assert names == {"smol-135m-instruct"}
    assert family("smol-360m-q4_0", "Q4_0") != family("smol-135m-q4_0", "Q4_0")


def test_a_recorded_session_says_what_it_said():
    state = read_state("quality")
    told = job_summary_lines(state, state.jobs["j1"], whole=True)
    assert "\n".join(told) + "\n" == (SESSIONS / "quality.txt").read_text(encoding="utf-8")
