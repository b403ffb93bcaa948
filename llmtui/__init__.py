"""llmtui: the terminal instrument for people who run language models on their own machines."""

__version__ = "0.1.0"
