from support.conversation import whole_session

from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState
from llmtui.tui.glyphs import glyphs_of
from llmtui.tui.projections.results import result_details, results_view


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
