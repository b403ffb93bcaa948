import msgspec
import pytest

from llmtui.documents import DocumentError, nearest_key
from llmtui.yaml_documents import read_document


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    size: int = 1


class Document(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    inner: Inner = msgspec.field(default_factory=Inner)
    items: tuple[Inner, ...] = ()


def test_a_right_document_becomes_its_struct():
    document = read_document("name: a\nitems:\n  - size: 2\n  - {}\n", "d.yaml", Document)
    assert document == Document("a", Inner(), (Inner(2), Inner(1)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: a\ninner:\n  sise: 2\n", "d.yaml:3: unknown key `inner.sise`; did you mean `size`?"),
        (
            "name: a\nitems:\n  - size: 1\n  - size: x\n",
            "d.yaml:4: `items[1].size`: expected a whole number, got a text",
        ),
        ("name: a\nitems: 3\n", "d.yaml:2: `items`: expected a list, got a whole number"),
        ("inner: {}\n", "d.yaml:1: object missing required field `name`"),
        ("name: a\nname: b\n", "d.yaml:2: `name` stands here a second time; keep one of them"),
        ("name: [\n", "d.yaml:2: not valid YAML"),
        ("", "d.yaml:1: a mapping of keys is expected here"),
        ("!!python/object/apply:os.system ['true']\n", "d.yaml:1: a mapping of keys is expected here"),
        ("name: !!python/object/apply:os.system ['true']\n", "d.yaml"),
    ],
)
def test_a_wrong_document_gets_one_sentence_with_its_place(text, sentence):
    with pytest.raises(DocumentError) as caught:
        read_document(text, "d.yaml", Document)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_a_key_that_is_near_nothing_names_them_all():
    assert nearest_key("xyz", ["name", "size"]) == "; known keys are `name`, `size`"
