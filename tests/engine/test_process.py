import msgspec
import pytest

from llmtui import control
from llmtui.cli.suite_files import SHIPPED
from llmtui.documents import DocumentError
from llmtui.engine.process import obey, suite_of, written
from llmtui.engine.run_request import AnyRequest, RunRequest
from llmtui.suites.reading import read_suite

TEXT = "name: q\nmodels: [a]\nworkloads:\n  - {kind: generate, prompts: [x]}\n"


class Recorded:
    """Stands for a session and remembers what it was asked."""

    def __init__(self):
        self.asked = []
        self.orders = self

    def __getattr__(self, name):
        def ask(*arguments, **options):
            self.asked.append((name, arguments, options))
            return True, name

        return ask


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        (control.Pause(), ("pause", (), {})),
        (control.Resume(), ("resume", (), {})),
        (control.Skip(job="j2"), ("skip", ("j2",), {})),
        (control.Skip(), ("skip", (None,), {})),
        (control.Rerun(jobs=("j1", "j2")), ("rerun", (("j1", "j2"),), {})),
        (control.Repeat(jobs=("j1",), within=0.1), ("repeat", (("j1",), 0.1), {})),
        (control.Clone(job="j1", set={"seed": "7"}), ("clone", ("j1", {"seed": "7"}), {})),
        (control.Move(job="j3", steps=-1), ("move", ("j3", -1), {})),
        (control.Stop(now=False), ("stop", (), {"now": False})),
        (control.Mark(label="x"), ("mark", ("x",), {})),
        (control.Status(), ("status", (), {})),
    ],
)
def test_every_command_reaches_the_session(command, asked):
    session = Recorded()
    assert obey(session, command).ok
    assert session.asked == [asked]


def test_models_of_the_command_line_replace_those_of_the_suite():
    assert suite_of(RunRequest(log="l", suite=TEXT)).models == ("a",)
    assert suite_of(RunRequest(log="l", suite=TEXT, models=("b", "c"))).models == ("b", "c")
    with pytest.raises(DocumentError, match=r"somewhere\.yaml:1"):
        suite_of(RunRequest(log="l", suite="nme: x", suite_path="somewhere.yaml"))


@pytest.mark.parametrize("name", [file.stem for file in sorted(SHIPPED.glob("*.yaml"))])
def test_a_suite_that_was_read_already_arrives_as_it_was(name):
    suite = read_suite((SHIPPED / f"{name}.yaml").read_text(), name, {"limits.stall_s": "7.5"})
    sent = msgspec.json.encode({"do": "run", "log": "l", "suite": "not read", "suite_read": suite})
    request = msgspec.json.decode(sent, type=AnyRequest)
    assert suite_of(request) == suite
    assert suite.limits.stall_s == 7.5


class Log:
    """Has all its events written after so many looks."""

    def __init__(self, looks):
        self.left = looks

    @property
    def drained(self):
        self.left -= 1
        return self.left <= 0


async def test_what_was_recorded_is_waited_for_but_not_for_ever():
    log = Log(looks=5)
    await written(log, within_s=30)
    assert log.left == 0
    never = Log(looks=10**9)
    await written(never, within_s=0.02)
    assert never.left > 0
