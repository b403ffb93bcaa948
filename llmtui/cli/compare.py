"""`llmtui compare A B`: whether one session's figures differ from another's, with intervals and a verdict for each."""

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import click

from llmtui import places
from llmtui.events import TokensReceived
from llmtui.log.library import find_session
from llmtui.log.read import LogError, read_log
from llmtui.metrics.intervals import MARGIN
from llmtui.reports.compare import ComparisonReport, compare_sessions, report_text
from llmtui.reports.compare_data import report_data
from llmtui.reports.compared_figures import NAMES
from llmtui.reports.pairing import Sample, pair_up, samples_of
from llmtui.reports.variants import variant_names
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState

UNCOMPARED = 2
"""The exit code when nothing could be compared, so that 1 means "slower" and nothing else."""

_JOBS = re.compile(r"^(?P<session>.+):(?P<jobs>j\d+(?:,j\d+)*)$")
_VARIANT = re.compile(r"^(?P<session>.+)@(?P<variant>[^@/]+)$")


class _NotComparedError(click.ClickException):
    exit_code = UNCOMPARED


class Selection(NamedTuple):
    """A session as it was named, and which of its jobs are meant."""

    session: str
    jobs: tuple[str, ...] | None = None
    variant: str | None = None


@click.command("compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="[B]", required=False)
@click.option("--figure", "figures", multiple=True, type=click.Choice(NAMES), help="Only this figure; may be repeated.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 100),
    default=MARGIN * 100,
    show_default=True,
    metavar="PERCENT",
    help="What counts as the same.",
)
@click.option("--fail-on", type=click.Choice(["slower"]), help="Exit with code 1 when any figure of B is slower.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    first: str, second: str | None, figures: tuple[str, ...], margin: float, fail_on: str | None, *, as_json: bool
) -> None:
    """Compare session B with session A, workload by workload.

    A and B are sessions as `llmtui replay` takes them, or a part of one: SESSION:j1,j3 are these jobs, SESSION@NAME a
    variant. A alone compares its own variants with the first of them. Nothing comparable is exit code 2.
    """
    if not math.isfinite(margin):
        raise click.BadParameter("a margin is a number of percent", param_hint="--margin")
    reports = _compare(first, second, figures, margin / 100)
    _tell(reports, as_json=as_json)
    if not any(row.missing is None for report in reports for row in report.rows):
        raise SystemExit(UNCOMPARED)
    if fail_on and any(row.slower for report in reports for row in report.rows):
        raise SystemExit(1)


def parse(text: str) -> Selection:
    """Return what `text` names: a session, jobs of it after a colon, or a variant of it after an `@`."""
    if Path(text).exists():
        return Selection(text)
    if found := _JOBS.match(text):
        return Selection(found["session"], tuple(dict.fromkeys(found["jobs"].split(","))))
    if found := _VARIANT.match(text):
        return Selection(found["session"], variant=found["variant"])
    return Selection(text)


def _compare(first: str, second: str | None, figures: tuple[str, ...], margin: float) -> list[ComparisonReport]:
    try:
        sides = _sides(parse(first), None if second is None else parse(second))
    except LogError as error:
        raise _NotComparedError(str(error)) from None
    a = sides[0]
    return [
        compare_sessions(
            a.state, b.state, pair_up(a.samples, b.samples), names=(a.name, b.name), figures=figures, margin=margin
        )
        for b in sides[1:]
    ]


class _Side(NamedTuple):
    name: str
    state: SessionState
    samples: list[Sample]


def _sides(first: Selection, second: Selection | None) -> list[_Side]:
    """Return the base of the comparison, and what is compared with it. Raises `LogError`."""
    folder = places.sessions_folder()
    path = find_session(first.session, folder)
    state = _read(path)
    if second is None:
        return _variants(first, path, state)
    other = find_session(second.session, folder)
    same = other.resolve() == path.resolve()
    a, b = _side(first, path, state), _side(second, other, state if same else _read(other))
    shared = {run.result.job for sample in a.samples for run in sample.runs} & {
        run.result.job for sample in b.samples for run in sample.runs
    }
    if same and shared:
        raise _NotComparedError(
            f"A and B share jobs of one session ({', '.join(sorted(shared))}); choose different ones"
        )
    return [a, b]


def _variants(selection: Selection, path: Path, state: SessionState) -> list[_Side]:
    if selection.jobs is not None or selection.variant is not None:
        raise _NotComparedError(f"a part of a session needs another one beside it: llmtui compare {path.stem}:j1 B")
    known = variant_names(state)
    if len(known) < 2:  # noqa: PLR2004 - two sides
        raise _NotComparedError(f"{path.stem} ran no variants that could be compared; name a second session")
    return [_side(Selection(selection.session, variant=variant), path, state) for variant in known]


def _side(selection: Selection, path: Path, state: SessionState) -> _Side:
    name = path.stem
    if selection.jobs is not None:
        unknown = [job for job in selection.jobs if job not in state.jobs]
        if unknown:
            raise _NotComparedError(f"{name} has no job {', '.join(unknown)}; it has {_listed(state.jobs)}")
        name = f"{name}:{','.join(selection.jobs)}"
    if selection.variant is not None:
        known = variant_names(state)
        if selection.variant not in known:
            raise _NotComparedError(f"{name} has no variant `{selection.variant}`; it has {_listed(known)}")
        name = f"{name}@{selection.variant}"
    samples = samples_of(state, selection.jobs, selection.variant)
    if not samples:
        raise _NotComparedError(f"{name} measured nothing; `llmtui replay {path.stem} --plain` says why")
    return _Side(name, state, samples)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"


def _read(path: Path) -> SessionState:
    log = read_log(path)
    for notice in log.notices:
        click.echo(f"note: {path.stem}: {notice}", err=True)
    state = SessionState()
    # The figures of a request stand in its last event; the text of the answers is not looked at.
    apply_all(state, (event for event in log.events if not isinstance(event, TokensReceived)))
    return state


def _tell(reports: list[ComparisonReport], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode({"comparisons": [report_data(report) for report in reports]}))
        return
    for place, report in enumerate(reports):
        for line in ["", *report_text(report)] if place else report_text(report):
            click.echo(line)
