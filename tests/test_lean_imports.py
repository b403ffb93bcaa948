import re
import subprocess
import sys

import pytest

from llmtui import lean_yaml


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_the_characters_that_are_not_printable_are_those_of_pyyaml():
    theirs = printed(
        "import yaml.reader, sys; found = yaml.reader.Reader.NON_PRINTABLE; assert 'llmtui' not in sys.modules; "
        "print(found.pattern.encode('unicode_escape').decode('ascii'))"
    )
    theirs = re.compile(theirs.rstrip("\n").encode("ascii").decode("unicode_escape"))
    ours = re.compile(lean_yaml.NOT_PRINTABLE)
    assert theirs.pattern != ours.pattern, "PyYAML has it as it is here, and lean_yaml can go"
    every = "".join(map(chr, range(0x110000)))
    assert ours.findall(every) == theirs.findall(every) != []


def test_pyyaml_takes_the_lean_expression_and_re_is_as_it_was():
    told = printed(
        "import re; usual = re.compile; from llmtui.lean_yaml import NOT_PRINTABLE, yaml; "
        "print(yaml.reader.Reader.NON_PRINTABLE.pattern == NOT_PRINTABLE, re.compile is usual)"
    )
    assert told == "True True\n"


@pytest.mark.parametrize("loader", ["SafeLoader", "CSafeLoader"])
def test_a_character_that_is_not_printable_is_still_refused(loader):
    kind = getattr(lean_yaml.yaml, loader)
    with pytest.raises(lean_yaml.yaml.YAMLError, match="not allowed"):
        lean_yaml.yaml.load("a: \x07", Loader=kind)
    assert lean_yaml.yaml.load("a: é\U0001f600\x85", Loader=kind)


@pytest.mark.parametrize("before", ["", "import msgspec; ", "import typing_extensions; "])
def test_who_needs_typing_extensions_has_it_after_msgspec_went_without(before):
    told = printed(
        f"import sys; {before}import llmtui.lean_msgspec; print('typing_extensions' in sys.modules); "
        "import typing_extensions; print(typing_extensions.get_type_hints is not None)"
    )
    assert told.split() == [str(bool(before)), "True"]


def test_msgspec_knows_optional_keys_all_the_same():
    code = (
        "import llmtui.lean_msgspec, msgspec, typing\n"
        "class Half(typing.TypedDict):\n    a: int\n    b: typing.NotRequired[str]\n"
        "print(msgspec.json.decode(b'{\"a\": 1}', type=Half))\n"
        "try:\n    msgspec.json.decode(b'{}', type=Half)\n"
        "except msgspec.ValidationError as error:\n    print(error)"
    )
    assert printed(code).splitlines() == ["{'a': 1}", "Object missing required field `a`"]
