"""Stand-ins that speak the real protocols: for tests, `llmtui selftest` and the demo."""
