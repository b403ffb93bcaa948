import subprocess
import sys

import pytest


def printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


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
