"""Benchmarks are programs, no part of the package: their folder is looked in like that of a script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
