"""`llmtui doctor`: what was found on this machine, what was not and why, and what llmtui can do here."""

import asyncio
import platform
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import click

from llmtui import __version__, places, readings, wording
from llmtui.cli.addresses import ServerAddress
from llmtui.events import HardwareSnapshot, Server
from llmtui.telemetry.verdicts import Findings

SHOWN = (
    "cpu.percent",
    "cpu.frequency",
    "cpu.temperature",
    "cpu.power",
    "ram.used",
    "pressure.memory.full",
    "gpu.0.percent",
    "gpu.0.memory.used",
    "gpu.0.temperature",
    "gpu.0.power",
)
FACTS = {
    "all": "hardware",
    "hostname": "host name",
    "os": "operating system",
    "cpu_model": "CPU model",
    "cpu_flags": "CPU features",
    "cpu_governor": "CPU governor",
    "cpu_sensor": "CPU temperature sensor",
    "cores_physical": "CPU cores",
    "cores_logical": "CPU threads",
    "ram": "RAM",
    "gpus": "GPU",
    "npus": "NPU",
}
"""What a person calls the facts of a `HardwareSnapshot` whose names are others."""

PACKAGES = ("textual", "h11", "uvloop", "psutil", "nvidia-ml-py", "xllamacpp")


_PARTS = click.Choice(["refactor"])
_DUMP_HELP = "Write the files that the sampler reads here, redacted, to this new .tar.gz."


@click.command("doctor")
@click.option("--url", "urls", multiple=True, metavar="URL", type=ServerAddress(), help="Also look for a server here.")
@click.option("--dump-sensors", "dump", type=click.Path(path_type=Path), metavar="FILE", help=_DUMP_HELP)
@click.option("--fix", type=_PARTS, help="Install what this workload needs, by npm and in fixed versions.")
@click.option("--check", type=_PARTS, help="Let this workload judge components whose scores are known.")
def command(urls: tuple[str, ...], dump: Path | None, fix: str | None, check: str | None) -> None:
    """Say what llmtui finds here. Changes nothing unless --fix asks for it."""
    if fix is not None or check is not None:
        from llmtui.cli import doctor_refactor

        doctor_refactor.treat(fix=fix is not None, check=check is not None)
        return
    if dump is not None:
        click.echo(_dump_sensors(dump, urls))
        return
    look = _Look(urls)
    for title, lines in (
        ("versions", _versions()),
        ("machine", _machine(look)),
        ("servers", _servers(look)),
        ("embedded server", _embedded()),
        ("workload refactor", _refactor()),
        ("terminal", _terminal()),
        ("folders", _folders()),
        ("what works here", _verdicts(look)),
    ):
        click.echo(click.style(title, bold=True))
        for line in lines:
            click.echo(f"  {wording.visible(line)}")


def _versions() -> Iterator[str]:
    yield f"llmtui {__version__}, Python {platform.python_version()}"
    for package in PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"{package}: not installed"


def _machine(look: "_Look") -> Iterator[str]:
    hardware, values, missing = look.findings[:3]
    yield from hardware_lines(hardware)
    for key in SHOWN:
        entry = readings.describe(key)
        label = entry.label if entry else key
        if key in values and entry is not None:
            yield f"{label}: {wording.reading(values[key], entry.unit)}"
        else:
            yield f"{label}: missing, {missing.get(key, 'the sampler did not say why')}"


def hardware_lines(hardware: HardwareSnapshot) -> Iterator[str]:
    """Yield what is known of the machine, and why the rest is not."""
    where = " (virtual machine)" if hardware.virtual_machine else ""
    yield f"{hardware.hostname or 'host unknown'}: {hardware.os or '?'}, kernel {hardware.kernel or '?'}{where}"
    cores = f"{hardware.cores_physical or '?'} cores, {hardware.cores_logical or '?'} threads"
    yield f"CPU: {hardware.cpu_model or 'unknown'}, {cores}"
    yield f"CPU features: {' '.join(hardware.cpu_flags) or 'unknown'}"
    yield f"RAM: {wording.size(hardware.ram)}, swap: {wording.size(hardware.swap)}"
    for gpu in hardware.gpus:
        yield f"GPU {gpu.index}: {gpu.name}, {wording.size(gpu.memory)}, driver {gpu.driver or 'unknown'}"
    for npu in hardware.npus:
        yield f"NPU: {npu}"
    if hardware.container is not None:
        limits = hardware.container
        cpus = "all" if limits.cpus is None else f"{limits.cpus:g}"
        memory = "all" if limits.memory is None else wording.size(limits.memory)
        yield f"container ({limits.kind}): {cpus} CPUs, {memory} memory allowed"
    for fact, reason in hardware.detection_failed.items():
        yield f"{FACTS.get(fact, fact.replace('_', ' '))}: not found, {reason}"


