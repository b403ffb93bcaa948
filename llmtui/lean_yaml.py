"""PyYAML, imported for less than half of its price: `from llmtui.lean_yaml import yaml`.

Most of that price is one regular expression of its reader in pure Python, which finds characters that are not
printable. It tells them by what they are not, and `re` then notes 63,000 characters one by one. Told by what they are,
the same set takes a twelfth. Where PyYAML has another expression it gets that one, as usual.
"""

import re
from typing import Any

_TOLD_BY_WHAT_IT_IS_NOT = "[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
NOT_PRINTABLE = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"

_usual = re.compile


def _compile(pattern: Any, flags: int | re.RegexFlag = 0) -> "re.Pattern[Any]":
    return _usual(NOT_PRINTABLE if pattern == _TOLD_BY_WHAT_IT_IS_NOT else pattern, flags)


re.compile = _compile
try:
    import yaml
finally:
    re.compile = _usual

__all__ = ["NOT_PRINTABLE", "yaml"]
