import pytest

from llmtui.telemetry.commands import (
    is_forwarder,
    is_server,
    model_argument,
    names_port,
    redact_arguments,
    redact_command,
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["/usr/lib/ollama/llama-server", "--model", "x", "--port", "1"],
        ["ollama", "serve"],
        ["VLLM::EngineCore"],
        ["VLLM::Worker_DP0_TP0 something"],
        ["sglang::scheduler_TP0"],
        ["/usr/bin/python3", "/usr/bin/vllm", "serve", "m"],
        ["python3", "-m", "vllm.entrypoints.openai.api_server"],
        ["python", "-m", "llama_cpp.server"],
        ["/opt/llmster"],
        ["/opt/LM-Studio"],
        ["SGLang::router"],
        ["bin/llama-server.exe"],
    ],
)
def test_servers_are_known_by_their_command_line(arguments):
    assert is_server(arguments)


@pytest.mark.parametrize(
    "arguments",
    [[], [""], ["vim", "llama-server.md"], ["python3", "-m", "http.server"], ["grep", "-r", "vllm"], ["/bin/llama-server-old-notes"], ["/opt/Ollama"], ["x/VLLM::a"], ["vllm/"]],
)  # fmt: skip
def test_others_are_not(arguments):
    assert not is_server(arguments)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["s", "--port", "8080"], True),
        (["s", "--port=8080"], True),
        (["s", "--listen", "127.0.0.1:8080"], True),
        (["s", "--port", "18080"], False),
        (["s", "--ctx-size", "8080"], False),
        (["s", "--port"], False),
    ],
)
def test_a_port_counts_only_where_it_is_asked_for(arguments, names):
    assert names_port(arguments, 8080) is names


def test_the_model_of_a_command_line():
    assert model_argument(["s", "-m", "/models/a.gguf"]) == "/models/a.gguf"
    assert model_argument(["s", "-m", "--other"]) == ""
    assert model_argument(["s"]) == ""


def test_forwarders_are_no_servers():
    assert is_forwarder("docker-proxy")
    assert not is_forwarder("llama-server")


def test_arguments_keep_their_places_but_for_their_secrets():
    assert redact_arguments(["s", "--api-key", "k", "--port", "1"]) == ["s", "--api-key", "***", "--port", "1"]
    assert redact_arguments(["s", "--api-key", "a", "b", "--port", "1"]) == ["s", "--api-key", "***", "--port", "1"]


def test_a_long_command_line_is_cut():
    text = redact_command(["s", "x" * 2000])
    assert len(text) == 500
    assert text.endswith("…")
