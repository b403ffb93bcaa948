import subprocess
import sys

import pytest
from support.trees import as_ordinary_user, look, machine, machines

from llmtui.events import ContainerLimits, Gpu, HardwareSnapshot, ServerProcess
from llmtui.telemetry.findings import find
from llmtui.telemetry.sample_lines import ServerProcesses
from llmtui.telemetry.sources import find_sources
from llmtui.telemetry.verdicts import Findings, judge, with_next_step
from llmtui.testing.answers import Answer
from llmtui.testing.byte_server import ByteServer

FEATURES = ["temperature", "power", "throttling", "GPU", "server processes", "energy", "screen"]
NVIDIA = HardwareSnapshot(gpus=(Gpu(index=0, vendor="NVIDIA", name="NVIDIA GPU"),))
MAIN = ("percent", "memory.used", "temperature", "power")


def findings_of(folder, this, **changes):
    values, missing = look(folder, this)
    with as_ordinary_user():
        sources = find_sources(str(folder))
        for source in sources.list:
            source.probe.sample(0)
        return Findings(sources.snapshot(), values, missing, **changes)


def verdicts_of(findings):
    return {verdict.feature: (verdict.state, verdict.text) for verdict in judge(findings)}


def states(folder, name, **changes):
    found = verdicts_of(findings_of(folder, machine(name), **changes))
    return {feature: state for feature, (state, _) in found.items()}


@pytest.mark.parametrize("name", machines())
def test_each_feature_has_its_verdict_and_each_lack_its_reason(name, tmp_path):
    found = judge(findings_of(tmp_path, machine(name)))
    assert [verdict.feature for verdict in found] == FEATURES
    for verdict in found[:-1]:
        assert verdict.text
        assert "did not say why" not in str(verdict), str(verdict)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("intel-laptop", {"temperature": "works", "power": "works", "throttling": "works", "GPU": "partly", "energy": "works"}),
        ("ryzen", {"temperature": "partly", "power": "partly", "throttling": "partly", "GPU": "partly", "energy": "partly"}),
        ("epyc", {"temperature": "works", "power": "works", "throttling": "partly", "GPU": "not here", "energy": "works"}),
        ("strix-halo", {"temperature": "works", "power": "partly", "throttling": "partly", "GPU": "works", "energy": "partly"}),
        ("arc", {"temperature": "works", "power": "partly", "throttling": "works", "GPU": "partly", "energy": "partly"}),
        ("jetson-orin", {"temperature": "works", "power": "works", "throttling": "works", "GPU": "partly", "energy": "partly"}),
        ("raspberry-pi-5", {"temperature": "works", "power": "not here", "throttling": "works", "GPU": "not here", "energy": "not here"}),
        ("empty-vm", {"temperature": "not here", "power": "not here", "throttling": "not here", "GPU": "not here", "energy": "not here"}),
        ("hostile", {"temperature": "not here", "power": "not here", "throttling": "not here", "GPU": "not here", "energy": "not here"}),
    ],
)  # fmt: skip
def test_what_works_on_which_machine(name, expected, tmp_path):
    found = states(tmp_path, name)
    assert {feature: found[feature] for feature in expected} == expected


def test_the_words_name_the_figure_and_its_limit(tmp_path):
    found = verdicts_of(findings_of(tmp_path, machine("intel-laptop")))
    assert found["temperature"] == ("works", "CPU 91 °C of 110 °C")
    assert found["power"] == ("works", "CPU 45 W")
    assert found["energy"] == ("works", "CPU by its own counter")


def test_without_the_sensor_the_verdict_turns_and_says_what_to_do(tmp_path):
    this = machine("ryzen").without("sys/class/hwmon/hwmon3", "sys/class/drm")
    state, text = verdicts_of(findings_of(tmp_path, this))["temperature"]
    assert state == "not here"
    assert "sudo modprobe k10temp" in text


def test_a_locked_counter_names_the_command_that_unlocks_it(tmp_path):
    state, text = verdicts_of(findings_of(tmp_path, machine("ryzen").without("sys/class/drm")))["power"]
    assert state == "not here"
    assert "sudo chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj" in text


