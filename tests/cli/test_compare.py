import json

import msgspec
import pytest
from click.testing import CliRunner
from support.conversation import MS, header, queued, request

from llmtui import events as ev
from llmtui import places
from llmtui.cli.compare import command
from llmtui.cli.sides import Selection, parse

STEADY = (100.0, 101.0, 99.0, 100.5, 99.5)
SUITE = "name: ab\nworkloads: [{kind: generate, prompts: [x]}]\nvariants: [{name: base}, {name: fast}, {name: slow}]\n"


def invoke(*arguments):
    return CliRunner().invoke(command, arguments, catch_exceptions=False)


def runs(levels, *, first=1, variant=None):
    events = []
    for place, level in enumerate(levels, start=first):
        job = f"j{place}"
        measured = ev.Figures(ttft_ns=round(level * MS), decode_rate=1e4 / level, tokens=8, tokens_basis="server")
        events += [queued(job, iteration=place, variant=variant), ev.JobStarted(t=place, job=job)]
        events += request(f"{job}.1", job=job, figures=measured)
        events.append(ev.JobFinished(t=place, job=job, status="done"))
    return events


def write(name, events):
    folder = places.sessions_folder()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.jsonl"
    path.write_bytes(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
    return path


@pytest.fixture
def two():
    write("20261121-040000-quick-aaaa", [header(), *runs(STEADY)])
    return write("20261121-050000-quick-bbbb", [header(), *runs([level * 1.3 for level in STEADY])])


@pytest.fixture
def variants():
    """The slow variant ran first, as a drawn order may have it."""
    events = [header(suite=SUITE), *runs([200.0] * 5, variant="slow"), *runs(STEADY, first=6, variant="base")]
    return write("20261121-060000-ab-cccc", [*events, *runs([50.0, 51.0, 49.0, 50.5, 49.5], first=11, variant="fast")])


@pytest.mark.parametrize(
    ("text", "selection"),
    [
        ("aaaa", Selection("aaaa")),
        ("aaaa:j1", Selection("aaaa", ("j1",))),
        ("aaaa:j1,j12,j1", Selection("aaaa", ("j1", "j12"))),
        ("aaaa@base", Selection("aaaa", variant="base")),
        ("aaaa@long prompt", Selection("aaaa", variant="long prompt")),
        ("a:b/c.jsonl:j3", Selection("a:b/c.jsonl", ("j3",))),
        ("you@box/c.jsonl", Selection("you@box/c.jsonl")),
        ("aaaa:x", Selection("aaaa:x")),
    ],
)
def test_a_side_is_a_session_or_a_part_of_one(text, selection):
    assert parse(text) == selection


def test_a_file_that_is_there_is_taken_by_its_name(tmp_path):
    odd = tmp_path / "odd@name:j1"
    odd.write_text("")
    assert parse(str(odd)) == Selection(str(odd))


def test_two_sessions_are_compared(two):
    result = invoke("aaaa", "bbbb")
    assert result.exit_code == 0
    assert "A: 20261121-040000-quick-aaaa, smol Q4_1 on embedded" in result.output
    lines = [line for line in result.output.splitlines() if line.startswith("short")]
    assert [line.split()[1] for line in lines] == ["TTFT", "decode", "tokens"]
    assert lines[0].endswith("slower")
    assert lines[1].endswith("slower")
    assert str(two) not in result.output
    assert invoke("aaaa", str(two)).output == result.output, "a path names the same session"


def test_figures_and_margin_are_chosen(two):
    result = invoke("aaaa", "bbbb", "--figure", "decode", "--margin", "50")
    (line,) = [line for line in result.output.splitlines() if line.startswith("short")]
    assert line.endswith("same within 50 %")
    assert invoke("aaaa", "bbbb", "--figure", "speed").exit_code == 2
    for margin in ("-1", "101", "nan", "x"):
        assert invoke("aaaa", "bbbb", "--margin", margin).exit_code == 2


def test_only_a_slower_figure_fails_and_only_when_asked(two):
    assert invoke("aaaa", "bbbb").exit_code == 0
    assert invoke("aaaa", "bbbb", "--fail-on", "slower").exit_code == 1
    assert invoke("bbbb", "aaaa", "--fail-on", "slower").exit_code == 0
    assert invoke("aaaa", "bbbb", "--fail-on", "slower", "--figure", "tokens").exit_code == 0


def test_json_has_the_same_answers(two):
    (comparison,) = json.loads(invoke("aaaa", "bbbb", "--json").output)["comparisons"]
    assert comparison["b"] == "20261121-050000-quick-bbbb"
    assert {row["figure"]: row["verdict"] for row in comparison["rows"]} == {
        "ttft": "slower",
        "decode": "slower",
        "tokens": None,
    }
    assert comparison["rows"][0]["ratio"] == pytest.approx(1.3)


def test_a_session_compares_its_variants_with_the_first_of_its_suite(variants):
    found = json.loads(invoke("cccc", "--json").output)["comparisons"]
    assert [(c["a"][-5:], c["b"][-5:]) for c in found] == [("@base", "@fast"), ("@base", "@slow")]
    assert [c["rows"][0]["verdict"] for c in found] == ["faster", "slower"]
    assert [c["letters"] for c in found] == [["A", "B"], ["A", "C"]]
    assert {c["level"] for c in found} == {0.975}
    named = invoke("cccc@slow", "cccc@base", "--figure", "ttft").output
    assert "20261121-060000-ab-cccc@slow" in named
    assert next(line for line in named.splitlines() if line.startswith("short")).endswith("faster")


def test_parts_of_one_session_are_compared_by_their_jobs(variants):
    result = invoke("cccc:j6,j7,j8,j9", "cccc:j11,j12,j13,j14", "--figure", "ttft")
    assert "faster" in result.output
    shared = invoke("cccc:j5,j6", "cccc:j6,j7")
    assert shared.exit_code == 2
    assert "share jobs of one session (j6)" in shared.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nothing", "aaaa"), "there is no session `nothing`"),
        (("aaaa",), "ran no variants that could be compared; name a second session: llmtui compare 2"),
        (("aaaa:j1",), "a part of a session needs another one beside it"),
        (("aaaa:j1,j77", "bbbb"), "has no job j77; it has j1, j2, j3, j4, j5"),
        (("aaaa@x", "bbbb"), "has no variant `x`; it has none"),
        (("aaaa", "aaaa"), "share jobs of one session (j1, j2, j3, j4, j5)"),
    ],
)
def test_what_cannot_be_compared_is_said_and_has_a_code_of_its_own(two, arguments, sentence):
    result = invoke(*arguments)
    assert result.exit_code == 2
    assert sentence in result.output


