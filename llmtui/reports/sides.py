"""What can be compared as the sides of a comparison: sessions, variants of one, and rows of one. Pure."""

from collections import defaultdict
from collections.abc import Collection, Hashable, Sequence

from llmtui.reports.compare_several import LETTERS, compare_all, comparisons_text
from llmtui.reports.differing import Side
from llmtui.reports.pairing import Sample, samples_of
from llmtui.reports.variants import variant_names
from llmtui.state.session import SessionState


class SidesError(Exception):
    """There are not two sides, or too many: one sentence."""


def lettered(sides: Sequence[Side]) -> list[Side]:
    """Return the sides with their letters, the first of them as A. Raises `SidesError`."""
    if len(sides) > len(LETTERS):
        raise SidesError(f"{len(sides)} sides are too many; compare {len(LETTERS)} at most")
    return [side._replace(letter=letter) for letter, side in zip(LETTERS, sides, strict=False)]


def whole_side(state: SessionState, name: str, jobs: Collection[str] | None = None, variant: str | None = None) -> Side:
    """Return a session, or these jobs of it, or this variant, as a side without a letter yet."""
    if jobs is not None:
        name = f"{name}:{','.join(jobs)}"
    if variant is not None:
        name = f"{name}@{variant}" if name else variant
    return Side("", name, state, samples_of(state, jobs, variant))


def variant_sides(state: SessionState, name: str) -> list[Side]:
    """Return the variants of a session, in the order of its suite. Raises `SidesError` for fewer than two.

    Jobs that were cloned with another parameter are variants beside those that they were cloned from, which come first.
    """
    known = variant_names(state)
    origins = _origins(state)
    unchanged = [whole_side(state, "", origins)._replace(name=UNCHANGED)] if origins else []
    sides = [side for side in unchanged if side.samples]
    sides += [side for variant in known if (side := whole_side(state, name, variant=variant)).samples]
    if len(sides) < 2:  # noqa: PLR2004 - a comparison has two sides
        raise SidesError(f"{name} ran no variants that could be compared")
    return lettered(sides)


UNCHANGED = "unchanged"
"""The side of jobs of no variant of which others are clones."""


def _origins(state: SessionState) -> list[str]:
    """Return the jobs of no variant that measure the same as one that was cloned."""
    plans = {job.id: job.plan for job in state.jobs.values() if job.plan is not None}
    cloned = [plans[plan.clone_of] for plan in plans.values() if plan.clone_of in plans]
    known = {(plan.target, plan.model, plan.workload, plan.load) for plan in cloned if plan.variant is None}
    return [
        name
        for name, plan in plans.items()
        if plan.variant is None and (plan.target, plan.model, plan.workload, plan.load) in known
    ]


def compare_variants(state: SessionState, width: int | None = None) -> list[str]:
    """Return the comparison of every variant with the first one; a sentence when there are none to compare.

    No table is wider than `width`; None is any width.
    """
    try:
        return comparisons_text(compare_all(variant_sides(state, "")), width)
    except SidesError:
        return ["This session has no variants; give its suite `variants`, or compare two sessions: llmtui compare A B"]


def row_sides(state: SessionState, name: str, jobs: Sequence[str]) -> list[Side]:
    """Return these rows of a session as sides; the first row belongs to the baseline.

    Rows of one setup with the same parameters are the iterations of one side; where all of them are, each row is a side
    of its own. Raises `SidesError` where fewer than two rows measured anything.
    """
    groups = _groups(state, jobs)
    if len(groups) < 2:  # noqa: PLR2004 - a comparison has two sides
        groups = [[job] for job in jobs if samples_of(state, [job])]
    if len(groups) < 2:  # noqa: PLR2004 - a comparison has two sides
        raise SidesError("fewer than two of these rows measured anything; select others with space")
    return lettered([whole_side(state, name, group) for group in groups])


def _groups(state: SessionState, jobs: Sequence[str]) -> list[list[str]]:
    groups: dict[Hashable, list[str]] = defaultdict(list)
    alike: dict[Hashable, int] = defaultdict(int)
    for sample in samples_of(state, jobs):
        kind = (sample.workload, sample.load, sample.setup)
        # The same workload once more with other parameters is another side.
        group = groups[sample.setup, alike[kind]]
        alike[kind] += 1
        group += [job for job in _jobs(sample) if job not in group]
    order = {job: place for place, job in enumerate(jobs)}
    each = [sorted(group, key=order.__getitem__) for group in groups.values()]
    return sorted(each, key=lambda group: order[group[0]])


def _jobs(sample: Sample) -> list[str]:
    return list(dict.fromkeys(run.result.job for run in sample.runs))
