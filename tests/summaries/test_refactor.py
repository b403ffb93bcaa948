import pytest
from support.summaries import SESSIONS, read_state

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.suites.kinds.refactor import STRUCTURE_POINTS
from llmtui.summaries.registry import all_summary_lines, job_summary, job_summary_lines

ALL = dict(STRUCTURE_POINTS)
PARTS = {
    "step-counter": {"structure": 10.0, **ALL, "compiles": 1.0, "errors": 0.0},
    "task-list": {"structure": 8.625, **ALL, "annotations": 1.625, "compiles": 0.0, "errors": 1.0},
    "order-table": {"structure": 0.0, **dict.fromkeys(ALL, 0.0), "compiles": 0.0, "errors": 0.0},
}
SCORES = {"step-counter": 1.0, "task-list": 0.5175, "order-table": 0.0}


def session(names=tuple(PARTS), *, compiled=True, parameters=None, score_event=ev.AnswerScored):
    state = SessionState()
    events = [
        ev.JobQueued(
            t=1, job="j1", target="t", backend="truth", model="m", workload="components", kind="refactor", iteration=1,
            requests=3, parameters={"pass_mark": 80.0} if parameters is None else parameters,
        ),
        ev.JobStarted(t=2, job="j1"),
    ]  # fmt: skip
    for place, name in enumerate(names):
        request = f"j1.{place}"
        events += [
            ev.RequestStarted(t=3, request=request, job="j1", model="m", messages=(("user", "x"),)),
            ev.RequestFinished(
                t=4, request=request, job="j1", status="done", figures=ev.Figures(decode_rate=42.25 if place < 2 else None)
            ),
            score_event(
                t=5, job="j1", request=request, task=name, category="components", score=SCORES[name],
                passed=SCORES[name] > 0.8, detail=f"of {name}\x1b[2J",
                parts={k: v for k, v in PARTS[name].items() if compiled or k not in {"compiles", "errors"}},
            ),
        ]  # fmt: skip
    apply_all(state, events)
    return state


def test_each_component_has_its_score_points_compiler_and_rate():
    state = session()
    assert job_summary_lines(state, state.jobs["j1"]) == [
        "components: 1 of 3 reach the pass mark of 80 %, mean score 51 %",
        "  1 of 3 compile",
        "  task-list: of task-list\u241b[2J",
        "  order-table: of order-table\u241b[2J",
        "",
        "component     score  structure (of 10)  compiles      tok/s  verdict",
        "------------  -----  -----------------  ------------  -----  -------",
        "step-counter  100 %                 10  yes            42.2  pass",
        "task-list      52 %               8.62  no (1 error)   42.2  FAIL",
        "order-table     0 %                  0  no                -  FAIL",
        "",
        "points by kind of structure",
        "component     lang (of 1)  imports (of 1)  interfaces (of 3)  annotations (of 3)  props (of 1)  emits (of 1)",
        "------------  -----------  --------------  -----------------  ------------------  ------------  ------------",
        "step-counter            1               1                  3                   3             1             1",
        "task-list               1               1                  3                1.62             1             1",
        "order-table             0               0                  0                   0             0             0",
    ]


def test_the_details_say_what_was_wrong_and_cannot_act():
    state = session()
    lines = job_summary_lines(state, state.jobs["j1"], whole=True)
    assert lines[:-1] == job_summary_lines(state, state.jobs["j1"])
    assert lines[-1].startswith("  step-counter: of step-counter")
    assert all(line.isprintable() for line in lines)
    assert all_summary_lines(state)[1].startswith("j1: components: 1 of 3")


def test_without_a_compiler_it_says_so():
    state = session(compiled=False)
    lines = job_summary_lines(state, state.jobs["j1"])
    assert lines[1] == "  nothing was compiled: the scores are of the structure alone"
    assert "no (" not in "\n".join(lines)


def test_before_the_first_answer_there_is_nothing_to_say():
    state = session(())
    assert job_summary(state, state.jobs["j1"]) is None


@pytest.mark.parametrize("parameters", [{}, {"pass_mark": None}, {"pass_mark": "much"}])
def test_a_log_without_a_mark_names_none(parameters):
    state = session(parameters=parameters)
    assert job_summary_lines(state, state.jobs["j1"])[0].startswith("components: 1 of 3 reach the pass mark, mean")


def test_a_score_without_its_parts_has_no_points():
    def without_parts(**fields):
        return ev.AnswerScored(**{**fields, "parts": {}})

    state = session(("step-counter",), score_event=without_parts)
    line = job_summary_lines(state, state.jobs["j1"])[5]
    assert line.split() == ["step-counter", "100", "%", "-", "-", "42.2", "pass"]


def test_a_recorded_session_says_what_it_said():
    state = read_state("refactor")
    told = job_summary_lines(state, state.jobs["j1"], whole=True)
    assert "\n".join(told) + "\n" == (SESSIONS / "refactor.txt").read_text(encoding="utf-8")
