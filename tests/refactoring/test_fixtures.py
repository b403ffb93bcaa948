import pytest

from llmtui.documents import DocumentError
from llmtui.refactoring.fixtures import FIXTURES, Annotation, Structures, fixture_of
from llmtui.refactoring.types import is_vague, known_type
from llmtui.yaml_documents import read_document


def test_there_are_three_of_growing_size():
    sizes = [len(fixture_of(name).expected) for name in FIXTURES]
    assert len(sizes) >= 3
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("name", FIXTURES)
def test_the_prompt_has_the_component_and_its_modules_and_no_place_left_to_fill(name):
    fixture = fixture_of(name)
    assert fixture.prompt.count(fixture.input.strip()) == 1
    assert all(fixture.prompt.count(text.strip()) == 1 for text in fixture.modules.values())
    assert "{component}" not in fixture.prompt
    assert all(f"{{{module}}}" not in fixture.prompt for module in fixture.modules)
    assert fixture.expected.strip() not in fixture.prompt


@pytest.mark.parametrize("name", FIXTURES)
def test_the_prompt_asks_for_each_interface(name):
    fixture = fixture_of(name)
    assert all(f"`{each.name}`" in fixture.prompt or each.name == "Props" for each in fixture.structures.interfaces)
    assert "defineProps<Props>()" in fixture.prompt


@pytest.mark.parametrize("name", FIXTURES)
def test_the_types_of_the_structures_are_types_that_say_something(name):
    wanted = fixture_of(name).structures
    types = [kind for each in wanted.interfaces for kind in (*each.fields.values(), *filter(None, [each.alias]))]
    types += [each.type for each in wanted.annotations if each.value]
    types += [kind for each in wanted.annotations for kind in (*each.parameters.values(), each.returns)]
    types += [*wanted.props.values(), *(kind for kinds in wanted.emits.values() for kind in kinds)]
    assert not [kind for kind in types if is_vague(known_type(kind))]


@pytest.mark.parametrize("name", FIXTURES)
def test_expected_and_input_differ_only_in_the_script(name):
    fixture = fixture_of(name)
    assert fixture.expected.partition("</script>")[2] == fixture.input.partition("</script>")[2] != ""


@pytest.mark.parametrize("fields", [{}, {"value": "a"}, {"type": "b"}, {"value": "a", "type": "b", "function": "c"}])
def test_an_annotation_is_of_a_value_or_of_a_function(fields):
    with pytest.raises(ValueError, match="give `value`"):
        Annotation(**fields)


def test_a_wrong_key_is_named():
    with pytest.raises(DocumentError, match="unknown key `titel`"):
        read_document("titel: x\n", "structures.yaml", Structures)


@pytest.mark.parametrize("text", ["", "a b", "{", "=> 3", "a; type B = c"])
def test_what_is_no_type_is_refused(text):
    with pytest.raises(ValueError, match="no type of TypeScript"):
        known_type(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a | b", "b|a"),
        ("a | a", "a"),
        ("(a | b)[]", "Array<b | a>"),
        ("'x'", '"x"'),
        ("{ a: b, c?: d }", "{c?:d;a:b;}"),
        ("(a: b) => c", "(x: b) => c"),
        ("(a?: b) => c", "(x?: b) => c"),
        ("[a: b, c: d]", "[b, d]"),
        ("a & (b & c)", "c & b & a"),
        ("keyof  a", "keyof a"),
        ("a['b']", 'a["b"]'),
        ("((a))", "a"),
    ],
)
def test_types_that_mean_the_same_are_the_same_text(one, other):
    assert known_type(one) == known_type(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a | b", "a & b"),
        ("a | b[]", "(a | b)[]"),
        ("a", "a[]"),
        ("'x'", "x"),
        ("{ a: b }", "{ a?: b }"),
        ("(a: b) => c", "(a: b) => d"),
        ("(a: b) => c", "(a?: b) => c"),
        ("(() => a) | b", "() => a | b"),
        ("[a, b]", "[b, a]"),
        ("Map<a, b>", "Map<b, a>"),
        ("(a | b) & c", "a | b & c"),
    ],
)
def test_types_that_differ_are_different_text(one, other):
    assert known_type(one) != known_type(other)


@pytest.mark.parametrize(
    "text", ["any", "any[]", "Map<string, any>", "unknown", "object", "Function", "{}", "(a: any) => b"]
)
def test_what_says_nothing_is_vague(text):
    assert is_vague(known_type(text))


@pytest.mark.parametrize("text", ["'any'", "Many", "Record<string, unknown>", "string", "null"])
def test_what_says_something_is_not(text):
    assert not is_vague(known_type(text))