def test_a_session_that_measured_nothing_is_no_side(two):
    write("20261121-070000-quick-dddd", [header(), queued()])
    result = invoke("aaaa", "dddd")
    assert result.exit_code == 2
    assert "dddd measured nothing" in result.output


def test_unlike_workloads_are_refused(two):
    other = [header(), queued(workload="other"), ev.JobStarted(t=1, job="j1"), *request("j1.1")]
    write("20261121-080000-quick-eeee", other)
    result = invoke("aaaa", "eeee")
    assert result.exit_code == 2
    assert "not compared: only in A: `short`" in result.output


def test_a_damaged_line_is_noted_and_the_rest_compared(two):
    with two.open("ab") as file:
        file.write(b'{"ev":"half')
    result = invoke("aaaa", "bbbb", "--figure", "ttft")
    assert result.exit_code == 0
    assert "note: 20261121-050000-quick-bbbb: the last line was cut off" in result.output


# --- three and more --------------------------------------------------------------------------------------------------


@pytest.fixture
def three(two):
    write("20261121-060000-quick-dddd", [header(), *runs([level * 0.7 for level in STEADY])])


def test_three_sessions_are_held_against_the_first(three):
    result = invoke("aaaa", "bbbb", "dddd")
    assert result.exit_code == 0
    assert "A: 20261121-040000-quick-aaaa  (baseline)" in result.output
    row = next(line for line in result.output.splitlines() if line.startswith("short     TTFT"))
    assert row.split()[-1] == "faster"
    assert "slower" in row
    assert "B against A" in result.output
    assert "C against A" in result.output
    assert "Bonferroni" in result.output


def test_any_slower_side_fails(three):
    assert invoke("aaaa", "dddd", "--fail-on", "slower").exit_code == 0
    assert invoke("aaaa", "dddd", "bbbb", "--fail-on", "slower").exit_code == 1


def test_json_names_all_sides(three):
    data = json.loads(invoke("aaaa", "bbbb", "dddd", "--json").output)
    assert [side["letter"] for side in data["sides"]] == ["A", "B", "C"]
    assert (len(data["comparisons"]), data["level_of_each"]) == (2, 0.975)


def test_no_two_sides_may_share_jobs(three):
    result = invoke("aaaa", "bbbb", "bbbb:j1")
    assert result.exit_code == 2
    assert "B and C share jobs of one session (j1)" in result.output


def test_charts_are_drawn_unless_they_are_not_wanted(two):
    for name, rate in (("20261121-090000-quick-ffff", 100.0), ("20261121-093000-quick-eeee", 50.0)):
        figures = ev.Figures(ttft_ns=MS, e2e_ns=40 * MS, decode_rate=rate, tokens=4, tokens_basis="server")
        write(name, [header(), queued(), ev.JobStarted(t=1, job="j1"), *request("j1.1", figures=figures)])
    drawn = invoke("ffff", "eeee").output.splitlines()
    place = drawn.index("decode of all streams, 0 to 100 tok/s, from the first request of each side on, 0:00")
    assert drawn[place + 1].endswith("100 tok/s")
    assert drawn[place + 2].endswith("50.0 tok/s")
    bare = invoke("ffff", "eeee", "--no-charts").output.splitlines()
    assert bare == drawn[: place - 1]


def test_too_many_sides_are_refused(two):
    result = invoke(*["aaaa"] * 27)
    assert result.exit_code == 2
    assert "27 sides are too many" in result.output
