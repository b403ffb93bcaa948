"""Other tools that time LLM servers, run against the same known-truth server as llmtui."""
