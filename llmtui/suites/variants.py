"""Variants of a suite: what each changes, and the balanced order in which they take turns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from llmtui.documents import DocumentError, type_problem
from llmtui.suites.paths import set_path
from llmtui.suites.schema import Embedded, Suite, Variant, Workload

if TYPE_CHECKING:
    from random import Random

W = TypeVar("W", bound=Workload)


def fits(workload: Workload, key: str) -> bool:
    """Whether a workload has what the path `key` of a variant's `set` begins with."""
    return key.partition(".")[0] in workload.__struct_fields__


def varied(workload: W, variant: Variant) -> W:
    """Return `workload` as the variant wants it; keys that it does not have are for others. Raises `DocumentError`."""
    document: dict[str, Any] = msgspec.to_builtins(workload)
    for key, value in variant.set.items():
        if fits(workload, key):
            set_path(document, key, value, f"variant `{variant.name}`")
    if variant.options and "options" in document:
        document["options"] = {**document["options"], **variant.options}
    try:
        return msgspec.convert(document, type(workload))
    except msgspec.ValidationError as error:
        raise DocumentError(f"variant `{variant.name}`: {type_problem(error)}") from None


def embedded_of(suite: Suite, variant: Variant | None) -> Embedded:
    """Return how a variant wants the embedded server to be started. Raises `DocumentError`."""
    if variant is None or not variant.embedded:
        return suite.embedded
    try:
        return msgspec.convert({**msgspec.to_builtins(suite.embedded), **variant.embedded}, Embedded)
    except msgspec.ValidationError as error:
        raise DocumentError(f"variant `{variant.name}`: `embedded`: {type_problem(error)}") from None


def options_set(variant: Variant) -> dict[str, Any]:
    """Return the options of requests that a variant sets, in whichever way it does."""
    options: dict[str, Any] = {}
    for key, value in variant.set.items():
        room, _, name = key.partition(".")
        if room == "options":
            options.update({name: value} if name else value if isinstance(value, dict) else {})
    return {**options, **variant.options}


def balanced_order(count: int, rounds: int, seed: int) -> list[list[int]]:
    """Return for each round the order of `count` variants, so that none profits from its place.

    Two variants go ABBA or BAAB, drawn for each pair of rounds, which cancels a linear drift of the machine; more of
    them go by Latin squares with drawn symbols and rows, in which each variant stands once at each place.
    """
    from random import Random  # noqa: PLC0415 - a suite without variants draws nothing

    draw = Random(seed)  # noqa: S311 - a repeatable order, not a secret
    orders: list[list[int]] = []
    while len(orders) < rounds:
        orders += _block(count, draw)
    return orders[:rounds]


def _block(count: int, draw: "Random") -> Sequence[list[int]]:
    symbols = list(range(count))
    draw.shuffle(symbols)
    square = [symbols[place:] + symbols[:place] for place in range(count)]
    if count > 2:  # noqa: PLR2004 - two rows are ABBA in the order in which they were drawn
        draw.shuffle(square)
    return square