def _dump_sensors(target: Path, urls: tuple[str, ...]) -> str:
    from llmtui.engine.sampling import DEFAULT_PORTS, is_local
    from llmtui.telemetry import dump, dump_archive
    from llmtui.telemetry.sample_lines import Watch

    local = next((parts for url in urls if is_local((parts := urlsplit(url)).hostname or "")), None)
    watch = Watch(target="server", port=local.port or DEFAULT_PORTS.get(local.scheme)) if local else None
    recording = dump.record(watch=watch)
    try:
        dump_archive.write(recording, target, dump_archive.names_to_hide())
    except FileExistsError:
        raise click.ClickException(f"{target} is there already; name another file") from None
    except OSError as error:
        raise click.ClickException(f"{target} can't be written: {error.strerror}") from None
    return f"{len(recording.first)} files, redacted, in {target}; please look through it before you hand it on"


class _Look:
    """What several sections speak of, looked for once: the servers, and a sample with the processes of the first."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._urls = urls

    @cached_property
    def servers(self) -> tuple[Server, ...]:
        from llmtui.cli.home import find_servers

        async def look() -> tuple[Server, ...]:
            return tuple([server async for server in find_servers(self._urls)])

        return asyncio.run(look())

    @cached_property
    def findings(self) -> Findings:
        from llmtui.engine.sampling import DEFAULT_PORTS, is_local
        from llmtui.telemetry.findings import find

        # Those that the user named come first.
        servers = sorted(self.servers, key=lambda server: server.url not in self._urls)
        local = next((s.url for s in servers if is_local(urlsplit(s.url).hostname or "")), None)
        parts = urlsplit(local or "")
        return asyncio.run(find(local, parts.port or DEFAULT_PORTS.get(parts.scheme)))


def _verdicts(look: _Look) -> Iterator[str]:
    from llmtui.selftest.results import selftest_line
    from llmtui.telemetry.verdicts import judge

    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    screen = "; ".join(list(_terminal())[2:])
    findings = look.findings._replace(screen=screen, no_screen=None if is_terminal else "not a terminal")
    yield from map(str, judge(findings))
    yield selftest_line()


def _servers(look: _Look) -> Iterator[str]:
    for server in look.servers:
        models = ", ".join(model.id for model in server.models) or server.problem or "no models"
        version = f" {server.version}" if server.version else ""
        yield f"{server.url}: {server.kind}{version}, {models}"
    if not look.servers:
        yield "none answers on the usual ports (11434, 8080, 1234, 8000)"


def _embedded() -> Iterator[str]:
    from llmtui.models.catalog import DEFAULT_MODEL

    if find_spec("xllamacpp") is None:
        yield "not installed; pip install 'llmtui[embedded]'"
    else:
        yield "installed"
    model = places.cache_folder() / "models" / DEFAULT_MODEL.member.rpartition("/")[2]
    yield f"model {DEFAULT_MODEL.name}: {'here' if model.exists() else 'fetched at the first run'}"


def _refactor() -> Iterator[str]:
    from llmtui.cli.doctor_refactor import readiness

    yield readiness()


def _terminal() -> Iterator[str]:
    import os
    import shutil

    from llmtui.tui.profile import ProfileError, detect_here

    size = shutil.get_terminal_size()
    yield f"{size.columns}x{size.lines}, TERM={os.environ.get('TERM', 'not set')}"
    yield f"a screen is {'possible' if sys.stdin.isatty() and sys.stdout.isatty() else 'not possible: not a terminal'}"
    try:
        profile = detect_here()
    except ProfileError as error:
        yield str(error)
        return
    remote = "over SSH" if profile.remote else "local"
    mouse = "on" if profile.mouse else "off"
    yield f"{remote}: {1 / profile.frame_s:.0f} frames/s, {profile.tier} glyphs, mouse {mouse}"
    if profile.theme is not None:
        yield f"theme {profile.theme}"


def _folders() -> Iterator[str]:
    yield f"sessions: {_place(places.sessions_folder)}"
    yield f"settings: {places.settings_folder()}"
    yield f"models: {places.cache_folder() / 'models'}"
    yield f"tools: {places.tools_folder()}"
    yield f"notes of the engine: {places.state_folder()}"
    yield f"sockets: {_place(places.runtime_folder)}"


def _place(find: Callable[[], Path]) -> Path | str:
    try:
        return find()
    except places.PlaceError as error:
        return str(error)
