"""A server whose answers are known to the microsecond: `python -m llmtui.testing.truth_server [--truth FILE]`.

It speaks OpenAI's protocol on one port of the loopback and Ollama's on another, prints both as `openai URL` and
`ollama URL`, and ends when its standard input closes or at SIGTERM. The name of a model chooses what it streams, see
`truth_scenarios`. For every answer FILE gets one line, see `truth_record`.
"""

import argparse
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from llmtui.testing.truth_loop import TruthServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until standard input closes or a signal asks for the end."""
    parser = argparse.ArgumentParser(prog="python -m llmtui.testing.truth_server", description=__doc__)
    parser.add_argument("--truth", type=Path, metavar="FILE", help="append a JSON line for every answer to this file")
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="list this model too")
    options = parser.parse_args(arguments)
    with contextlib.ExitStack() as stack:
        truth = stack.enter_context(options.truth.open("ab")) if options.truth else None
        server = TruthServer(truth, options.model)
        reading, writing = os.pipe()
        os.set_blocking(writing, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: server.stop())
        signal.set_wakeup_fd(writing)  # wakes the loop
        server.stop_with(reading)
        server.stop_with(sys.stdin.fileno())
        for api, url in server.listen().items():
            sys.stdout.write(f"{api} {url}\n")
        sys.stdout.flush()
        gc.freeze()
        gc.disable()  # a collection in the middle of a stream would delay it
        server.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
