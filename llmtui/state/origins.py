"""Where a session and its jobs come from, in words: what they repeat, and what was changed."""

from llmtui.events import JobQueued, SessionOpened


def parent_text(header: SessionOpened | None) -> str:
    """Return which jobs of which session a session repeats, and what it changed; empty where it repeats none."""
    if header is None or header.parent is None:
        return ""
    changed = ", ".join(f"{key}={value}" for key, value in header.changes.items())
    return f"{', '.join(header.parent_jobs)} of {header.parent}{f' with {changed}' if changed else ''}"


def origin_text(header: SessionOpened | None, plan: JobQueued) -> str:
    """Return which job a job repeats or was cloned from; empty where it stands for itself."""
    if plan.rerun_of is not None:
        return f"a further run of {plan.rerun_of}"
    if plan.clone_of is not None:
        return f"a clone of {plan.clone_of}"
    if plan.parent_job is not None:
        parent = header.parent if header is not None and header.parent is not None else "another session"
        return f"a further run of {plan.parent_job} of {parent}"
    return ""
