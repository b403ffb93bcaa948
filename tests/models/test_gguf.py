"""What a GGUF file says of itself, and that no damaged one is read for long or believed."""

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_files import (
    ARRAY,
    BOOL,
    FLOAT32,
    STRING,
    UINT32,
    UINT64,
    field,
    gguf,
    strings,
    tensor,
    text,
    tiny_gguf,
)

from llmtui.models.gguf import GgufError, GgufHead, read_gguf, read_head

TINY = tiny_gguf()
ARCHITECTURE = field("general.architecture", STRING, "llama")


def head(*fields, tensors=(), **changes) -> GgufHead:
    return read_head(io.BytesIO(gguf([ARCHITECTURE, *fields], list(tensors), **changes)))


def refusal(data: bytes) -> str:
    with pytest.raises(GgufError) as caught:
        read_head(io.BytesIO(data))
    return str(caught.value)


def test_the_head_describes_the_model():
    assert read_head(io.BytesIO(TINY)) == GgufHead(
        architecture="llama", name="Tiny", quantization="Q4_K_M", context=2048, parameters=38
    )


def test_what_is_not_said_is_unknown():
    assert head() == GgufHead(architecture="llama")


@pytest.mark.parametrize(("number", "name"), [(0, "F32"), (3, "Q4_1"), (1024 + 7, "Q8_0"), (4, None), (999, None)])
def test_the_quantization_has_its_usual_name(number, name):
    assert head(field("general.file_type", UINT32, number)).quantization == name


@pytest.mark.parametrize(
    ("kind", "value", "context"),
    [
        (UINT32, 4096, 4096),
        (UINT32, 0, None),
        (UINT64, 2**60, None),
        (BOOL, True, None),
        (STRING, "much", None),
        (FLOAT32, 1.5, None),
    ],
)
def test_a_context_length_that_is_none_stays_unknown(kind, value, context):
    assert head(field("llama.context_length", kind, value)).context == context


def test_the_context_of_another_architecture_does_not_count():
    assert head(field("clip.context_length", UINT32, 77)).context is None


def test_a_file_that_ends_before_its_last_tensor_is_damaged():
    whole = gguf([ARCHITECTURE], [tensor("a", (8,)), tensor("b", (8,), 32)], bytes(64))
    assert read_head(io.BytesIO(whole)).parameters == 16
    assert read_head(io.BytesIO(whole[:-31])).parameters == 16
    assert "ends before its last tensor" in refusal(whole[:-32])


def test_the_alignment_of_the_data_is_the_files_own():
    aligned = gguf([ARCHITECTURE, field("general.alignment", UINT32, 4096)], [tensor("a", (8,))], bytes(64))
    assert "ends before its last tensor" in refusal(aligned)
    assert read_head(io.BytesIO(aligned + bytes(4096))).parameters == 8


def test_a_head_that_was_cut_is_refused_at_every_byte():
    refusals = [refusal(TINY[:end]) for end in range(len(TINY) - 24)]
    assert set(refusals) == {
        "not a GGUF file",
        "damaged: the file ends in the middle of its head; fetch it again",
        "damaged: the file ends before its last tensor; fetch it again",
    }


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "not a GGUF file"),
        (b"\x7fELF" + bytes(60), "not a GGUF file"),
        (gguf([], [], version=1), "GGUF version 1 is not known; known are 2 and 3"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "GGUF version 50331648 is not known; known are 2 and 3"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63), "damaged: it claims to have more entries than any model"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**40, 0), "damaged: it claims to have more entries than any model"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**62), "damaged: a string in its head is longer than any real one"),
        (gguf([text("x") + struct.pack("<I", 77)], []), "damaged: there is no value type 77"),
        (gguf([text("x") + struct.pack("<IIQ", ARRAY, ARRAY, 1)], []), "damaged: an array that no model has"),
        (gguf([text("x") + struct.pack("<IIQ", ARRAY, STRING, 2**60)], []), "damaged: an array that no model has"),
        (
            gguf([text("x") + struct.pack("<IIQ", ARRAY, UINT64, 2**61)], []),
            "damaged: the file ends in the middle of its head; fetch it again",
        ),
        (gguf([], [tensor("a", (1,) * 9)]), "damaged: a tensor with more dimensions than any real one"),
        (gguf([], [tensor("a", (2**63, 2**63))]), "damaged: it claims to have more parameters than any model"),
    ],
)
def test_a_damaged_head_is_refused_in_one_sentence(data, sentence):
    assert refusal(data) == sentence


def test_the_vocabulary_is_passed_over_without_reading_past_it():
    assert head(strings("tokens", ["x"] * 1000), field("llama.context_length", UINT32, 512)).context == 512


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(GgufError, match="can't be read: Is a directory"):
        read_gguf(tmp_path)


class CountingFile(io.BytesIO):
    """Counts what a reader takes from it."""

    taken = 0

    def read(self, size=-1):
        data = super().read(size)
        self.taken += len(data)
        return data


@given(st.data())
def test_any_bytes_give_a_head_or_an_error_of_ours(data):
    position = data.draw(st.integers(0, len(TINY) - 1))
    patch = data.draw(st.binary(max_size=24))
    cut = data.draw(st.integers(0, len(TINY)))
    file = CountingFile((TINY[:position] + patch + TINY[position + len(patch) :])[:cut])
    with contextlib.suppress(GgufError):
        found = read_head(file)
        assert found.context is None or 0 < found.context <= 2**31
        assert found.parameters is None or 0 < found.parameters <= 10**15
    assert file.taken <= len(TINY)


@given(st.binary(max_size=400))
def test_any_bytes_behind_the_magic_give_a_head_or_an_error_of_ours(tail):
    file = CountingFile(b"GGUF\x03\x00\x00\x00" + tail)
    with contextlib.suppress(GgufError):
        read_head(file)
    assert file.taken <= len(tail) + 8
