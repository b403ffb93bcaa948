"""The garbage collector, kept off while much is made that stays."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_off() -> Iterator[None]:
    """Keep the collector off: it would walk a million new objects, all in use, again and again."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@contextmanager
def loading() -> Iterator[None]:
    """Keep the collector off while modules are loaded, and have it walk none of them later: they stay."""
    with collector_off():
        yield
        gc.freeze()
