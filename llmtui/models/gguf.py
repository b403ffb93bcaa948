"""Reading the head of a GGUF file: what model it holds. Bounded, so that a damaged file costs neither memory nor time.

The format is described in the ggml project, docs/gguf.md.
"""

import io
import struct
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

MAGIC = b"GGUF"
VERSIONS = range(2, 4)
MOST_KEYS = 100_000
MOST_TENSORS = 100_000
LONGEST_STRING = 16 * 1024 * 1024
MOST_DIMENSIONS = 8

_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9

# The values of `general.file_type` as llama.cpp numbers them (enum llama_ftype).
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip


class GgufError(Exception):
    """A file that is no GGUF that can be read: what is wrong with it."""


class GgufHead(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's file says of itself; `parameters` is the number of elements in all tensors."""

    architecture: str | None = None
    name: str | None = None
    quantization: str | None = None
    context: int | None = None
    parameters: int | None = None


def read_gguf(path: Path) -> GgufHead:
    """Read the head of the file at `path`. Raises `GgufError`."""
    try:
        with path.open("rb") as file:
            return read_head(file)
    except OSError as error:
        raise GgufError(f"can't be read: {error.strerror}") from None


def read_head(file: BinaryIO) -> GgufHead:
    """Read the head from the beginning of `file`. Raises `GgufError`."""
    if file.read(4) != MAGIC:
        raise GgufError("not a GGUF file")
    version = _number(file, 4)
    if version not in VERSIONS:
        raise GgufError(f"GGUF version {version} is not known; known are 2 and 3")
    tensors, keys = _number(file, 10), _number(file, 10)
    if keys > MOST_KEYS or tensors > MOST_TENSORS:
        raise GgufError("damaged: it claims to have more entries than any model")
    values: dict[str, Any] = {}
    for _ in range(keys):
        key = _string(file)
        value = _value(file, _number(file, 4))
        if key.startswith("general.") or key.endswith(".context_length"):
            values[key] = value
    architecture = values.get("general.architecture")
    return GgufHead(
        architecture=_text(architecture),
        name=_text(values.get("general.name")),
        quantization=_FILE_TYPES.get(values.get("general.file_type", -1)),
        context=_whole(values.get(f"{architecture}.context_length")),
        parameters=sum(_elements(file) for _ in range(tensors)) or None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _bytes(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise GgufError("damaged: the file ends in the middle of its head")
    return data


def _number(file: BinaryIO, kind: int) -> Any:
    layout = _NUMBERS.get(kind)
    if layout is None:
        raise GgufError(f"damaged: there is no value type {kind}")
    return struct.unpack(layout, _bytes(file, struct.calcsize(layout)))[0]


def _string(file: BinaryIO) -> str:
    length = _number(file, 10)
    if length > LONGEST_STRING:
        raise GgufError("damaged: a string in its head is longer than any real one")
    return _bytes(file, length).decode("utf-8", "replace")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        _skip_array(file)
        return None
    return _number(file, kind)


def _skip_array(file: BinaryIO) -> None:
    """Pass over an array, such as the vocabulary, without building it."""
    kind, count = _number(file, 4), _number(file, 10)
    layout = _NUMBERS.get(kind)
    if layout is not None:
        file.seek(count * struct.calcsize(layout), io.SEEK_CUR)
        return
    if kind != _STRING:
        raise GgufError("damaged: an array of arrays")
    for _ in range(count):
        length = _number(file, 10)
        if length > LONGEST_STRING:
            raise GgufError("damaged: a string in its head is longer than any real one")
        _bytes(file, length)


def _elements(file: BinaryIO) -> int:
    """Read the entry of one tensor and return how many elements it has."""
    _string(file)
    dimensions = _number(file, 4)
    if dimensions > MOST_DIMENSIONS:
        raise GgufError("damaged: a tensor with more dimensions than any real one")
    count = 1
    for _ in range(dimensions):
        count *= _number(file, 10)
    _number(file, 4)
    _number(file, 10)
    return count
