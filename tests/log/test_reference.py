import json
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from support.conversation import whole_session

from llmtui import events as ev
from llmtui.log.encode import encode_line
from llmtui.log.migrate import upgrade
from llmtui.log.reference import read_schema, render_log_format, render_schema

PAGE = Path(__file__).parents[2] / "docs" / "log-format.md"
SAMPLES = sorted((Path(__file__).parent / "samples").glob("*.jsonl"))


def test_the_page_is_as_the_events_are():
    assert PAGE.read_text(encoding="utf-8") == render_log_format(), "run: make docs"


def test_the_schema_that_is_shipped_is_as_the_events_are():
    assert read_schema() == render_schema(), "run: make docs"


def test_descriptions_have_no_margin_whichever_python_made_them():
    def texts(part):
        values = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        own = [part["description"]] if isinstance(part, dict) and isinstance(part.get("description"), str) else []
        return own + [text for value in values for text in texts(value)]

    found = texts(json.loads(render_schema()))
    assert any("\n" in text for text in found)
    assert not any(line.startswith(" ") for text in found for line in text.splitlines())


def test_every_key_of_every_event_stands_on_the_page():
    text = render_log_format()
    for event in get_args(ev.AnyEvent):
        section = text.split(f"### {event.__struct_config__.tag}\n")[1].split("\n### ")[0]
        for field in msgspec.structs.fields(event):
            assert (f"| `{field.name}` |" in section) == (field.name != "t")


def test_types_and_defaults_are_in_words():
    text = render_log_format()
    assert '| `kind` | `answer`, `reasoning` | `"answer"` |' in text
    assert "| `messages` | list of [text, text] | never |" in text
    assert "| `figures` | object of [number, number, number] by name | `{}` |" in text
    assert "| `usage` | [`Usage`](#usage) or null | `null` |" in text
    assert "### Usage" in text
    assert "No more keys." in text.split("### queue_paused")[1].split("###")[0]


# --- the schema against real lines ---------------------------------------------------------------------------------

TYPES = {"string": str, "object": dict, "array": list, "boolean": bool, "null": type(None)}


def problems(schema, value, root):  # noqa: PLR0911 - one for each keyword
    """The little of JSON Schema that the file uses."""
    if "$ref" in schema:
        return problems(root["$defs"][schema["$ref"].rpartition("/")[2]], value, root)
    if "anyOf" in schema:
        found = [problems(option, value, root) for option in schema["anyOf"]]
        return [] if any(not each for each in found) else ["none of the options fits"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{value} is not one of {schema['enum']}"]
    kind = schema.get("type")
    if kind in {"integer", "number"}:
        numbers = int if kind == "integer" else int | float
        return [] if isinstance(value, numbers) and not isinstance(value, bool) else [f"{value} is no {kind}"]
    if kind in TYPES and not isinstance(value, TYPES[kind]):
        return [f"{value} is no {kind}"]
    found = []
    if kind == "object":
        found += [f"{key} is missing" for key in schema.get("required", ()) if key not in value]
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", {}))
            found += problems(inner, item, root) if isinstance(inner, dict) else []
    if kind == "array":
        places = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        if len(places) != len(value):
            return [f"{len(value)} items, not {len(places)}"]
        found += [problem for place, item in zip(places, value, strict=True) for problem in problems(place, item, root)]
    return found


@pytest.fixture(scope="module")
def schema():
    return json.loads(render_schema())


def of_line(schema, line):
    """Against the event that the line says it is: so a wrong key is not excused by another event."""
    value = json.loads(line)
    name = schema["discriminator"]["mapping"][value["ev"]].rpartition("/")[2]
    return problems(schema["$defs"][name], value, schema)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_the_sample_logs_are_valid(schema, sample):
    lines = sample.read_bytes().splitlines()
    version = json.loads(lines[0])["format"]
    lines = [upgrade(line, version) for line in lines]
    for line in lines:
        assert of_line(schema, line) == []
        assert problems(schema, json.loads(line), schema) == []


def test_what_the_writer_writes_is_valid(schema):
    for event in whole_session():
        assert of_line(schema, encode_line(event)) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b'{"ev":"marker_placed","t":1}', "label is missing"),
        (b'{"ev":"marker_placed","t":"1","label":"x"}', "1 is no integer"),
        (b'{"ev":"session_finished","t":1,"outcome":"lost"}', "lost is not one of"),
        (b'{"ev":"tokens_received","t":1,"request":"r","offsets_us":[1,"2"],"texts":[]}', "2 is no integer"),
        (b'{"ev":"sample_taken","t":1,"values":{"cpu.percent":"hot"}}', "hot is no number"),
    ],
)
def test_a_wrong_line_is_not(schema, line, problem):
    assert any(problem in found for found in of_line(schema, line))
    assert problems(schema, json.loads(line), schema) != []
