"""Keeps each GPU at the number that it has in the session, whatever number a restarted sampler gives it.

Without a view of the PCI bus a sampler counts GPUs as the driver does, and a driver that was started anew, or that has
lost a card, counts them otherwise. What stays is a GPU's UUID.
"""

import re
from collections.abc import Collection, Mapping
from typing import TypeVar

from llmtui.events import Gpu, HardwareSnapshot

GONE = "the sampler does not find this GPU any more"

_KEY = re.compile(r"gpu\.(\d+)\.")

T = TypeVar("T")


class GpuPlaces:
    """The GPUs of a session by their UUID, and the way from the sampler's numbers to the session's."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._known: set[int] = set()
        self._moves: dict[int, int] = {}
        self._keys: dict[int, set[str]] = {}

    def know(self, hardware: HardwareSnapshot) -> dict[str, str]:
        """Take a snapshot, whose numbers hold from now on; return a reason for each figure of a GPU that is gone."""
        numbers = {gpu.index: self._numbers[gpu.uuid] for gpu in hardware.gpus if gpu.uuid in self._numbers}
        for gpu in hardware.gpus:
            if gpu.index not in numbers:
                numbers[gpu.index] = self._place_of(gpu, set(numbers.values()))
            if gpu.uuid is not None:
                self._numbers[gpu.uuid] = numbers[gpu.index]
        self._known |= set(numbers.values())
        self._moves = {theirs: ours for theirs, ours in numbers.items() if theirs != ours}
        gone = self._known - set(numbers.values())
        return {key: GONE for number in sorted(gone) for key in sorted(self._keys.get(number, ()))}

    def rename(self, figures: Mapping[str, T]) -> dict[str, T]:
        """Return figures under the session's numbers."""
        found = {self._renamed(key): value for key, value in figures.items()} if self._moves else dict(figures)
        for key in found:
            if (match := _KEY.match(key)) is not None:
                self._keys.setdefault(int(match[1]), set()).add(key)
        return found

    def _place_of(self, gpu: Gpu, taken: Collection[int]) -> int:
        """Return the number of a GPU that is not known by its UUID: its own, unless that belongs to another one."""
        others = self._numbers.values() if gpu.uuid is not None else ()
        if gpu.index not in taken and gpu.index not in others:
            return gpu.index
        return max([*self._known, *taken, *self._numbers.values()]) + 1

    def _renamed(self, key: str) -> str:
        match = _KEY.match(key)
        ours = self._moves.get(int(match[1])) if match is not None else None
        return key if match is None or ours is None else f"gpu.{ours}.{key[match.end() :]}"
