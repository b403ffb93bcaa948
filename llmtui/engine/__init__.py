"""The measuring process: runs the queue, stamps the tokens, owns the log. It draws nothing."""

import llmtui.lean_msgspec  # noqa: F401 - before any module of this package imports msgspec
