import msgspec
import pytest
from support.conversation import header
from support.recorded_runs import runs

from llmtui import events as ev
from llmtui.reports.compared_figures import FIGURES
from llmtui.reports.history import HistorySession, build_history, stretches, summary
from llmtui.reports.history_text import BLOCKS, DIGITS, character_line, history_data, history_text
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

DECODE = next(figure for figure in FIGURES if figure.name == "decode")
PREFILL = next(figure for figure in FIGURES if figure.name == "prefill")
BOX = ev.HardwareSnapshot(hostname="box", cpu_model="A", ram=2**34, kernel="6.1")


def session(place, level=100.0, *, hardware=BOX, version="b1", llmtui="0.1.0", suite="quick", jobs=None):
    """A session with three runs at this TTFT in ms; the decode rate is 10 000 by that."""
    head = header(opened_at=f"2026-11-{place:02}T04:00:00Z", hardware=hardware, llmtui=llmtui, name=suite)
    server = ev.TargetResolved(
        t=0, target="embedded", url="x", server=ev.Server(url="x", kind="llama.cpp", version=version)
    )
    state = SessionState()
    apply_all(state, [head, server, *(runs((level, level, level)) if jobs is None else jobs)])
    return HistorySession(f"s{place}", state)


def values(series):
    return [(point.session, point.value) for point in series.points]


def test_sessions_of_one_machine_are_one_series_in_their_order():
    history = build_history(DECODE, [session(1), session(2, 50.0)])
    (series,) = history.series
    assert values(series) == [("s1", 100.0), ("s2", 200.0)]
    assert [point.runs for point in series.points] == [3, 3]
    assert series.title == "quick: short on smol Q4_1"


@pytest.mark.parametrize(
    "other",
    [
        {"hardware": msgspec.structs.replace(BOX, hostname="other")},
        {"hardware": msgspec.structs.replace(BOX, cpu_model="B")},
        {"hardware": msgspec.structs.replace(BOX, ram=2**35)},
        {"hardware": msgspec.structs.replace(BOX, gpus=(ev.Gpu(index=0, vendor="v", name="g", driver="1"),))},
        {"hardware": msgspec.structs.replace(BOX, container=ev.ContainerLimits(kind="docker", cpus=1.0))},
        {"version": "b2"},
        {"version": None},
        {"suite": "long"},
        {"jobs": runs((100.0,), workload="other")},
        {"jobs": runs((100.0,), parameters={"max_tokens": 9})},
        {"jobs": runs((100.0,), quantization="Q8_0")},
        {"jobs": runs((100.0,), variant="fast")},
        {"jobs": runs((100.0,), model="other")},
    ],
)
def test_unlike_sessions_are_apart(other):
    assert len(build_history(DECODE, [session(1), session(2, **other)]).series) == 2


def test_what_matters_less_is_marked_and_separates_nothing():
    hardware = msgspec.structs.replace(BOX, kernel="6.2")
    history = build_history(DECODE, [session(1), session(2), session(3, hardware=hardware, llmtui="0.2.0"), session(4, hardware=hardware, llmtui="0.2.0")])  # fmt: skip
    (series,) = history.series
    assert [point.changed for point in series.points] == ["", "", "llmtui 0.2.0, kernel 6.2", ""]
    assert any("now llmtui 0.2.0, kernel 6.2" in line for line in history_text(history))


def test_another_text_of_the_suite_and_other_settings_are_marked():
    def with_settings(place, sha, **overrides):
        name, state = session(place)
        state.header = msgspec.structs.replace(state.header, suite_sha256=sha * 64, overrides=overrides)
        return HistorySession(name, state)

    told = [with_settings(1, "a"), with_settings(2, "a", threads="2"), with_settings(3, "b", threads="2")]
    (series,) = build_history(DECODE, told).series
    assert [point.changed for point in series.points] == ["", "--set threads = 2", "text of the suite bbbbbbbb"]


def test_the_name_of_the_target_separates_nothing():
    other = session(2, jobs=runs((100.0,), target="http://two"))
    other.state.targets["http://two"] = other.state.targets["embedded"]
    assert len(build_history(DECODE, [session(1), other]).series) == 1


