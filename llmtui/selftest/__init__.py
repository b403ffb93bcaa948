"""llmtui measures a server whose truth is known, and says how far its figures are from it."""
