from pathlib import Path

import msgspec

from llmtui.suites.reference import render_reference
from llmtui.suites.schema import AnyWorkload, Suite

PAGE = Path(__file__).parent.parent.parent / "docs" / "suites.md"


def test_the_page_is_as_the_schema_is():
    assert PAGE.read_text(encoding="utf-8") == render_reference(), "run: make docs"


def test_every_key_of_every_workload_stands_there():
    text = render_reference()
    for struct in (Suite, *AnyWorkload.__args__):
        section = text[text.index(str(struct.__doc__).strip().splitlines()[0]) :]
        for field in msgspec.structs.fields(struct):
            assert f"| `{field.name}` |" in section.split("\n## ")[0]


def test_defaults_and_types_are_in_words():
    text = render_reference()
    assert "| `iterations` | whole number | `1` |" in text
    assert "| `arrivals` | `constant`, `poisson` | `poisson` |" in text
    assert "| `workloads` | a list of workloads | must be given |" in text
    assert "| `slo` | a mapping, see [`slo`](#slo) | - |" in text


def test_each_row_of_a_table_is_one_line_of_a_width_that_can_be_read():
    lines = render_reference().splitlines()
    rows = [line for line in lines if line.startswith("|")]
    assert all(line.endswith("|") for line in rows), "a default of several lines breaks its table"
    assert max(map(len, rows)) < 400
    assert (
        "| `prompt` | text | `Continue this story for about 400 words. Do not end it, and do not comment on it. ...` |"
        in "\n".join(rows)
    )
    assert any("` and 1 more |" in row for row in rows)
