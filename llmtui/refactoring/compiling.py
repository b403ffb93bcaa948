"""Compiles a component by `vue-tsc` with strict settings, in a folder of its own, bounded in time and memory."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from llmtui import wording
from llmtui.refactoring.blocks import component_of
from llmtui.refactoring.declarations import checks_switched_off
from llmtui.refactoring.toolchain import Toolchain

OUTPUT_READ = 256 * 1024
"""Bytes of the compiler's output that are looked at."""

LONGEST_ERROR = 200
NICENESS = 10
SETTINGS: dict[str, Any] = {
    "compilerOptions": {
        "strict": True,
        "noEmit": True,
        "target": "ESNext",
        "module": "ESNext",
        "moduleResolution": "bundler",
        "lib": ["ESNext", "DOM", "DOM.Iterable"],
        # A component without types is JavaScript: unless that is checked as well, it compiles.
        "allowJs": True,
        "checkJs": True,
        "skipLibCheck": True,
        "types": [],
    },
    "vueCompilerOptions": {"strictTemplates": True},
    "files": ["component.vue"],
}

_ERROR = re.compile(
    r"^(?:(?P<file>[^\s(][^(]*)\((?P<line>\d+),\d+\): )?error (?P<code>TS\d+): (?P<text>.*)$", re.MULTILINE
)
_ENVIRONMENT_LEFT_OUT = frozenset({"NODE_OPTIONS", "NODE_PATH", "NODE_V8_COVERAGE"})


class Compiled(NamedTuple):
    """Whether a component compiles; else the first errors, the `total` of them, and where its files were kept."""

    ok: bool
    errors: tuple[str, ...] = ()
    total: int = 0
    kept: Path | None = None


async def compile_component(
    component: str,
    modules: Mapping[str, str],
    toolchain: Toolchain,
    *,
    within_s: float,
    memory_mib: int,
    root: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Compiled:
    """Compile `component` beside `modules`, in a new folder of `root` (None: the system's for temporary files).

    The folder is kept when the component does not compile. Cancelling ends the compiler. Raises `OSError` where the
    folder or the process can't be had.
    """
    refused = await asyncio.to_thread(_refused, component)
    if refused is not None:
        return Compiled(ok=False, errors=(refused,), total=1)
    folder = Path(tempfile.mkdtemp(prefix="llmtui-refactor-", dir=root))
    kept = False
    try:
        _lay_out(folder, component, modules, toolchain)
        code = await _run(folder, toolchain, within_s, memory_mib, _without_node(environ))
        if code == 0:
            return Compiled(ok=True)
        kept = True
        return _judged(folder, code, within_s, memory_mib)
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _refused(component: str) -> str | None:
    """Return why a component is not worth compiling: what is not checked has no errors."""
    parts = component_of(component)
    switched_off = checks_switched_off(parts)
    if switched_off is not None:
        return f"the checks are switched off by `{switched_off}`"
    if any("src" in block.attributes for block in parts.blocks):
        return "a part of the component stands in another file"
    return None


def _lay_out(folder: Path, component: str, modules: Mapping[str, str], toolchain: Toolchain) -> None:
    for name, text in {"component.vue": component, "tsconfig.json": json.dumps(SETTINGS, indent=2), **modules}.items():
        folder.joinpath(name).write_text(text, encoding="utf-8", errors="replace")
    folder.joinpath("node_modules").symlink_to(toolchain.folder / "node_modules", target_is_directory=True)


def _without_node(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without what would change the limits of Node.js or what it loads."""
    return {name: value for name, value in environ.items() if name not in _ENVIRONMENT_LEFT_OUT}


async def _run(
    folder: Path, toolchain: Toolchain, within_s: float, memory_mib: int, environ: Mapping[str, str]
) -> int | None:
    """Return the compiler's exit code, None where it had to be stopped."""
    command = [toolchain.node, f"--max-old-space-size={memory_mib}", str(toolchain.program)]
    with folder.joinpath("vue-tsc.txt").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            "--project",
            "tsconfig.json",
            "--pretty",
            "false",
            cwd=folder,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    # Whatever measures goes first.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, process.pid, NICENESS)
    try:
        async with asyncio.timeout(within_s):
            return await process.wait()
    except TimeoutError:
        return None
    finally:
        # The group, not the process alone: nothing that it started may stay.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        if process.returncode is None:
            await process.wait()


def _judged(folder: Path, code: int | None, within_s: float, memory_mib: int) -> Compiled:
    with folder.joinpath("vue-tsc.txt").open("rb") as output:
        said = output.read(OUTPUT_READ).decode("utf-8", "replace")
    errors = tuple(_sentence(found) for found in _ERROR.finditer(said))
    if code is None:
        errors = (f"the compiler was not done after {within_s:g} s and was stopped",)
    elif not errors and "heap out of memory" in said:
        errors = (f"the compiler needs more than {memory_mib} MiB of memory",)
    elif not errors:
        errors = (f"the compiler ended with code {code} and named no error",)
    return Compiled(ok=False, errors=errors, total=len(errors), kept=folder)


def _sentence(found: re.Match[str]) -> str:
    where = f"line {found['line']}: " if found["file"] == "component.vue" else ""
    text = wording.visible(found["text"])
    text = text if len(text) <= LONGEST_ERROR else f"{text[: LONGEST_ERROR - 3]}..."
    return f"{where}{text} ({found['code']})"
