import csv
import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.conversation import MS, header, queued, request, whole_session

from llmtui import events as ev
from llmtui.reports import export
from llmtui.reports.export import csv_pieces, heading, json_pieces, results_markdown, tsv_text
from llmtui.reports.export_rows import WHAT, columns_of, export_rows, unit_of
from llmtui.state.reducer import apply_all
from llmtui.state.results import job_results
from llmtui.state.session import SessionState

EVIL = '=HYPERLINK("http://x","y")'


def rows_of(what, events, **options):
    state = SessionState()
    apply_all(state, events)
    return list(export_rows(what, "s1", state, events, **options))


def csv_text(rows):
    return "".join(csv_pieces(lambda: rows))


def json_text(session, what, head, rows, notices):
    return "".join(json_pieces(session, what, head, lambda: iter(rows), notices))


def markdown_text(title, rows):
    return export.markdown_text(title, lambda: rows)


def parsed(text):
    return list(csv.DictReader(io.StringIO(text)))


def loaded():
    step = ev.StepFinished(
        t=400 * MS, job="j1", step=1, load=ev.OfferedLoad(concurrency=2), window_start=0, window_end=10**9, requests=2, token_rate=9.5, notes=("short",)
    )  # fmt: skip
    started = [
        msgspec.structs.replace(event, step=1) if isinstance(event, ev.RequestStarted) else event
        for event in [*request("j1.1"), *request("j1.2", start=100 * MS)]
    ]
    return [
        header(),
        queued(),
        ev.JobStarted(t=1, job="j1"),
        *started,
        step,
        ev.JobFinished(t=1, job="j1", status="done"),
    ]


def test_one_row_a_job():
    (row,) = rows_of("results", whole_session())
    assert (row["session"], row["suite"], row["job"], row["requests"]) == ("s1", "quick", "j1", 2)
    assert (row["ttft_ns"], row["decode_rate"], row["tokens"], row["peak_memory"]) == (10 * MS, 100.0, 8, 7.0)
    assert (row["ttft_ns_n"], row["ttft_ns_least"], row["ttft_ns_sd"]) == (2, 10 * MS, 0.0)
    assert (row["load"], row["verdict"], row["steps"]) == (None, None, 0)


def test_the_columns_of_a_result_are_all_its_fields():
    state = SessionState()
    apply_all(state, whole_session())
    (result,) = job_results(state)
    (row,) = rows_of("results", whole_session())
    assert set(result.__struct_fields__) - {"spreads"} <= set(row)


def test_one_row_a_level_of_load():
    (row,) = rows_of("steps", loaded())
    assert (row["load"], row["token_rate"], row["requests"], row["notes"]) == ("C=2", 9.5, 2, ("short",))
    assert (row["ttft_ns_n"], row["ttft_ns_p50"], row["ttft_ns_p99"]) == (2, 11 * MS, None)
    assert row["missing"]["ttft_ns_p99"] == "2 values are too few to speak of p99"
    assert rows_of("results", loaded())[0]["steps"] == 1


def test_one_row_a_request_with_sources_and_reasons():
    figures = ev.Figures(ttft_ns=5, tokens=3, tokens_basis="chunks", sources={"ttft_ns": "client"}, missing={"decode_rate": "all text came in one read"}, notes=("n",))  # fmt: skip
    usage = ev.Usage(prompt_tokens=7)
    end = ev.RequestFinished(t=9 * MS, request="j1.1", job="j1", status="done", figures=figures, usage=usage, timings=ev.ServerTimings(load_ns=4))  # fmt: skip
    events = [header(), queued(), *request("j1.1")[:-1], end, *request("j1.2", warmup=True)[:-1]]
    done, open_ = rows_of("requests", events)
    assert (done["ttft_ns"], done["tokens_basis"], done["usage_prompt_tokens"], done["server_load_ns"]) == (
        5,
        "chunks",
        7,
        4,
    )
    assert (done["sources"], done["missing"], done["notes"]) == ({"ttft_ns": "client"}, {"decode_rate": "all text came in one read"}, ("n",))  # fmt: skip
    assert (done["started_ns"], done["sent_ns"], done["sent_after_due_ns"], done["finished_ns"]) == (10 * MS, 11 * MS, MS, 9 * MS)  # fmt: skip
    assert (open_["status"], open_["warmup"], open_["ttft_ns"]) == ("running", True, None)
    assert open_["missing"] == {"figures": "the log has no end of this request"}
    assert set(ev.Figures.__struct_fields__) <= set(done)


