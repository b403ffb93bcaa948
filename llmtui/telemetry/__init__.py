"""The machine's figures: probes that read small kernel files or driver calls, and the child process that runs them.

    llmtui.telemetry.sampler        the child: one JSON line per sample on stdout
    llmtui.telemetry.sample_lines   what those lines and the commands on stdin look like
    llmtui.telemetry.hardware       the snapshot of the machine at the head of a session

Every figure is a value or a `Missing` with a reason that a person understands; nothing here turns unknown into 0.
"""

import llmtui.lean_msgspec  # noqa: F401 - before any module of this package imports msgspec
