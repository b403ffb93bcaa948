"""Command lines of servers: which ones are known, and how to store them without their secrets."""

import re
from collections.abc import Sequence
from itertools import pairwise

_LONGEST = 500
_HIDDEN = "***"
_WORDS = r"(?:api[-_]?key|access[-_]?key|secret(?:[-_]?key)?|token|password|passwd|passphrase|credentials?|bearer)"
_SECRET_FLAG = re.compile(rf"-{{1,2}}(?:[\w-]*[-_])?{_WORDS}|-hft", re.IGNORECASE)
_SECRET_PAIR = re.compile(
    rf"(?P<name>(?:^|(?<=[^a-z]))[\w.-]*?{_WORDS}[\"']?\s*[=:]\s*)(?P<quote>[\"']?)[^\s\"',&}}]+", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"\b(?:sk-|hf_|ghp_|github_pat_|xox[bp]-|nvapi-|Bearer\s+)[\w.~+/=-]{6,}")
_USER_IN_URL = re.compile(r"(?<=://)[^/\s@]+@")


def redact_command(arguments: Sequence[str]) -> str:
    """Return a command line as one line of text, its secrets replaced by ***, at most 500 characters long."""
    text = "".join(c if c.isprintable() else " " for c in " ".join(redact_arguments(arguments)))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def redact_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of a command line with *** for their secrets.

    Hidden are the values of flags and variables named like keys, tokens and passwords (all values that follow such a
    flag, since some servers take several), texts that look like well-known kinds of keys, and users in URLs. Paths to
    files of keys stay.
    """
    shown: list[str] = []
    hiding = False
    for argument in arguments:
        flag, equals, _ = argument.partition("=")
        if _SECRET_FLAG.fullmatch(flag):
            shown.append(f"{flag}={_HIDDEN}" if equals else flag)
            hiding = not equals
        elif hiding and not argument.startswith("--"):
            if shown[-1] != _HIDDEN:
                shown.append(_HIDDEN)
        else:
            hiding = False
            shown.append(_redact_text(argument))
    return shown


def _redact_text(argument: str) -> str:
    argument = _SECRET_PAIR.sub(rf"\g<name>\g<quote>{_HIDDEN}", argument)
    argument = _SECRET_VALUE.sub(_HIDDEN, argument)
    return _USER_IN_URL.sub(f"{_HIDDEN}@", argument)


_PROGRAMS = frozenset(
    {
        "koboldcpp",
        "llama-server",
        "llama-server.exe",
        "llama-swap",
        "mlx_lm.server",
        "ollama",
        "sglang",
        "tabbyAPI",
        "text-generation-launcher",
        "text-generation-server",
        "vllm",
    }
)
_PROGRAMS_IN_ANY_CASE = frozenset({"llmster", "lm-studio"})
_MODULES = ("vllm", "sglang", "llama_cpp.server", "mlx_lm", "mlx_lm.server", "llmtui.servers", "tensorrt_llm")
_FORWARDERS = (
    "docker-proxy",
    "rootlessport",
    "slirp4netns",
    "pasta",
    "pasta.avx2",
    "gvproxy",
    "ssh",
    "sshd",
    "autossh",
    "kubectl",
)


def is_server(arguments: Sequence[str]) -> bool:
    """Say whether a command line is that of a server of language models that llmtui knows."""
    if not arguments:
        return False
    head = [*arguments[0].split(None, 1)[:1], *arguments[1:2]]
    if any(map(_names_server, head)):
        return True
    return any(flag == "-m" and module.startswith(_MODULES) for flag, module in pairwise(arguments))


def _names_server(word: str) -> bool:
    """Say whether a word is the path of a server, or the title that one gives to its processes."""
    name = word.rpartition("/")[2]
    titled = word.startswith("VLLM::") or word.lower().startswith("sglang::")
    return titled or name in _PROGRAMS or name.lower() in _PROGRAMS_IN_ANY_CASE


def is_forwarder(name: str) -> bool:
    """Say whether a program of this name only passes a port on to a container or another machine."""
    return name in _FORWARDERS


def names_port(arguments: Sequence[str], port: int) -> bool:
    """Say whether a command line asks for this port."""
    wanted = str(port)
    for position, argument in enumerate(arguments):
        flag, equals, value = argument.partition("=")
        if not equals and position + 1 < len(arguments):
            value = arguments[position + 1]
        if flag in ("--port", "-p", "--listen", "--host") and (value == wanted or value.endswith(f":{wanted}")):
            return True
    return False


def model_argument(arguments: Sequence[str]) -> str:
    """Return the model that a command line names, "" when it names none."""
    for flag, value in pairwise(arguments):
        if flag in ("-m", "--model", "--model-path") and not value.startswith("-"):
            return value
    return ""