@pytest.mark.parametrize(
    ("reason", "step"),
    [
        ("NVIDIA driver not loaded: try `sudo modprobe nvidia`", "sudo modprobe nvidia"),
        ("the NVIDIA driver was upgraded: reboot, or reload its kernel modules", "reboot"),
        ("no permission to use the NVIDIA driver (/dev/nvidia*)", "join the group"),
        ("NVIDIA driver library not found (libnvidia-ml.so.1)", "install NVIDIA's driver"),
        ("the free driver nouveau tells no figures; they need NVIDIA's own driver", "install NVIDIA's own driver"),
        ("stale: the driver has not answered for 3 s", "reboot"),
    ],
)
def test_a_driver_that_fails_leads_to_its_next_step(reason, step):
    missing = {f"gpu.0.{figure}": reason for figure in MAIN}
    state, text = verdicts_of(Findings(NVIDIA, {}, missing))["GPU"]
    assert state == "not here"
    assert reason in text
    assert step in text
    assert text.count(reason) == 1, "the same reason is told once"
    working = {f"gpu.0.{figure}": 50.0 for figure in MAIN}
    assert verdicts_of(Findings(NVIDIA, working, {}))["GPU"][0] == "works"


def test_a_container_without_a_gpu_is_told_how_to_get_one():
    boxed = HardwareSnapshot(container=ContainerLimits(kind="docker"))
    assert "--gpus all" in with_next_step("no GPU found", boxed)
    assert "--gpus" not in with_next_step("no GPU found", HardwareSnapshot())
    assert "--gpus" not in with_next_step(
        "no GPU found", HardwareSnapshot(container=ContainerLimits(kind="control group"))
    )


def test_the_servers_processes():
    found = ServerProcess(pid=7, name="llama-server", command="llama-server", created=1.0)
    server = ServerProcesses(target="http://127.0.0.1:8080", processes=(found,))
    findings = Findings(HardwareSnapshot(), {"server.memory.private": 2.0**30}, {}, server)
    assert verdicts_of(findings)["server processes"] == (
        "works",
        "http://127.0.0.1:8080: llama-server (1), 1.00 GiB of its own",
    )
    hidden = ServerProcesses(target="u", missing="the server on port 8080 belongs to another user")
    state, text = verdicts_of(findings._replace(server=hidden))["server processes"]
    assert state == "not here"
    assert "as root" in text
    assert verdicts_of(findings._replace(server=None))["server processes"][0] == "not here"


def test_the_screen():
    assert verdicts_of(Findings(HardwareSnapshot(), {}, {}, screen="braille glyphs"))["screen"] == (
        "works",
        "braille glyphs",
    )
    state, text = verdicts_of(Findings(HardwareSnapshot(), {}, {}, no_screen="not a terminal"))["screen"]
    assert (state, "--plain" in text) == ("not here", True)


def child(code):
    return [sys.executable, "-c", f"import os, sys, time\n{code}"]


async def test_the_findings_of_this_machine():
    findings = await find()
    assert findings.hardware.cores_logical
    assert findings.values["ram.total"] == findings.hardware.ram
    assert findings.server is None


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (child("os.kill(os.getpid(), 11)"), "signal 11"),
        (child("sys.exit(3)"), "exit code 3"),
        (child("print('nonsense')"), "no sample"),
        (child("time.sleep(60)"), "not done within"),
        (["/nonexistent/sampler"], "can't be started"),
    ],
)
async def test_a_sampler_that_fails_leaves_a_reason_everywhere(command, reason):
    findings = await find("http://127.0.0.1:1", 1, command=command, within_s=2.0)
    assert findings.values == {}
    assert reason in findings.hardware.detection_failed["all"]
    found = verdicts_of(findings)
    for feature in FEATURES[:-1]:
        state, text = found[feature]
        assert state == "not here"
        assert reason in text


def test_the_doctor_says_it_all_and_finds_the_processes_of_a_server():
    def respond(request):
        if request.path.startswith("/v1/models"):
            return Answer.json({"object": "list", "data": [{"id": "tiny", "owned_by": "someone"}]})
        return Answer.json({"detail": "Not Found"}, status=404)

    with ByteServer(respond) as server:
        command = [sys.executable, "-m", "llmtui", "doctor", "--url", server.url]
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=True, stdin=subprocess.DEVNULL
        )
    lines = [line.strip() for line in result.stdout.splitlines()]
    told = {
        feature: line
        for feature in FEATURES
        for line in lines
        if line.startswith((f"{feature}: works", f"{feature}: partly", f"{feature}: not here"))
    }
    assert list(told) == FEATURES
    assert told["server processes"].startswith(f"server processes: works: {server.url}: "), told["server processes"]
    assert told["screen"].endswith("`--plain` needs none")
