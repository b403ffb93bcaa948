"""How alike several answers to one prompt are. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from llmtui.metrics.edit_distance import normalized_distance


class Likeness(NamedTuple):
    """One answer among others: its mean normalised edit distance to them (0 to 1), and whether it is the usual one."""

    distance: float
    usual: bool


def likenesses(answers: Sequence[str]) -> list[Likeness]:
    """Return for each answer how far it is from the others; the mean over all is the mean over all pairs.

    The usual answer is the one that came most often, the first of those that came equally often; where no two answers
    are the same, none is usual. An answer alone has no distance to any other.
    """
    if not answers:
        return []
    counts = Counter(answers)
    usual, times = counts.most_common(1)[0]
    different = list(counts)
    # Equal answers share their distances: at temperature 0 there are few different ones.
    apart = {
        (one, other): normalized_distance(one, other)
        for place, one in enumerate(different)
        for other in different[place + 1 :]
    }
    others = len(answers) - 1
    means = {
        one: sum(counts[other] * apart.get((one, other), apart.get((other, one), 0.0)) for other in different)
        / max(1, others)
        for one in different
    }
    return [Likeness(means[answer], answer == usual and (times > 1 or not others)) for answer in answers]
