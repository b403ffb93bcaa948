"""The variants of one session against the first of them, as lines: for the end of a run, and for the screen."""

from llmtui.documents import DocumentError
from llmtui.reports.compare import compare_sessions, report_text
from llmtui.reports.pairing import pair_up, samples_of
from llmtui.state.session import SessionState
from llmtui.suites.reading import read_suite


def variant_names(state: SessionState) -> list[str]:
    """Return the variants that were run, in the order of the suite: the jobs take turns in a drawn one."""
    named = (job.plan.variant for job in state.jobs.values() if job.plan is not None)
    run = list(dict.fromkeys(variant for variant in named if variant is not None))
    if state.header is None:
        return run
    try:
        suite = read_suite(state.header.suite, "the suite", state.header.overrides)
    except DocumentError:
        # A suite of another version of llmtui may be none any more.
        return run
    order = [variant.name for variant in suite.variants]
    return sorted(run, key=lambda name: order.index(name) if name in order else len(order))


def compare_variants(state: SessionState) -> list[str]:
    """Return the comparison of every variant with the first one; a sentence when there are none to compare."""
    base, *others = variant_names(state) or [""]
    if not others:
        return ["This session has no variants; give its suite `variants`, or compare two sessions: llmtui compare A B"]
    first = samples_of(state, variant=base)
    lines: list[str] = []
    for name in others:
        pairing = pair_up(first, samples_of(state, variant=name))
        lines += [
            "",
            f"{name} against {base}",
            *report_text(compare_sessions(state, state, pairing, names=(base, name))),
        ]
    return lines[1:]
