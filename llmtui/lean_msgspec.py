"""Imports msgspec without typing_extensions: import this before msgspec where a process is to start light.

msgspec takes one function and two names from typing_extensions where that is installed, and without it from typing,
which has them since Python 3.11. The package, and what it brings along, is a sixth of the sampler's start.
"""

import sys

from llmtui.collector import loading

if "msgspec" not in sys.modules and "typing_extensions" not in sys.modules:
    sys.modules["typing_extensions"] = None  # type: ignore[assignment]
    try:
        with loading():
            import msgspec  # noqa: F401
    finally:
        # Others may import it later, and need it.
        del sys.modules["typing_extensions"]
