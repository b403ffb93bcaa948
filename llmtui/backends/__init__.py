"""One file for each kind of server, all behind `base.Backend`."""

import sys

# httpx brings its command line along wherever rich and pygments are installed: 6 MB and 75 ms in a process that draws
# nothing. Marked as absent, it is left out, which httpx itself provides for.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
