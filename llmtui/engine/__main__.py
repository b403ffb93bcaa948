"""`python -m llmtui.engine`: see `main`."""

import sys

from llmtui.collector import collector_off

with collector_off():
    from llmtui.engine.main import main

sys.exit(main())
