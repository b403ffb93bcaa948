"""The rows of the home screen: suites, servers and sessions, and the line of the machine."""

from typing import NamedTuple

from llmtui import wording
from llmtui.events import HardwareSnapshot, Server
from llmtui.tui.widgets.rows import Row


class SuiteChoice(NamedTuple):
    """A suite to run; with `problem` it can't be."""

    name: str
    title: str
    targets: tuple[str, ...]
    problem: str | None = None


class SessionChoice(NamedTuple):
    """A session on the disk."""

    id: str
    state: str
    suite: str
    models: str
    problem: str | None = None
    verdicts: tuple[str, ...] = ()


def suite_row(choice: SuiteChoice) -> Row:
    """Return a suite, or what is wrong with it."""
    what = choice.problem or choice.title
    cells = (choice.name, wording.visible(what), ", ".join(choice.targets) or "detected servers")
    return Row(choice.name, cells, "bad" if choice.problem else "normal")


def server_row(server: Server) -> Row:
    """Return a server with its models, or its problem."""
    models = ", ".join(model.id for model in server.models) or server.problem or "no models"
    name = f"{server.kind} {server.version or ''}".strip()
    cells = (name, server.url, models)
    return Row(server.url, tuple(wording.visible(cell) for cell in cells), "warn" if server.problem else "normal")


def session_row(choice: SessionChoice) -> Row:
    """Return a session with its state."""
    tone = {"completed": "good", "running": "normal", "cut": "warn", "damaged": "bad", "failed": "bad"}.get(
        choice.state, "dim"
    )
    if tone == "good" and any(verdict == "not passed" or verdict.endswith(" failed") for verdict in choice.verdicts):
        tone = "warn"
    verdicts = ", ".join(choice.verdicts) or wording.NOTHING
    cells = (choice.id, choice.state, choice.suite, choice.problem or verdicts, choice.models or wording.NOTHING)
    return Row(choice.id, tuple(wording.visible(cell) for cell in cells), tone)


def machine_line(hardware: HardwareSnapshot) -> str:
    """Return the machine in one line."""
    parts = [f"llmtui  {hardware.hostname or 'this machine'}", hardware.cpu_model or "CPU unknown"]
    parts.append(f"{hardware.cores_physical or '?'} cores, {wording.size(hardware.ram)} RAM")
    parts += [f"{gpu.name} {wording.size(gpu.memory)}" for gpu in hardware.gpus] or ["no GPU"]
    return wording.visible("  ".join(parts))