def test_a_request_of_a_job_with_several_models_names_its_own_target():
    started = ev.RequestStarted(t=MS, request="j1.1", job="j1", model="b", target="there", messages=())
    other = ev.RequestStarted(t=MS, request="j1.2", job="j1", model="smol", messages=())
    rows = rows_of("requests", [header(), queued(target="here + there", model="a + b"), started, other])
    assert [(row["target"], row["model"]) for row in rows] == [("there", "b"), ("here + there", "smol")]


def test_texts_only_when_asked_for():
    events = [header(), queued(), *request("j1.1")]
    events.insert(4, ev.TokensReceived(t=11 * MS, request="j1.1", offsets_us=(1,), texts=("hm ",), kind="reasoning"))
    (row,) = rows_of("requests", events, text=True)
    assert (row["prompt"], row["reasoning"], row["answer"]) == ("user: hi", "hm ", "w0 w1 w2 w3 ")
    assert "answer" not in rows_of("requests", events)[0]


def test_one_row_a_sample():
    first, second = rows_of("samples", whole_session())
    assert (first["t_ns"], first["cpu.percent"], first["missing"]) == (6 * MS, 50.0, {"cpu.temperature": "no sensor"})
    assert "ram.used" not in second
    assert columns_of([first, second])[-1] == "missing"
    assert parsed(csv_text([first, second]))[1]["ram.used [B]"] == ""


@pytest.mark.parametrize("what", WHAT)
def test_every_form_of_an_empty_session(what):
    rows = rows_of(what, [header()])
    assert rows == []
    assert csv_text(rows) == "session\n"
    assert "Nothing was measured." in markdown_text("s1", rows)
    assert json.loads(json_text("s1", what, header(), rows, []))["rows"] == []


def test_json_has_the_header_and_what_is_unknown_as_null():
    events = [header(), queued(), ev.JobStarted(t=1, job="j1")]
    document = json.loads(json_text("s1", "results", header(), rows_of("results", events), ["torn"]))
    assert (document["header"]["ev"], document["notices"], document["what"]) == ("session_opened", ["torn"], "results")
    (row,) = document["rows"]
    assert (row["ttft_ns"], row["tokens"]) == (None, None)
    assert row["missing"]["requests"] == "no measured request began"
    assert json.loads(json_text("s1", "results", None, [{"x": float("nan")}], []))["rows"] == [{"x": None}]


@pytest.mark.parametrize(
    ("column", "unit", "shown"),
    [
        ("ttft_ns", "ns", "ttft_ns"),
        ("ttft_ns_sd", "ns", "ttft_ns_sd"),
        ("ttft_ns_n", None, "ttft_ns_n"),
        ("itl_p99_ns", "ns", "itl_p99_ns"),
        ("decode_rate", "tokens/s", "decode_rate [tokens/s]"),
        ("decode_rate_p50", "tokens/s", "decode_rate_p50 [tokens/s]"),
        ("decode_rate_n", None, "decode_rate_n"),
        ("request_rate", "requests/s", "request_rate [requests/s]"),
        ("window_start", "ns", "window_start [ns]"),
        ("peak_memory", "B", "peak_memory [B]"),
        ("gpu.0.temperature", "°C", "gpu.0.temperature [°C]"),
        ("gpu.0.throttle.reasons", None, "gpu.0.throttle.reasons"),
        ("tokens", None, "tokens"),
        ("model", None, "model"),
    ],
)
def test_columns_have_units(column, unit, shown):
    assert (unit_of(column), heading(column)) == (unit, shown)


