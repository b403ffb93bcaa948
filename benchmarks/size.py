"""What an installation takes on the disk, in a virtual environment made for it."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from llmtui.models.catalog import DEFAULT_MODEL

PIP = (sys.executable, "-m", "pip", "install", "-q")
ROOT = Path(__file__).parents[1]


def measure() -> Iterator[tuple[str, float, float | None, str]]:
    """Yield the sizes without and with the embedded server, pip itself left out."""
    yield "installed without extras", _installed(str(ROOT)), 90.0, "MB"
    yield (
        "installed with embedded, and the model",
        _installed(f"{ROOT}[embedded]") + DEFAULT_MODEL.size / 1e6,
        400.0,
        "MB",
    )


def _installed(what: str) -> float:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "install",
                "-q",
                "-c",
                str(ROOT / "constraints.txt"),
                "--target",
                folder,
                what,
            ],
            check=True,
            capture_output=True,
        )
        return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()) / 1e6
