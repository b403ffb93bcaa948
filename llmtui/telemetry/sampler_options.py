"""The sampler's command line, which other programs write. Without argparse, which is a sixth of the sampler's start."""

from collections.abc import Sequence

import msgspec

from llmtui.telemetry.lanes import STALE_NS

USAGE = """\
usage: python -m llmtui.telemetry.sampler [OPTION...]

Sample the machine.

  --interval-ms N          milliseconds between samples, at least 50
  --count N                end after so many samples
  --once                   one sample with its rates, two looks a second apart
  --root FOLDER            folder that holds another machine's /sys and /proc
  --port N                 watch the server that listens on this port
  --pid N                  watch the server with this process id
  --cpu-sensor CHIP/LABEL  which sensor tells the processor's temperature
  --stale-ms N             patience with a driver that hangs
  --parent N               end when this is no longer the parent
"""


class OptionError(Exception):
    """A command line that can't be understood: one sentence that says why."""


class Options(msgspec.Struct, frozen=True, kw_only=True, rename="kebab"):
    """What `USAGE` says. `parent` None is the parent at the start."""

    interval_ms: int = 1000
    count: int | None = None
    once: bool = False
    root: str = "/"
    port: int | None = None
    pid: int | None = None
    cpu_sensor: str | None = None
    stale_ms: int = STALE_NS // 1_000_000
    parent: int | None = None


_NAMES = frozenset(Options.__struct_encode_fields__)


def read_options(arguments: Sequence[str]) -> Options:
    """Return what a command line asks for. Raises `OptionError`."""
    given: dict[str, str] = {}
    words = iter(arguments)
    for word in words:
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--")
        if name == flag or name not in _NAMES:
            raise OptionError(f"there is no option {word}; see --help")
        if name == "once":
            if equals:
                raise OptionError("--once takes no value")
            value = "true"
        given[name] = value if equals or name == "once" else next(words, "")
        if not given[name]:
            raise OptionError(f"{flag} needs a value")
    try:
        return msgspec.convert(given, Options, strict=False)
    except msgspec.ValidationError as error:
        flag = str(error).rpartition("$.")[2].rstrip("`")
        raise OptionError(f"--{flag} takes a whole number, not {given[flag]}") from None
