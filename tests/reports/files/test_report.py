import json
import re

import pytest
from support.compared_runs import REPORT_SUITE, grid_session, report_session
from support.summaries import read_state

from llmtui.reports.files.registry import all_files, has_files
from llmtui.summaries.report_sides import FIGURES


def runs(*rates, **more):
    return [{"rate": rate, "words": 900, **more} for rate in rates]


def files_of(state):
    return {file.name: file.text for file in all_files(state)}


PAIR = report_session({"baseline": runs(40, 41, 40, 42), "tuned": runs(60, 61, 60, 62)})


def test_a_recorded_session_has_three_pages_and_the_figures():
    files = files_of(read_state("report"))
    assert list(files) == ["README.md", "comparison.md", "baseline.md", "tuned.md", "metrics.json"]
    page = files["comparison.md"]
    assert page.startswith("# technical report: tuned against baseline\n")
    assert "| options.top\\_p | not set | 0.9 |" in page
    assert "| temperature | 0.0 | 0.3 |" in page
    assert re.search(r"^\| load time \| [\d.]+ s \| [\d.]+ s \| [+-][\d.]+ % \| .* \| can't tell", page, re.MULTILINE)
    tuned = files["tuned.md"]
    assert len(re.findall(r"^\| j\d \|", tuned, re.MULTILINE)) == 4
    assert "- options.repeat\\_penalty: 1.1" in tuned
    assert "## The report of j1\n\n```text\n" in tuned


def test_the_figures_are_those_of_the_pages():
    data = json.loads(files_of(PAIR)["metrics.json"])
    (comparison,) = data["comparisons"]
    baseline, tuned = comparison["sides"]
    assert (baseline["name"], tuned["name"]) == ("baseline", "tuned")
    assert [run["decode"] for run in baseline["runs"]] == [40, 41, 40, 42]
    assert baseline["statistics"]["decode"]["mean"] == 40.75
    assert baseline["total_tokens"] == 80
    assert baseline["statistics"]["load"] == {
        "n": 0, "mean": None, "sd": None, "cv": None, "median": None, "least": None, "most": None,
        "missing": "no run had to load the model",
    }  # fmt: skip
    decode = comparison["against_baseline"]["tuned"]["decode"]
    assert decode["ratio_low"] < decode["ratio"] < decode["ratio_high"]
    assert decode["ratio"] == pytest.approx(60.75 / 40.75, rel=0.001)
    assert decode["verdict"] == "faster"
    assert comparison["against_baseline"]["tuned"]["tokens"]["verdict"] is None
    assert set(data["units"]) == set(decode_of(comparison)) == {figure.name for figure in FIGURES}


def decode_of(comparison):
    return comparison["against_baseline"]["tuned"]


def test_runs_that_failed_stand_in_the_page_of_their_side():
    failed = {"status": "failed", "reason": "it | broke\x1b[2J", "rate": 1}
    files = files_of(report_session({"baseline": [*runs(40), failed], "tuned": runs(40)}))
    (row,) = [line for line in files["baseline.md"].splitlines() if line.startswith("| j2 ")]
    assert row.count(" | ") == 11
    assert "it \\| broke" in row
    assert row.isprintable()
    data = json.loads(files["metrics.json"])
    assert [run["decode"] for run in data["comparisons"][0]["sides"][0]["runs"]] == [40, None]


def test_nothing_that_a_model_wrote_counts_as_markdown():
    wild = "# title\n```\nrm -rf\n````\n[x](http://x) \x1b[2J<script>"
    files = files_of(report_session({"baseline": runs(40, text=wild), "tuned": runs(40)}))
    page = files["baseline.md"]
    fence = "`" * 5
    shown = page[page.index(f"{fence}text\n") : page.rindex(fence)]
    assert "\n# title\n```\nrm -rf\n````\n" in shown
    assert "\x1b" not in page
    assert page.endswith(f"\n{fence}\n")


def test_names_of_variants_are_plain_and_told_apart():
    names = ["../../etc", "a b", "a-b", "README", "comparison", "metrics", "ä"]
    suite = (
        f"name: r\nworkloads: [{{kind: report}}]\nvariants: [{', '.join(f'{{name: {name!r}}}' for name in names)}]\n"
    )
    files = files_of(report_session({name: runs(40) for name in names}, suite=suite))
    assert list(files)[1:-1] == [
        "comparison.md", "etc.md", "a-b.md", "a-b-2.md", "side-README.md", "side-comparison.md", "side-metrics.md",
        "side.md",
    ]  # fmt: skip
    assert "[a-b-2.md](a-b-2.md)" in files["comparison.md"]


def test_a_report_without_variants_has_a_page_of_its_own():
    files = files_of(report_session({None: runs(40)}, suite="name: r\nworkloads: [{kind: report, name: text}]\n"))
    assert list(files) == ["README.md", "report.md", "metrics.json"]


def test_several_models_have_pages_of_their_own():
    both = [{"rate": 40, "plan": {"model": model}} for model in ("a", "b")]
    files = files_of(report_session({"baseline": both, "tuned": both}))
    assert {"comparison.md", "comparison-2.md", "baseline.md", "baseline-2.md", "tuned-2.md"} <= set(files)


def test_there_are_no_files_before_a_run_has_ended():
    state = report_session({"baseline": [{"status": "running"}], "tuned": [{"status": "queued"}]})
    assert files_of(state) == {}
    assert has_files(state)


def test_the_points_of_a_grid_have_no_pages():
    assert files_of(grid_session([({"seed": 1}, [10])], kind="report")) == {}


def test_the_same_session_makes_the_same_files():
    assert files_of(read_state("report")) == files_of(read_state("report"))
    assert REPORT_SUITE in str(PAIR.header.suite)