def test_every_number_of_a_session_has_a_unit_or_is_a_count():
    counts = {"iteration", "requests", "failed", "tokens", "steps", "step", "chunks", "itl_count", "itl_cv", "prompt_tokens", "in_flight", "good"}  # fmt: skip
    for what in WHAT:
        for row in rows_of(what, loaded() if what == "steps" else whole_session()):
            numbers = {
                name for name, cell in row.items() if isinstance(cell, int | float) and not isinstance(cell, bool)
            }
            without = {name for name in numbers if unit_of(name) is None and not name.endswith(("_n", "_tokens"))}
            assert without <= counts


@pytest.mark.parametrize("what", WHAT)
def test_what_is_read_back_is_what_was_written(what):
    """JSON gives each cell as it was, CSV each number and each plain text."""
    rows = rows_of(what, loaded() if what == "steps" else whole_session())
    assert rows
    document = json.loads(json_text("s1", what, header(), rows, []))
    assert document["rows"] == json.loads(json.dumps(rows))
    assert document["units"] == {name: unit_of(name) for name in columns_of(rows) if unit_of(name)}
    for row, read in zip(rows, parsed(csv_text(rows)), strict=True):
        assert set(read) == {heading(column) for column in columns_of(rows)}
        for name, cell in row.items():
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                assert float(read[heading(name)]) == cell
            elif isinstance(cell, str):
                assert read[heading(name)] == cell
            elif cell is None:
                assert read[heading(name)] == ""


# --- nothing acts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [EVIL, "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\uff1d1", "-"])
def test_no_text_is_a_formula(text):
    (row,) = parsed(csv_text([{"model": text, text: 1}]))
    assert row["model"].startswith("'")
    assert all(not heading.lstrip().startswith(("=", "+", "-", "@", "\uff1d")) for heading in row)


def test_numbers_stay_numbers():
    (row,) = parsed(csv_text([{"a": -5, "b": -0.5, "c": True, "d": None, "e": "plain", "f": 1e300, "g": float("inf")}]))
    assert row == {"a": "-5", "b": "-0.5", "c": "true", "d": "", "e": "plain", "f": "1e+300", "g": ""}


@given(st.text())
def test_any_text_is_one_cell_that_does_nothing(text):
    read = parsed(csv_text([{"a": text, "b": {text: text}, "c": [text], "d": 1}]))
    (row,) = read
    assert row["d"] == "1"
    for cell in (row["a"], row["b"], row["c"]):
        assert cell.isprintable() or "\u200d" in cell
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_a_copied_table_has_numbers_as_numbers_and_no_formulas():
    text = tsv_text([("a", "=b"), ("-1.5", EVIL), ("12:30", "-"), ("x\ty", "-x")])
    assert text == f"a\t'=b\n-1.5\t'{EVIL}\n12:30\t-\nx y\t'-x\n"


def test_markdown_shows_letters_and_no_markup():
    text = markdown_text(
        "a|b", [{"model": "<img src=x onerror=alert(1)> | [a](b) `c` *d* &lt;\x1b[2J\nnext", "n": None}]
    )
    (line,) = [line for line in text.splitlines() if "img" in line]
    assert line == "| &lt;img src=x onerror=alert(1)&gt; \\| \\[a\\](b) \\`c\\` \\*d\\* &amp;lt;\u241b\\[2J\u23cenext |"
    assert text.startswith("# a\\|b\n")
    assert "| n |" not in text, "a column of nothing is left out"


def test_results_in_markdown_are_those_of_the_screen_with_their_reasons():
    state = SessionState()
    figures = ev.Figures(ttft_ns=10 * MS, missing={"decode_rate": "all text came <b>in one read"})
    apply_all(state, [header(), queued(model="a|b"), ev.JobStarted(t=1, job="j1"), *request("j1.1", figures=figures)])
    text = results_markdown("s1", job_results(state))
    assert "| job | workload | TTFT |" in text
    assert "a\\|b" in text
    assert "- j1 decode\\_rate: all text came &lt;b&gt;in one read" in text
    assert len({line.count(" | ") for line in text.splitlines() if line.startswith("|")}) == 1
