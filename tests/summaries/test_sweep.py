"""The surface of a grid and what is said of its best point, on a recorded session and on made ones."""

import pytest
from support.compared_runs import grid_session
from support.summaries import SESSIONS, read_state

from llmtui.state.session import SessionState
from llmtui.summaries.registry import all_summary_lines, session_summaries
from llmtui.summaries.summary import summary_text
from llmtui.summaries.surface import surfaces
from llmtui.summaries.sweep import chosen_figure
from llmtui.summaries.swept_figures import FIGURES

DECODE = FIGURES["decode_rate"]


def points(*rates, key="temperature"):
    return [({key: place}, list(own)) for place, own in enumerate(rates)]


def lines(state):
    return [line for summary in session_summaries(state) for line in summary_text(summary)]


def test_a_recorded_session_is_told_as_it_was():
    told = "\n".join(lines(read_state("sweep"))) + "\n"
    assert told == (SESSIONS / "sweep.txt").read_text(encoding="utf-8")


def test_a_point_whose_interval_is_apart_is_the_best():
    state = grid_session(points((10, 11, 10), (50, 51, 50), (30, 31, 30)))
    (surface,) = surfaces(state, DECODE)
    assert (surface.best, surface.rivals) == ((1,), ())
    assert "  the best point: temperature=1 with 50.3 tok/s (95 % interval 48.9 to 51.8, 3 runs)" in lines(state)


def test_overlapping_intervals_can_not_be_told_apart():
    state = grid_session(points((10, 11, 10), (50, 51, 50), (48, 53, 49)))
    (surface,) = surfaces(state, DECODE)
    assert (surface.best, surface.rivals) == ((1,), ((2,),))
    text = "\n".join(lines(state))
    assert "can't tell which point is best: the best mean has temperature=1" in text
    assert "overlaps with those of temperature=2\n" in text
    assert "the best point:" not in text


def test_the_lowest_is_best_where_less_is_better():
    state = grid_session(points((10, 11, 10), (50, 51, 50)))
    assert surfaces(state, FIGURES["ttft"])[0].best == (1,), "the first token came sooner"
    state = grid_session([({"seed": 1}, [{"rate": 1, "load_ns": 9}]), ({"seed": 2}, [{"rate": 1, "load_ns": 4}])])
    assert surfaces(state, FIGURES["load"])[0].best == (1,)


def test_a_single_run_can_not_be_told_from_any_other():
    state = grid_session(points((10,), (50,), (30, 31, 30)))
    (surface,) = surfaces(state, DECODE)
    assert (surface.best, surface.rivals) == ((1,), ((0,), (2,)))
    assert any("points that ran once have no interval" in line for line in lines(state))


def test_equal_points_are_all_rivals():
    (surface,) = surfaces(grid_session(points((50, 50), (50, 50))), DECODE)
    assert (surface.best, surface.rivals) == ((0,), ((1,),))


def test_points_without_a_value_are_told_with_their_reason():
    failed = {"status": "failed", "reason": "it broke\x1b[2J"}
    state = grid_session(
        [({"seed": 1}, [10, 11]), ({"seed": 2}, [failed, None]), ({"seed": 3}, [{"status": "queued"}])]
    )
    (surface,) = surfaces(state, DECODE)
    assert (surface.best, surface.rivals) == ((0,), ())
    (lost,) = [line for line in lines(state) if "runs without a value" in line]
    assert lost.startswith("  seed=2: runs without a value: 2: it broke")
    assert lost.isprintable()
    assert any("so far; jobs still to come: 1" in line for line in lines(state))
    assert any("the only point with a value: seed=1" in line for line in lines(state))


def test_a_grid_of_failures_says_why():
    state = grid_session([({"seed": 1}, [{"status": "failed", "reason": "no model"}])])
    assert lines(state)[1] == "  no point has a value yet: no model"
    assert surfaces(state, DECODE)[0].range() is None


def test_a_figure_that_is_missing_says_why():
    cell = surfaces(grid_session(points((None,))), DECODE)[0].cells[(0,)]
    assert (cell.mean, cell.lost, cell.reason) == (None, 1, "it was too short")


