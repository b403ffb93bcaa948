"""Long contexts on the real server with the real small model."""

import re

import pytest

from llmtui import events as ev
from llmtui.log.read import read_log

pytestmark = pytest.mark.embedded


def test_a_quick_run_fills_two_contexts_and_says_what_they_cost(llmtui):
    # How long a busy machine takes is not the matter here.
    patient = ("--set", "max_load_s=500", "--set", "sample_ms=100", "--plain")
    result = llmtui("run", "long_context", "--set", "quick=true", *patient, timeout=500)
    assert result.returncode == 0, result.stdout
    assert "contexts: usable up to 1024 tokens; the model was trained for 8192" in result.stdout
    rows = re.findall(
        r"^ *(512|1024) +(\d+) +[\d.]+ m?s +[\d.]+ +[\d.]+ m?s +(\d+) +[\d.]+ +[\d.]+ MiB", result.stdout, re.MULTILINE
    )
    assert [size for size, _, _ in rows] == ["512", "1024"]
    log = read_log(llmtui.log()).events
    tried = [event for event in log if isinstance(event, ev.ContextTried)]
    for (_, prompt, cached), context in zip(rows, tried, strict=True):
        assert context.basis == "tokenizer"
        assert 0 <= int(prompt) - context.text_tokens < 64, "only the chat template is more than what was counted"
        assert int(cached) >= context.text_tokens, "the second question found the whole text in the cache"
    assert sum(isinstance(event, ev.AnswerScored) for event in log) == 4
    assert "j1 long context, smollm2-135m: loading of a context" in result.stdout
    assert re.search(r"long context +smollm2-135m Q4_1: 1024 tokens of usable context", result.stdout)
    advised = llmtui("advise")
    assert advised.returncode == 0
    assert advised.stdout.strip() in result.stdout


def test_what_does_not_fit_and_what_takes_too_long_is_said(llmtui):
    sizes, window = "sizes=[512, 1024, 65536]", "embedded.context=600"
    wide = ("--set", window, "--set", "max_load_s=500", "--set", "max_tokens=16")
    result = llmtui("run", "long_context", "--set", sizes, *wide, "--plain", timeout=500)
    assert result.returncode == 0, result.stdout
    assert "contexts: usable up to 512 tokens" in result.stdout
    assert re.search(r"does not fit: 1024, 65536: the server gives a request \d+ tokens of context", result.stdout)
    slow = llmtui("run", "long_context", "--set", sizes, "--set", "max_load_s=0.001", "--plain", timeout=500)
    assert slow.returncode == 1
    assert "FAIL       load: 512 tokens took" in slow.stdout
    assert "not tried: 1024: after 512 tokens: loading took" in slow.stdout
