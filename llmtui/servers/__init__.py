"""Servers that llmtui starts itself, and therefore stops itself."""
