from support.conversation import header, queued, request, whole_session
from support.load_events import C2, session_under_load
from support.summaries import read_state

from llmtui import events as ev
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.results import figure_name, result_details, results_view


def state():
    folded = SessionState()
    apply_all(folded, whole_session())
    return folded


def test_a_row_a_job():
    view = results_view(state(), glyphs_of("braille"))
    (row,) = view.rows
    shown = dict(zip((column.title for column in view.columns), row.cells, strict=True))
    assert not {"load", "variant", "total"} & set(shown)
    assert shown["TTFT"] == "10.0 ms"
    assert shown["decode"] == "100"
    assert shown["tokens"] == "8 server"
    assert shown["memory"] == "7 B"
    assert shown["status"] == "✓ done"
    assert shown["quant"] == "Q4_1"
    assert shown["prefill"] == "-"


def test_the_details_hold_every_reason():
    text = "\n".join(result_details(state(), "j1", glyphs_of("ascii")))
    assert "2 measured, 0 failed" in text
    assert "peak memory 7 B of the server" in text
    assert "there is no job" in result_details(state(), "j9", glyphs_of("ascii"))[0]


def test_the_figures_of_a_job_stand_before_what_its_kind_says_of_all_runs():
    recorded = read_state("report")
    lines = result_details(recorded, "j1", glyphs_of("ascii"))
    figures = next(place for place, line in enumerate(lines) if line.startswith("decode "))
    table = next(place for place, line in enumerate(lines) if "tuned against baseline" in line)
    assert figures < table


def test_parameters_are_told_as_a_person_would_write_them():
    parameters = {"prompts": ["Say it.", "It's \x1b[2J"], "stop": [], "seed": None, "levels": [1, 2], "quick": True}
    again = folded(header(), queued(parameters=parameters))
    lines = result_details(again, "j1", glyphs_of("ascii"))
    at = lines.index("parameters:") + 1
    assert lines[at : at + 7] == [
        "  prompts:",
        "    1. Say it.",
        "    2. It's ␛[2J",
        "  stop: []",
        "  seed: -",
        "  levels: [1,2]",
        "  quick: true",
    ]


def test_what_is_missing_is_called_as_people_call_it():
    gone = ev.Figures(tokens=4, missing={"connect_ns": "an open connection was used again", "itl_p99_ns": "no gaps"})
    folded = SessionState()
    apply_all(folded, [header(), queued(), ev.JobStarted(t=5, job="j1"), *request("j1.1", figures=gone)])
    text = "\n".join(result_details(folded, "j1", glyphs_of("ascii")))
    assert "  time to connect: an open connection was used again" in text
    assert "  ITL p99: no gaps" in text
    assert "_ns" not in text.split("parameters:")[0]
    assert [figure_name(name) for name in ("ttft_answer_ns", "decode_rate")] == ["TTFT answer", "decode rate"]


def test_the_details_say_which_job_is_repeated():
    again = [header(), queued(), queued("j2", clone_of="j1", variant="seed=7")]
    shown = [line for name in ("j1", "j2") for line in result_details(folded(*again), name, glyphs_of("ascii"))]
    assert shown.count("a clone of j1") == 1


def folded(*events):
    state = SessionState()
    apply_all(state, events)
    return state


def test_a_load_has_columns_of_its_own():
    view = results_view(folded(*session_under_load()), glyphs_of("ascii"))
    (row,) = view.rows
    shown = dict(zip((column.title for column in view.columns), row.cells, strict=True))
    assert (shown["load"], shown["total"], shown["TTFT"]) == ("C=2", "80.0", "300 ms")


def test_a_job_in_doubt_has_the_colour_of_a_warning():
    bound = ev.AlertRaised(t=9, severity="warning", code=ev.CLIENT_BOUND, text="busy itself", job="j1")
    calm, doubtful = (
        results_view(folded(*session_under_load(), *more), glyphs_of("ascii")).rows[0] for more in ([], [bound])
    )
    assert calm.tone != doubtful.tone == "warn"


def test_the_details_of_a_load_hold_its_levels_capacity_and_doubts():
    found = ev.CapacityFound(t=9, job="j1", load=C2, sentence="2 requests at once\x1b is it")
    bound = ev.AlertRaised(t=9, severity="warning", code=ev.CLIENT_BOUND, text="busy itself", job="j1")
    lines = result_details(folded(*session_under_load(), found, bound), "j1", glyphs_of("ascii"))
    assert lines[1:3] == ["busy itself", "2 requests at once␛ is it"]
    text = "\n".join(lines)
    assert "2 measured, 1 failed" in text
    assert "C=2: 3 requests, 1 failed, 1 kept the SLO" in text
    assert "the window was short" in text
    assert "by load" not in "\n".join(result_details(state(), "j1", glyphs_of("ascii")))


def test_the_details_of_a_rated_job_have_its_rating_and_the_advice_of_the_session():
    details = result_details(read_state("mix"), "j4", glyphs_of("ascii"))
    rating = next(place for place, line in enumerate(details) if line.startswith("rating: excellent: loading"))
    assert details.index("all jobs of this session:") > rating
    assert any(line.startswith("  long context ") and "1024 tokens of usable context" in line for line in details)
    assert not any("rating" in line for line in result_details(state(), "j1", glyphs_of("ascii")))
