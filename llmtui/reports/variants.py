"""The variants of one session, and which of them were run. Pure."""

from llmtui.documents import DocumentError
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
