"""The compiler `vue-tsc`: found, and installed by npm in exactly the versions that `vue-tsc/package-lock.json` pins."""

import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from llmtui import places

LEAST_NODE = 20
"""The oldest Node.js with which the compiler is known to work."""

FIX = "llmtui doctor --fix refactor"
INSTALL_WITHIN_S = 300.0
ANSWER_WITHIN_S = 20.0
PACKAGES = ("vue-tsc", "typescript", "vue")
"""Those that are asked for by name; what they need comes along."""

_MANIFESTS = ("package.json", "package-lock.json")
_UNREACHABLE = re.compile(
    r"\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENOTCACHED"
    r"|UNABLE_TO_\w+|SELF_SIGNED_\w+|CERT_\w+)\b"
)
_CODE = re.compile(r"\bcode (E[A-Z0-9_]+)")

_REASONS = {
    ("EINTEGRITY",): "a package that npm fetched is not the pinned one, its hash differs; clear npm's cache",
    ("ENOSPC",): "there is no room for the 50 MB of vue-tsc; make room or name another folder by LLMTUI_TOOLS",
    ("EACCES", "EPERM", "EROFS"): "npm can't write its files; see to its cache folder",
    ("E401", "E403"): "npm's registry refuses the packages; see to npm's settings",
    ("E404", "ETARGET"): "npm's registry does not have the pinned packages; name another one in npm's settings",
}


class ToolchainError(Exception):
    """The compiler can't be used or installed: one sentence that says why and what to do."""


class Toolchain(NamedTuple):
    """A compiler that is ready: the program of Node.js, and the folder that has `node_modules`."""

    node: str
    node_version: str
    folder: Path

    @property
    def program(self) -> Path:
        """The script to run with Node.js."""
        return self.folder / "node_modules" / "vue-tsc" / "bin" / "vue-tsc.js"


def toolchain_folder() -> Path:
    """Return the folder into which the compiler is installed."""
    return places.tools_folder() / "vue-tsc"


def missing_support() -> str | None:
    """Return what is to be done before syntax trees can be had, None where nothing is."""
    if all(find_spec(name) is not None for name in ("tree_sitter", "tree_sitter_typescript")):
        return None
    return "the parser of TypeScript is not installed; run: pip install 'llmtui[refactor]'"


def pinned_versions() -> dict[str, str]:
    """Return the version of each package that is asked for by name."""
    manifest = json.loads(files("llmtui.refactoring").joinpath("vue-tsc", "package.json").read_text(encoding="utf-8"))
    return {package: manifest["dependencies"][package] for package in PACKAGES}


def find_toolchain(folder: Path, node: str = "node") -> Toolchain:
    """Return the compiler in `folder` with the program `node`. Raises `ToolchainError`."""
    program, version = _find_node(node)
    for package, pinned in pinned_versions().items():
        found = _installed_version(folder, package)
        if found is None:
            raise ToolchainError(f"{package} is not installed; run: {FIX}")
        if found != pinned:
            raise ToolchainError(f"{package} {found} is installed, and {pinned} is needed; run: {FIX}")
    return Toolchain(program, version, folder)


def install_toolchain(
    folder: Path,
    *,
    node: str = "node",
    npm: str = "npm",
    within_s: float = INSTALL_WITHIN_S,
    on_note: Callable[[str], None] = lambda _note: None,
) -> Toolchain:
    """Install the compiler into `folder` unless it is there; two processes at once do it once.

    What a failed try left is removed, and what was there before stays. Raises `ToolchainError`.
    """
    _find_node(node)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(f"{folder.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                return find_toolchain(folder, node)
            except ToolchainError:
                on_note(f"npm installs vue-tsc {pinned_versions()['vue-tsc']} into {folder} (some 50 MB)")
            _install(folder, npm, within_s)
            return find_toolchain(folder, node)
    except OSError as error:
        raise ToolchainError(
            f"vue-tsc can't be installed into {folder}: {error.strerror}; name another folder by LLMTUI_TOOLS"
        ) from None


def _install(folder: Path, npm: str, within_s: float) -> None:
    program = shutil.which(npm)
    if program is None:
        raise ToolchainError(f"npm is not installed, though Node.js is; install npm, then run: {FIX}")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    try:
        for name in _MANIFESTS:
            text = files("llmtui.refactoring").joinpath("vue-tsc", name).read_text(encoding="utf-8")
            part.joinpath(name).write_text(text, encoding="utf-8")
        _run_npm(program, part, within_s)
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run_npm(program: str, folder: Path, within_s: float) -> None:
    # No scripts of packages: the compiler needs none, and what is not run can do nothing.
    command = [program, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress", "--loglevel=error"]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        raise ToolchainError(
            f"npm was not done after {within_s:g} s and was stopped; see whether its registry can be reached, "
            f"then run: {FIX}"
        ) from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        raise ToolchainError(_why_not(said, process.returncode))


def _why_not(said: str, code: int) -> str:
    """Return what npm's output means. Its own lines name hosts and may hold the user's password: not quoted."""
    found = _CODE.search(said)
    told = found[1] if found else ""
    for codes, sentence in _REASONS.items():
        if told in codes:
            return f"{sentence} ({told}), then run: {FIX}"
    if _UNREACHABLE.search(said):
        return f"npm can't reach its registry; see to the network or to npm's proxy settings, then run: {FIX}"
    return f"npm ended with code {code}{f' ({told})' if told else ''}; see its own log, then run: {FIX}"


def _find_node(node: str) -> tuple[str, str]:
    """Return the path of Node.js and its version. Raises `ToolchainError`."""
    program = shutil.which(node)
    if program is None:
        raise ToolchainError(f"Node.js is not installed; install version {LEAST_NODE} or newer, then run: {FIX}")
    try:
        said = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=ANSWER_WITHIN_S,
            check=False,
            stdin=subprocess.DEVNULL,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        said = ""
    found = re.match(r"v(\d{1,4})\.[\d.]{1,20}", said)
    if found is None:
        raise ToolchainError(f"{program} does not say its version; install Node.js {LEAST_NODE} or newer anew")
    if int(found[1]) < LEAST_NODE:
        raise ToolchainError(f"Node.js {found[0][1:]} is too old; install version {LEAST_NODE} or newer")
    return program, found[0][1:]


def _installed_version(folder: Path, package: str) -> str | None:
    try:
        manifest = json.loads((folder / "node_modules" / package / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    version = manifest.get("version") if isinstance(manifest, dict) else None
    return version if isinstance(version, str) else None
