"""Rates what a job measured against its thresholds, and reads single figures in plain words. Pure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from llmtui import wording
from llmtui.metrics.rating_tables import LEVELS, SCALES, Level, Sense, Threshold

ROUNDING = 1e-9
"""What the arithmetic of a margin may lose: 2.4 beats 2 by 20 %, and 0.4 / 2 is a little less than 0.2."""


class Kept(NamedTuple):
    """A threshold with what was measured; `missing` says why a `value` is None."""

    threshold: Threshold
    value: float | None
    limit: float | None
    missing: str | None = None


class Rating(NamedTuple):
    """The level of a job, and the sentence with the figure that decided it; a level that is None has its reason."""

    level: Level | None
    sentence: str

    @property
    def recommendable(self) -> bool:
        """Whether the thresholds were kept."""
        return self.level in {"excellent", "good", "acceptable"}


def rate(kept: Sequence[Kept], failed: str | None = None) -> Rating:
    """Return the level of a job: its weakest threshold decides. `failed` is why the job itself failed."""
    if failed is not None:
        return Rating("failed", failed)
    if not kept:
        return Rating(None, "it has no thresholds")
    margins = []
    for each in kept:
        found = (
            None if each.value is None or each.limit is None else margin(each.value, each.limit, each.threshold.sense)
        )
        if found is None:
            return Rating(None, f"{each.threshold.label}: {each.missing or 'there is no limit to compare with'}")
        margins.append((found, each))
    weakest, decided = min(margins, key=lambda item: item[0])
    level: Level = next((level for level, least in LEVELS if weakest >= least - ROUNDING), "failed")
    return Rating(level, _sentence(decided, weakest))


def margin(value: float, limit: float, sense: Sense) -> float | None:
    """Return by which share a threshold was beaten; negative where it was missed, None for what is no number.

    A limit is beaten by 50 % at half of an upper one and at one and a half of a lower one. A share in percent has less
    room the higher its mark: it is beaten by 50 % when half of the answers that it allows to be wrong are right.
    """
    if not (math.isfinite(value) and math.isfinite(limit)) or limit <= 0:
        return None
    if sense == "at most":
        return (limit - value) / limit
    if sense == "at least" or value < limit:
        return (value - limit) / limit
    return 1.0 if limit >= 100 else (value - limit) / (100 - limit)  # noqa: PLR2004 - percent


def plain_words(figure: str, value: float) -> str | None:
    """Return what a value means in plain words; None for a figure that has no scale."""
    scale = SCALES.get(figure)
    if scale is None or not math.isfinite(value):
        return None
    return next(band.words for band in scale.bands if band.below is None or value < band.below)


def value_text(figure: str, value: float) -> str:
    """Return a value with its unit, as people read it."""
    if figure.endswith("_s"):
        return wording.duration(value * 1e9)
    if figure == "memory":
        return wording.size(value)
    if figure.startswith("right_"):
        return f"{value:.0f} %"
    if figure == "variation":
        return wording.percent(value, 1)
    if figure == "temperature":
        return f"{value:.0f} °C"
    return str(int(value)) if figure == "usable_context" else wording.number(value)


def _sentence(decided: Kept, beaten: float) -> str:
    threshold, value, limit = decided.threshold, decided.value or 0.0, decided.limit or 0.0
    bound = "at least" if threshold.sense != "at most" else "at most"
    by = wording.percent(abs(beaten))
    how = "kept exactly" if beaten == 0 else f"beaten by {by}" if beaten > 0 else f"missed by {by}"
    told, limit_told = value_text(threshold.figure, value), value_text(threshold.figure, limit)
    return f"{threshold.label} {told}, {bound} {limit_told}: {how}"
