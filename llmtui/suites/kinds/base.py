"""What all kinds of workload share in a suite."""

from typing import Any

import msgspec


class Workload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag=str.lower):
    """What all kinds of workload share: `name` is what the queue and the results show."""

    name: str = ""

    @property
    def planned_requests(self) -> int:
        """How many measured requests a job of this kind plans; 0 where that is open."""
        return 0


class Generating(Workload, frozen=True, kw_only=True):
    """What the kinds that ask a model for text share. `options` go to the backend as they are."""

    system: str | None = None
    max_tokens: int = 128
    temperature: float | None = 0.0
    seed: int | None = 42
    stop: tuple[str, ...] = ()
    options: dict[str, Any] = {}


def workload_name(workload: Workload, place: int) -> str:
    """Return what the queue calls the workload at `place` (from 0) of its suite."""
    return workload.name or f"{workload.__struct_config__.tag} {place + 1}"
