import hashlib

import pytest
from support.conversation import header

from llmtui.engine.differences import machine_differences, suite_difference, target_differences
from llmtui.events import Gpu, HardwareSnapshot, Model, Server, TargetResolved
from llmtui.suites.plan import PlannedTarget

MACHINE = HardwareSnapshot(
    hostname="box", cpu_model="cpu", architecture="x", gpus=(Gpu(index=0, vendor="v", name="card", uuid="u"),)
)
MODEL = Model(id="m", digest="a" * 64, size=5, quantization="Q4")


def test_the_suite_is_the_same_until_its_file_changes(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text("name: q")
    opened = header(suite_path=str(path), suite_sha256=hashlib.sha256(b"name: q").hexdigest())
    assert suite_difference(opened) is None
    path.write_text("name: p")
    assert "has hash" in suite_difference(opened)
    path.unlink()
    assert "can't be read any more" in suite_difference(opened)
    assert suite_difference(header()) is None, "a suite that came from no file"


@pytest.mark.parametrize(
    ("now", "sentences"),
    [
        (MACHINE, []),
        (HardwareSnapshot(gpus=MACHINE.gpus), []),
        (HardwareSnapshot(hostname="other", gpus=MACHINE.gpus), ["the machine is other now, and was box"]),
        (HardwareSnapshot(cpu_model="new", gpus=MACHINE.gpus), ["the processor is new now, and was cpu"]),
        (HardwareSnapshot(architecture="y", gpus=MACHINE.gpus), ["the architecture is y now, and was x"]),
        (HardwareSnapshot(), ["the GPUs are others: none now, and card before"]),
    ],
)
def test_another_machine_is_told_and_what_is_unknown_is_no_difference(now, sentences):
    assert list(machine_differences(MACHINE, now)) == sentences


def server(model=MODEL, kind="ollama", version="1"):
    return Server(url="u", kind=kind, version=version, models=(model,) if model else ())


def differences(now, models=frozenset({("t", "m")}), then=None):
    found = {"t": TargetResolved(t=0, target="t", url="u", server=then or server())}
    return list(target_differences(found, [now] if now else [], set(models)))


@pytest.mark.parametrize(
    ("now", "sentences"),
    [
        (server(), []),
        (server(version=None), []),
        (server(version="2"), ["the server of t has version 2 now, and had 1"]),
        (server(kind="vllm", version="2"), ["the server of t is vllm now, and was ollama"]),
        (server(None), ["t has the model m no more"]),
        (
            server(Model(id="m", digest="b" * 64)),
            ["the model m of t has digest bbbbbbbbbbbb now, and had aaaaaaaaaaaa"],
        ),
        (server(Model(id="m", size=5, quantization="Q4")), []),
        (
            server(Model(id="m", size=6, quantization="Q8")),
            ["the model m of t has another size, quantization than before"],
        ),
    ],
)
def test_another_server_or_model_is_told(now, sentences):
    assert differences(PlannedTarget("t", now)) == sentences


def test_a_server_that_is_gone_is_told_with_its_reason():
    assert differences(PlannedTarget("t", None, "nobody listens")) == ["the target t is not there: nobody listens"]
    assert differences(None) == ["the target t is not there: it was not found"]


def test_what_no_job_needs_any_more_may_change():
    assert differences(PlannedTarget("t", None, "gone"), models=()) == []
    assert differences(PlannedTarget("t", server(Model(id="m", digest="b"))), models={("t", "other")}) == []


def test_a_server_that_was_missing_before_may_come():
    missing = {"t": TargetResolved(t=0, target="t", url="u", problem="nobody listens")}
    assert list(target_differences(missing, [PlannedTarget("t", server())], {("t", "m")})) == []
