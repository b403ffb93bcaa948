"""`python -m llmtui` is the same as `llmtui`."""

from llmtui.cli.main import main

main()
