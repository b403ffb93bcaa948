"""What can be measured on a machine, feature by feature: it works, works partly, or does not, why, and what to do."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from llmtui import wording
from llmtui.events import HardwareSnapshot
from llmtui.telemetry.sample_lines import ServerProcesses

State = Literal["works", "partly", "not here"]
INTEGRATED = "integrated graphics"
"""How the reasons of a GPU begin that is a part of the processor and has no memory, meter or sensor of its own."""
_CONTAINERS = ("docker", "podman", "kubernetes", "lxc", "nspawn")
_GPU_MAIN = ("percent", "memory.used", "temperature", "power")
_NEXT_STEPS = (
    ("virtual machine", "run llmtui on the host to see it"),
    ("driver library not found", "install NVIDIA's driver; a container gets it by `--gpus all`"),
    ("no permission to use the NVIDIA driver", "join the group that owns /dev/nvidia0, or give the container its GPU"),
    ("nouveau", "install NVIDIA's own driver, then reboot"),
    ("vfio-pci", "run llmtui within that virtual machine"),
    ("unknown error", "if this is a container, create it anew"),
    ("stale:", "see `sudo dmesg`; a driver that stays silent needs a reboot"),
    ("sleeps", "start a model on it, then look again"),
    ("no RAPL driver", "try `sudo modprobe intel_rapl_msr`"),
    ("only Intel's does", "heat is then judged by clock and temperature"),
    ("belongs to another user", "run llmtui as that user, or as root"),
    ("in a container or elsewhere", "run `llmtui sampler` where it runs"),
    ("leads into a container", "run `llmtui sampler` inside it"),
    ("runs on another machine", "run `llmtui sampler` there"),
    ("no sensor", "`sudo sensors-detect` finds the driver for it"),
    ("tells it only to root", "there is no way without root"),
    ("does not tell", "this driver has no such figure"),
)
"""What helps, by a part of the reason. Reasons that name a command themselves need no second one."""


class Findings(NamedTuple):
    """What the verdicts go by: the hardware, one sample, the watched server's processes, and the terminal.

    `server` is None when no server on this machine answered. `screen` says what the terminal can show; `no_screen` why
    there can be no screen, None when there can.
    """

    hardware: HardwareSnapshot
    values: Mapping[str, float]
    missing: Mapping[str, str]
    server: ServerProcesses | None = None
    screen: str = ""
    no_screen: str | None = None


class Verdict(NamedTuple):
    """One feature, how it stands, and the words for it."""

    feature: str
    state: State
    text: str

    def __str__(self) -> str:
        """Return the line for the user."""
        return f"{self.feature}: {self.state}: {self.text}"


def judge(findings: Findings) -> list[Verdict]:
    """Return a verdict for each feature, always the same features in the same order."""
    return [
        _temperature(findings),
        _power(findings),
        _throttling(findings),
        _gpu(findings),
        _server(findings),
        _energy(findings),
        _screen(findings),
    ]


def with_next_step(reason: str, hardware: HardwareSnapshot) -> str:
    """Return a reason and what to do about it, where anything can be done."""
    if "`" in reason or "reboot" in reason:
        return reason
    container = hardware.container
    if reason == "no GPU found" and container is not None and container.kind in _CONTAINERS:
        return f"{reason} in this container ({container.kind}); give it one by `--gpus all` or `--device /dev/dri`"
    if reason == "no GPU found":
        return f"{reason}; if there is one, `lspci -nnk` names the driver that it waits for"
    step = next((step for part, step in _NEXT_STEPS if part in reason), None)
    return reason if step is None else f"{reason}; {step}"


def _gpus(findings: Findings) -> list[int]:
    """The numbers of all GPUs; those within the processor share its meters and sensors."""
    return [
        gpu.index
        for gpu in findings.hardware.gpus
        if not findings.missing.get(f"gpu.{gpu.index}.memory.used", "").startswith(INTEGRATED)
    ]


def _sum_up(findings: Findings, feature: str, here: list[str], gone: Iterable[tuple[str, str]]) -> Verdict:
    """Make a verdict of what is `here` and of what is `gone`: (device, reason)."""
    by_reason: dict[str, list[str]] = {}
    for device, reason in gone:
        by_reason.setdefault(reason, []).append(device)
    lacks = [
        f"{', '.join(devices)}: {with_next_step(reason, findings.hardware)}" for reason, devices in by_reason.items()
    ]
    if not here:
        return Verdict(feature, "not here", "; ".join(lacks))
    return Verdict(feature, "partly" if lacks else "works", "; ".join([", ".join(here), *lacks]))


def _why(findings: Findings, *keys: str) -> str:
    """The reason of the first of `keys` that has one."""
    told = next((reason for key in keys if (reason := findings.missing.get(key))), None)
    return told or findings.hardware.detection_failed.get("all") or "the sampler did not say why"


def _temperature(findings: Findings) -> Verdict:
    here, gone = [], []
    for device, key in (("CPU", "cpu"), *((f"GPU {index}", f"gpu.{index}") for index in _gpus(findings))):
        degrees, limit = (findings.values.get(f"{key}.{name}") for name in ("temperature", "temperature.limit"))
        if degrees is None:
            gone.append((device, _why(findings, f"{key}.temperature")))
        else:
            here.append(f"{device} {degrees:.0f} °C{f' of {limit:.0f} °C' if limit else ', no limit known'}")
    return _sum_up(findings, "temperature", here, gone)


def _power(findings: Findings) -> Verdict:
    here, gone = [], []
    if (board := findings.values.get("board.power")) is not None:
        here.append(f"board {board:.0f} W")
    for device, key in (("CPU", "cpu"), *((f"GPU {index}", f"gpu.{index}") for index in _gpus(findings))):
        watts = findings.values.get(f"{key}.power")
        if watts is not None:
            here.append(f"{device} {watts:.0f} W")
        elif board is None:  # the board's meter holds all of them
            gone.append((device, _why(findings, f"{key}.power")))
    return _sum_up(findings, "power", here, gone)


def _throttling(findings: Findings) -> Verdict:
    """Hard evidence is what a driver counts; a clock that falls while heat is at its limit proves less."""
    here, gone = [], []
    values = findings.values
    for device, keys in (
        ("CPU", ("cpu.throttle.time", "cpu.throttle.events", "board.throttled", "thermal.pressure")),
        *(
            (f"GPU {index}", (f"gpu.{index}.throttle.reasons", f"gpu.{index}.throttle.thermal.time"))
            for index in _gpus(findings)
        ),
    ):
        if any(key in values for key in keys):
            here.append(device)
        elif "board.overcurrent.events" not in values:
            gone.append((device, _why(findings, *keys, f"{device.lower().replace(' ', '.')}.percent")))
    if "board.overcurrent.events" in values:
        here.append("board (overcurrent events)")
    if not here and {"cpu.frequency", "cpu.temperature"} <= values.keys():
        lacks = "; ".join(sorted({reason for _, reason in gone}))
        return Verdict("throttling", "partly", f"only by clock and temperature, which proves less: {lacks}")
    verdict = _sum_up(findings, "throttling", [f"{device} counted by its driver" for device in here], gone)
    if verdict.state == "not here":
        return verdict._replace(text=f"{verdict.text}; what heat does to a run stays unknown")
    return verdict


def _gpu(findings: Findings) -> Verdict:
    gpus = findings.hardware.gpus
    if not gpus:
        return Verdict("GPU", "not here", with_next_step(_why(findings, "gpu.0.percent"), findings.hardware))
    here, gone = [], []
    for gpu in gpus:
        known = [figure for figure in _GPU_MAIN if f"gpu.{gpu.index}.{figure}" in findings.values]
        name = f"{gpu.index} ({gpu.name})"
        if known or f"gpu.{gpu.index}.clock.sm" in findings.values:
            here.append(name)
        lacking = [figure for figure in _GPU_MAIN if figure not in known]
        reasons = {_why(findings, f"gpu.{gpu.index}.{figure}") for figure in lacking}
        if not known and len(reasons) == 1:
            gone.append((name, reasons.pop()))
        else:
            gone += [(f"{figure} of {gpu.index}", _why(findings, f"gpu.{gpu.index}.{figure}")) for figure in lacking]
    return _sum_up(findings, "GPU", here, gone)


def _server(findings: Findings) -> Verdict:
    feature, server = "server processes", findings.server
    if server is None:
        reason = "no server answers on this machine; start one, or name it by `--url`"
        return Verdict(feature, "not here", reason)
    if not server.processes:
        reason = server.missing or "the sampler did not say why"
        return Verdict(feature, "not here", f"{server.target}: {with_next_step(reason, findings.hardware)}")
    names = ", ".join(dict.fromkeys(process.name for process in server.processes))
    private = findings.values.get("server.memory.private")
    text = f"{server.target}: {names} ({len(server.processes)}), {wording.size(private)} of its own"
    # A process of another user shows its times, but its memory only to some readers.
    return Verdict(feature, "works" if private else "partly", text)


def _energy(findings: Findings) -> Verdict:
    """Joules per token: best from a counter in the device, else added up from samples of its power."""
    counted, added, gone = [], [], []
    for device, key in (("CPU", "cpu"), *((f"GPU {index}", f"gpu.{index}") for index in _gpus(findings))):
        if f"{key}.energy" in findings.values:
            counted.append(f"{device} by its own counter")
        elif f"{key}.power" in findings.values:
            added.append(f"{device} added up from its power")
        elif "board.power" not in findings.values:
            gone.append((device, _why(findings, f"{key}.power")))
    if "board.power" in findings.values:
        added.append("board added up from its power")
    verdict = _sum_up(findings, "energy", [*counted, *added], gone)
    return verdict._replace(state="partly") if verdict.state == "works" and added else verdict


def _screen(findings: Findings) -> Verdict:
    if findings.no_screen is None:
        return Verdict("screen", "works", findings.screen)
    return Verdict("screen", "not here", f"{findings.no_screen}; `--plain` needs none")