def test_series_of_the_same_thing_stand_together():
    found = build_history(DECODE, [session(1), session(2, suite="long"), session(3, version="b2")]).series
    assert [(series.suite, series.environment["server"]) for series in found] == [
        ("quick", "llama.cpp b1"),
        ("quick", "llama.cpp b2"),
        ("long", "llama.cpp b1"),
    ]
    text = history_text(build_history(DECODE, [session(1), session(3, version="b2")]))
    assert sum(line.startswith("quick: short") for line in text) == 1
    assert "host box, server llama.cpp b2" in text


def test_a_session_without_the_figure_says_why():
    history = build_history(PREFILL, [session(1), session(2, jobs=[])])
    assert history.series == []
    assert history.left_out == {"s1": "it was not measured", "s2": "it measured nothing"}
    assert "not in it: s2: it measured nothing" in history_text(history)


def test_only_a_model():
    both = session(1, jobs=[*runs((100.0,)), *runs((50.0,), first=2, model="Qwen3")])
    (series,) = build_history(DECODE, [both], "qwen").series
    assert (series.setup.model, series.points[0].value) == ("Qwen3", 200.0)
    assert build_history(DECODE, [session(1)], "qwen").left_out == {"s1": "it measured nothing of a model `qwen`"}


# --- levels --------------------------------------------------------------------------------------------------------

FALLEN = [session(place, 100.0 + place % 3) for place in range(1, 11)] + [
    session(place, 125.0 + place % 3) for place in range(11, 21)
]


def test_a_new_level_is_told_with_its_direction_and_place():
    history = build_history(DECODE, FALLEN)
    (series,) = history.series
    assert [(stretch.first, stretch.sessions) for stretch in stretches(series)] == [(0, 10), (10, 10)]
    (sentence,) = summary(history, series)
    assert sentence == "from s11 on: slower, 99.0 (10) -> 79.4 (10 sessions) (-19.8 %)"
    text = "\n".join(history_text(history))
    assert "2026-11-11" in text
    assert next(line for line in text.splitlines() if " s11 " in line).endswith("new level")
    assert sum("new level" in line for line in text.splitlines()) == 1


def test_the_other_direction_is_the_other_word():
    history = build_history(DECODE, FALLEN[10:] + FALLEN[:10])
    assert "faster" in summary(history, history.series[0])[0]
    ttft = next(figure for figure in FIGURES if figure.name == "ttft")
    history = build_history(ttft, FALLEN)
    assert "slower" in summary(history, history.series[0])[0]
    tokens = next(figure for figure in FIGURES if figure.name == "tokens")
    history = build_history(tokens, FALLEN)
    assert summary(history, history.series[0]) == ["20 sessions at one level of 8.00: no change beyond chance"]


def test_few_sessions_show_no_change():
    history = build_history(DECODE, FALLEN[7:13])
    assert summary(history, history.series[0]) == ["6 sessions: too few to see a change; 8 or more show one"]
    history = build_history(DECODE, FALLEN[:1])
    assert summary(history, history.series[0])[0].startswith("1 session: too few")


# --- shown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("numbers", "shifts", "line"),
    [
        ([], (), ""),
        ([5.0], (), "▅"),
        ([1.0, 1.0], (), "▅▅"),
        ([0.0, 7.0, 3.5], (), "▁█▅"),
        ([8.0, 8.0, 0.0], (2,), "██|▁"),
        ([-1.0, 1.0], (), "▁█"),
    ],
)
def test_the_line_of_characters(numbers, shifts, line):
    assert character_line(numbers, shifts) == line
    assert character_line(numbers, shifts, DIGITS) == line.translate(str.maketrans(BLOCKS, DIGITS))


def test_a_long_line_is_wrapped_and_digits_stand_for_blocks():
    sessions = [session(1 + place % 28, 100.0 + place % 7) for place in range(150)]
    text = history_text(build_history(DECODE, sessions), blocks=False)
    assert {len(line) for line in text if set(line) <= set(DIGITS) and line} == {100, 50}
    assert all(line.isascii() for line in text)


def test_names_act_on_no_terminal():
    assert all(line.isprintable() for line in history_text(build_history(DECODE, [session(1, suite="x\x1b[2J")])))


def test_plain_data_has_the_levels():
    data = history_data(build_history(DECODE, FALLEN))
    (series,) = data["series"]
    assert (data["figure"], data["unit"], data["better"]) == ("decode", "tokens/s", "higher")
    assert [level["from"] for level in series["levels"]] == ["s1", "s11"]
    assert series["points"][0]["changed"] is None
    msgspec.json.encode(data)
