"""`python -m llmtui.engine`: see `main`."""

import sys

from llmtui.collector import loading

with loading():
    from llmtui.engine.main import main

sys.exit(main())
