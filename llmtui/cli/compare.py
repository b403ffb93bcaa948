"""`llmtui compare A B...`: whether sessions differ from the first of them, with intervals and a verdict for each."""

import math
import sys
from itertools import combinations

import click

from llmtui.cli.room import columns
from llmtui.cli.sides import NotComparedError, parse, read_sides
from llmtui.metrics.inference.intervals import MARGIN
from llmtui.reports.compare_several import Comparisons, compare_all, comparisons_data, comparisons_text
from llmtui.reports.compared_figures import NAMES
from llmtui.reports.differing import Side


@click.command("compare")
@click.argument("sides", metavar="A [B]...", nargs=-1, required=True)
@click.option("--figure", "figures", multiple=True, type=click.Choice(NAMES), help="Only this figure; may be repeated.")
@click.option(
    "--margin",
    type=click.FloatRange(0, 100),
    default=MARGIN * 100,
    show_default=True,
    metavar="PERCENT",
    help="What counts as the same.",
)
@click.option("--fail-on", type=click.Choice(["slower"]), help="Exit with code 1 when any figure is slower than A's.")
@click.option("--charts/--no-charts", default=True, help="Draw the figures over time below the tables.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    sides: tuple[str, ...],
    figures: tuple[str, ...],
    margin: float,
    fail_on: str | None,
    *,
    charts: bool,
    as_json: bool,
) -> None:
    """Compare sessions with session A, the baseline, workload by workload.

    Sides are sessions as `llmtui replay` takes them, or a part of one: SESSION:j1,j3 are these jobs, SESSION@NAME a
    variant. A alone compares its own variants with the first of them. Nothing comparable is exit code 2.
    """
    if not math.isfinite(margin):
        raise click.BadParameter("a margin is a number of percent", param_hint="--margin")
    read = read_sides([parse(side) for side in sides])
    _refuse_shared(read)
    found = compare_all(read, figures=figures, margin=margin / 100)
    _tell(found, charts=charts, as_json=as_json)
    if not found.anything:
        raise SystemExit(NotComparedError.exit_code)
    if fail_on and found.slower:
        raise SystemExit(1)


def _refuse_shared(sides: list[Side]) -> None:
    """Raise where two sides have runs in common, which would be compared with themselves."""
    for one, other in combinations(sides, 2):
        if one.state is other.state:
            jobs = [{run.result.job for sample in side.samples for run in sample.runs} for side in (one, other)]
            if shared := ", ".join(sorted(jobs[0] & jobs[1])):
                raise NotComparedError(
                    f"{one.letter} and {other.letter} share jobs of one session ({shared}); choose different ones"
                )


def _tell(found: Comparisons, *, charts: bool, as_json: bool) -> None:
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(comparisons_data(found)))
        return
    for line in comparisons_text(found, columns()):
        click.echo(line)
    if charts and found.anything:
        from llmtui.reports.overlay_text import can_print, overlay_text

        for line in overlay_text(found.sides, blocks=can_print(sys.stdout.encoding), width=columns()):
            click.echo(line)
