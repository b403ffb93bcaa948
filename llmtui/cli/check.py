"""`llmtui check SESSION --against BASELINE --fail-on RULE`: whether a session got worse, as an exit code for CI."""

import click

from llmtui.cli.sides import parse, read_sides
from llmtui.reports.check import check_data, check_text, exit_code, judge_rules
from llmtui.reports.compare import compare_sides
from llmtui.reports.differing import differences, sentence
from llmtui.reports.rules import Rule, RuleError, parse_rule


class _RuleType(click.ParamType[Rule]):
    name = "rule"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Rule:
        try:
            return parse_rule(str(value))
        except RuleError as error:
            self.fail(str(error), param, ctx)


@click.command("check")
@click.argument("session")
@click.option(
    "--against",
    "baselines",
    required=True,
    multiple=True,
    metavar="BASELINE",
    help="The session that it must keep up with; may be repeated.",
)
@click.option(
    "--fail-on", "rules", type=_RuleType(), multiple=True, required=True, metavar="RULE", help="May be repeated."
)
@click.option("--strict", is_flag=True, help="Fail also where the data can't tell.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(session: str, baselines: tuple[str, ...], rules: tuple[Rule, ...], *, strict: bool, as_json: bool) -> None:
    """Exit with code 1 when SESSION is worse than BASELINE by one of the rules.

    A rule is a figure and a bound on its change: decode<-5% fails when the decode rate fell by more than 5 %, ttft>10%
    when the TTFT grew by more than 10 %. It fails only when the whole interval of the change lies beyond the bound, and
    of several baselines beyond that of each. A rule that could not be compared at all is exit code 2. Parts of sessions
    are named as for `llmtui compare`.
    """
    *firsts, second = read_sides([parse(name) for name in (*dict.fromkeys(baselines), session)])
    figures = tuple(dict.fromkeys(rule.figure.name for rule in rules))
    reports = [compare_sides(first, second, figures=figures) for first in firsts]
    sides = [*firsts, second]
    unlike = [sentence(difference, [side.letter for side in sides]) for difference in differences(sides)]
    results = judge_rules(reports, rules)
    code = exit_code(results, strict=strict)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(check_data(results, reports, code, unlike)))
    else:
        for line in check_text(results, reports, unlike):
            click.echo(line)
    raise SystemExit(code)
