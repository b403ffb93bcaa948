"""The command line as a program, and two suites for it."""

import sys

LLMTUI = (sys.executable, "-m", "llmtui")

SHORT = """
name: short
targets: [embedded]
sample_ms: 100
embedded: {threads: 1, context: 1024}
workloads:
  - kind: generate
    name: short
    prompts: ["What is the capital of France? Answer in one sentence."]
    max_tokens: 24
"""

LONG = """
name: long
targets: [embedded]
sample_ms: 100
embedded: {threads: 1, context: 2048}
workloads:
  - kind: generate
    name: long
    prompts: [Tell me a very long story about the sea.]
    max_tokens: 1500
  - kind: generate
    name: short
    prompts: ["What is the capital of France?"]
    max_tokens: 16
"""
