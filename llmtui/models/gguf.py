"""Reading the head of a GGUF file: what model it holds. Bounded, so that a damaged file costs neither memory nor time.

The format is described in the ggml project, docs/gguf.md.
"""

import io
import math
import struct
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_ENTRIES = 100_000
"""Keys, and tensors, of one model."""
MOST_ITEMS = 10_000_000
"""Strings of one array; the largest vocabularies have a few hundred thousand."""
LONGEST_STRING = 16 * 1024 * 1024
MOST_DIMENSIONS = 8
MOST_PARAMETERS = 10**15
LONGEST_CONTEXT = 2**31
DEFAULT_ALIGNMENT = 32

_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_U32, _STRING, _ARRAY, _U64 = 4, 8, 9, 10

# The values of `general.file_type` as llama.cpp numbers them (enum llama_ftype).
_FILE_TYPES = {
    0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S",
    12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K",
    19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL",
    26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16",
    36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4",
}  # fmt: skip
_GUESSED = 1024  # llama.cpp's mark on a file type that it inferred from the tensors


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
    """Read the head from the beginning of the seekable `file`. Raises `GgufError`."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if file.read(4) != MAGIC:
        raise GgufError("not a GGUF file")
    version = _number(file, _U32)
    if version not in VERSIONS:
        raise GgufError(f"GGUF version {version} is not known; known are 2 and 3")
    tensors, keys = _number(file, _U64), _number(file, _U64)
    if keys > MOST_ENTRIES or tensors > MOST_ENTRIES:
        raise GgufError("damaged: it claims to have more entries than any model")
    values = _metadata(file, keys, size)
    parameters = _parameters(file, tensors, size, _positive(values.get("general.alignment"), 2**20))
    architecture = _text(values.get("general.architecture"))
    return GgufHead(
        architecture=architecture,
        name=_text(values.get("general.name")),
        quantization=_quantization(values.get("general.file_type")),
        context=_positive(values.get(f"{architecture}.context_length"), LONGEST_CONTEXT),
        parameters=parameters,
    )


def _metadata(file: BinaryIO, keys: int, size: int) -> dict[str, Any]:
    """Return the few values that describe the model; the others, such as the vocabulary, are passed over."""
    values: dict[str, Any] = {}
    for _ in range(keys):
        key = _string(file)
        kind = _number(file, _U32)
        if kind == _ARRAY:
            _skip_array(file, size)
            continue
        value = _string(file) if kind == _STRING else _number(file, kind)
        if key.startswith("general.") or key.endswith(".context_length"):
            values[key] = value
    return values


def _parameters(file: BinaryIO, tensors: int, size: int, alignment: int | None) -> int | None:
    """Count the elements of all tensors, and check that the last tensor begins before the file's end."""
    parameters, last = 0, -1
    for _ in range(tensors):
        elements, offset = _tensor(file)
        parameters += elements
        last = max(last, offset)
    if parameters > MOST_PARAMETERS:
        raise GgufError("damaged: it claims to have more parameters than any model")
    step = alignment or DEFAULT_ALIGNMENT
    data = -(-file.tell() // step) * step
    if last >= 0 and data + last >= size:
        raise GgufError("damaged: the file ends before its last tensor; fetch it again")
    return parameters or None


def _tensor(file: BinaryIO) -> tuple[int, int]:
    """Read the entry of one tensor; return how many elements it has, and where it begins in the data."""
    _string(file)
    dimensions = _number(file, _U32)
    if dimensions > MOST_DIMENSIONS:
        raise GgufError("damaged: a tensor with more dimensions than any real one")
    elements = math.prod([_number(file, _U64) for _ in range(dimensions)])
    _number(file, _U32)
    return elements, _number(file, _U64)


def _skip_array(file: BinaryIO, size: int) -> None:
    """Pass over an array without building it."""
    kind, count = _number(file, _U32), _number(file, _U64)
    layout = _NUMBERS.get(kind)
    if layout is not None:
        length = count * struct.calcsize(layout)
        if length > size - file.tell():
            raise GgufError("damaged: the file ends in the middle of its head; fetch it again")
        file.seek(length, io.SEEK_CUR)
        return
    if kind != _STRING or count > MOST_ITEMS:
        raise GgufError("damaged: an array that no model has")
    for _ in range(count):
        _string_bytes(file)


def _bytes(file: BinaryIO, count: int) -> bytes:
    data = file.read(count)
    if len(data) < count:
        raise GgufError("damaged: the file ends in the middle of its head; fetch it again")
    return data


def _number(file: BinaryIO, kind: int) -> Any:
    layout = _NUMBERS.get(kind)
    if layout is None:
        raise GgufError(f"damaged: there is no value type {kind}")
    return struct.unpack(layout, _bytes(file, struct.calcsize(layout)))[0]


def _string(file: BinaryIO) -> str:
    return _string_bytes(file).decode("utf-8", "replace")


def _string_bytes(file: BinaryIO) -> bytes:
    length = _number(file, _U64)
    if length > LONGEST_STRING:
        raise GgufError("damaged: a string in its head is longer than any real one")
    return _bytes(file, length)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _positive(value: object, most: int) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= most else None


def _quantization(value: object) -> str | None:
    return _FILE_TYPES.get(value & ~_GUESSED) if isinstance(value, int) else None