def test_axes_are_in_order_whatever_the_order_of_the_jobs():
    grid = [
        ({"options.top_k": top_k, "stop": stop}, [10])
        for top_k, stop in ((400, ["b"]), (1, ["a"]), (40, ["b"]), (1, ["b"]), (40, ["a"]), (400, ["a"]))
    ]
    (surface,) = surfaces(grid_session(grid), DECODE)
    assert [axis.values for axis in surface.axes] == [(1, 40, 400), (["a"], ["b"])]
    assert sorted(surface.cells) == [(row, column) for row in range(3) for column in range(2)]
    assert surface.cells[2, 0].point == {"options.top_k": 400, "stop": ["a"]}


def test_two_axes_are_a_table_and_further_ones_slices():
    two = grid_session([({"temperature": t, "options.top_k": k}, [10 + t + k]) for t in (0, 1) for k in (1, 2)])
    text = "\n".join(lines(two))
    assert "decode in tok/s: temperature down, top_k across" in text
    three = grid_session(
        [({"a": a, "b": b, "c": c, "d": d}, [10]) for a in (0, 1) for b in (0, 1) for c in (0, 1) for d in ("x", "y")]
    )
    titles = [line for line in lines(three) if "a down, b across, at" in line]
    assert [title.partition(", at ")[2].partition("   ")[0] for title in titles] == [
        "c=0, d=x", "c=0, d=y", "c=1, d=x", "c=1, d=y"
    ]  # fmt: skip


def test_the_ranking_is_short():
    state = grid_session(points(*((10 + n,) for n in range(30))))
    text = lines(state)
    rows = text[text.index("best points first") + 3 :]
    assert [row.split()[0] for row in rows] == [str(n) for n in range(29, 19, -1)]


def test_each_workload_and_model_has_a_grid_of_its_own():
    state = grid_session(points((10,), (20,)))
    other = grid_session(points((10,), (20,)), model="other")
    for job in other.jobs.values():
        state.jobs[f"o{job.id}"] = job
    assert [surface.title for surface in surfaces(state, DECODE)] == ["ask on m", "ask on other"]


def test_models_and_servers_on_an_axis_are_one_grid():
    models = [({"model": name}, [{"rate": 10, "plan": {"model": name, "target": f"embedded:{name}"}}]) for name in "ab"]
    (surface,) = surfaces(grid_session(models), DECODE)
    assert surface.axes[0].values == ("a", "b")
    threads = [
        ({"embedded.threads": count}, [{"rate": 10, "plan": {"target": f"embedded[threads={count}]"}}])
        for count in (1, 2)
    ]
    assert len(surfaces(grid_session(threads), DECODE)) == 1


def test_a_clone_with_changes_is_no_longer_at_its_point():
    state = grid_session([({"seed": 1}, [10, {"rate": 99, "plan": {"variant": "max_tokens=9"}}])])
    assert surfaces(state, DECODE)[0].cells[(0,)].values == (10,)


def test_right_answers_are_a_figure():
    state = grid_session([({"seed": 1}, [{"rate": 1, "scores": (True, False)}]), ({"seed": 2}, [{"rate": 9}])])
    (surface,) = surfaces(state, FIGURES["right"])
    assert (surface.best, surface.cells[(0,)].mean, surface.cells[(1,)].mean) == ((0,), 50, None)


@pytest.mark.parametrize(
    ("suite", "wanted"),
    [
        ("name: s\nworkloads: [{kind: sweep}]\ngrid: {seed: [1]}\nbest: e2e", "e2e"),
        ("name: s\nworkloads: [{kind: sweep}]\ngrid: {seed: [1]}", "decode_rate"),
        ("name: of another version", "decode_rate"),
    ],
)
def test_the_suite_chooses_the_figure(suite, wanted):
    assert chosen_figure(grid_session(points((1,)), suite=suite)).name == wanted
    assert chosen_figure(SessionState()).name == "decode_rate"


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_asked_for_whatever_was_measured(name):
    for state in (grid_session(points((None,), (5,))), grid_session(points(())), SessionState()):
        for surface in surfaces(state, FIGURES[name]):
            assert surface.figure.name == name


def test_a_session_without_a_grid_says_nothing_of_one():
    assert "grid of" not in "\n".join(all_summary_lines(read_state("report")))


def test_the_figures_are_those_of_the_schema():
    from llmtui.suites.schema import BestFigure

    assert set(FIGURES) == set(BestFigure.__args__)
