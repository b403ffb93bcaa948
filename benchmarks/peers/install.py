"""Makes each peer's own virtual environment, once, under the user's cache."""

import subprocess
import sys
from pathlib import Path

from peers.shape import Peer, PeerError

ROOT = Path(__file__).resolve().parents[2]
MARK = "requirement.txt"
LIMIT_S = 1800.0


def programs_of(peer: Peer, cache: Path) -> Path:
    """Return the folder of the peer's programs, and install it first if need be. `PeerError` with pip's last words.

    llmtui itself is installed anew each time, from the tree that this file stands in.
    """
    folder = cache / "peers" / peer.name
    mark, own = folder / MARK, peer.requirement == str(ROOT)
    installed = mark.is_file() and mark.read_text() == peer.requirement
    if not installed:
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
    if not installed or own:
        pip = [f"{folder}/bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        if own:
            pip += ["--constraint", str(ROOT / "constraints.txt"), "--no-cache-dir"]
        if own and installed:
            pip += ["--force-reinstall", "--no-deps"]
        _run([*pip, peer.requirement])
        mark.write_text(peer.requirement)
    return folder / "bin"


def size_of(programs: Path) -> int:
    """Return the bytes of an installed peer, with all that it needs but Python itself."""
    return sum(file.lstat().st_size for file in programs.parent.rglob("*") if file.is_file() and not file.is_symlink())


def _run(command: list[str]) -> None:
    print("  " + " ".join(command[-6:]), file=sys.stderr, flush=True)
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerError(f"it could not be installed: {error}") from None
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines() or ["pip said nothing"]
        raise PeerError(f"it could not be installed: {words[-1]}")
