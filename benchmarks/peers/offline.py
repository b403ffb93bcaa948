"""Files that spare a peer its downloads: a tokenizer with one token a byte, a text to cut prompts from.

Both only shape prompts here; the tokens of an answer are counted by the server, or by the peer as it does by itself.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

BOOK_URL = "http://127.0.0.1/book.txt"
BOOK = "The keeper wrote down the weather four times a day, for one and thirty years. " * 2000


def write_tokenizer(folder: Path) -> Path:
    """Write a byte-level tokenizer in Hugging Face's format, and return its folder."""
    place = folder / "tokenizer"
    place.mkdir(exist_ok=True)
    (place / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))
    settings = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 1_000_000}
    (place / "tokenizer_config.json").write_text(json.dumps(settings))
    return place


def byte_tokenizer() -> dict[str, Any]:
    """Return the tokenizer: GPT-2's letters for the 256 bytes, and no merges."""
    split = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model: dict[str, Any] = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": {letter: place for place, letter in enumerate(_letters_of_bytes())},
        "merges": [],
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": split,
        "post_processor": None,
        "decoder": split,
        "model": model,
    }


def write_book(home: Path) -> None:
    """Put a text where llama-benchy keeps the book of `BOOK_URL` once it has fetched it."""
    place = home / ".cache" / "llama-benchy"
    place.mkdir(parents=True, exist_ok=True)
    name = hashlib.md5(BOOK_URL.encode(), usedforsecurity=False).hexdigest()
    (place / f"{name}.txt").write_text(BOOK)


def _letters_of_bytes() -> list[str]:
    """Return a visible letter for each byte, as GPT-2's vocabulary has them."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte if byte in visible else next(others)) for byte in range(256)]
