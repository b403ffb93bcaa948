import re
import subprocess
import sys

import pytest

from llmtui.telemetry.sampler_options import USAGE, OptionError, Options, read_options


def test_without_flags_all_is_as_usual():
    assert read_options([]) == Options()
    assert (Options().interval_ms, Options().root, Options().stale_ms) == (1000, "/", 3000)


def test_flags_take_the_next_word_or_what_is_behind_their_sign():
    given = read_options(["--interval-ms", "50", "--count=3", "--once", "--root", "/x=y", "--cpu-sensor=a/b=c"])
    assert given == Options(interval_ms=50, count=3, once=True, root="/x=y", cpu_sensor="a/b=c")
    assert read_options(["--port", "8080", "--pid", "1", "--stale-ms", "400", "--parent", "7"]) == Options(
        port=8080, pid=1, stale_ms=400, parent=7
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--intervall-ms", "5"], "there is no option --intervall-ms"),
        (["interval-ms", "5"], "there is no option interval-ms"),
        (["--count"], "--count needs a value"),
        (["--count="], "--count needs a value"),
        (["--once=1"], "--once takes no value"),
        (["--root", "/", "--interval-ms", "5s"], "--interval-ms takes a whole number, not 5s"),
        (["--port", "0.5"], "--port takes a whole number, not 0.5"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments, sentence):
    with pytest.raises(OptionError, match=f"^{re.escape(sentence)}"):
        read_options(arguments)


def test_the_help_names_every_flag_and_no_other():
    assert set(re.findall(r"^  --([a-z-]+)", USAGE, re.MULTILINE)) == set(Options.__struct_encode_fields__)


@pytest.mark.parametrize(
    ("argument", "code", "told"), [("--help", 0, USAGE), ("--helpp", 2, "there is no option --helpp; see --help\n")]
)
def test_the_process_says_it(argument, code, told):
    command = [sys.executable, "-m", "llmtui.telemetry.sampler", argument]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=30)
    assert (ended.returncode, ended.stdout + ended.stderr) == (code, told)
