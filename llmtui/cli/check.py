"""`llmtui check SESSION --against BASELINE --fail-on RULE`: whether a session got worse, as an exit code for CI."""

from pathlib import Path

import click

from llmtui import places
from llmtui.cli.compare import UNCOMPARED, Selection, parse
from llmtui.events import TokensReceived
from llmtui.log.library import find_session
from llmtui.log.read import LogError, read_log
from llmtui.reports.check import Rule, RuleError, check_data, check_text, exit_code, judge_rules, parse_rule
from llmtui.reports.compare import compare_sessions
from llmtui.reports.pairing import Sample, pair_up, samples_of
from llmtui.state.reducer import apply_all
from llmtui.state.session import SessionState


class _RuleType(click.ParamType[Rule]):
    name = "rule"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Rule:
        try:
            return parse_rule(str(value))
        except RuleError as error:
            self.fail(str(error), param, ctx)


class _NotComparedError(click.ClickException):
    exit_code = UNCOMPARED


@click.command("check")
@click.argument("session")
@click.option("--against", required=True, metavar="BASELINE", help="The session that it must keep up with.")
@click.option(
    "--fail-on", "rules", type=_RuleType(), multiple=True, required=True, metavar="RULE", help="May be repeated."
)
@click.option("--strict", is_flag=True, help="Fail also where the data can't tell.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(session: str, against: str, rules: tuple[Rule, ...], *, strict: bool, as_json: bool) -> None:
    """Exit with code 1 when SESSION is worse than BASELINE by one of the rules.

    A rule is a figure and a bound on its change: decode<-5% fails when the decode rate fell by more than 5 %, ttft>10%
    when the TTFT grew by more than 10 %. It fails only when the whole interval of the change lies beyond the bound. A
    rule that could not be compared at all is exit code 2. Parts of sessions are named as for `llmtui compare`.
    """
    try:
        first_name, first, a = _side(parse(against))
        second_name, second, b = _side(parse(session))
    except LogError as error:
        raise _NotComparedError(str(error)) from None
    report = compare_sessions(
        first,
        second,
        pair_up(a, b),
        names=(first_name, second_name),
        figures=tuple(dict.fromkeys(rule.figure.name for rule in rules)),
    )
    results = judge_rules(report, rules)
    code = exit_code(results, strict=strict)
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(check_data(results, report, code)))
    else:
        for line in check_text(results, report):
            click.echo(line)
    raise SystemExit(code)


def _side(selection: Selection) -> tuple[str, SessionState, list[Sample]]:
    """Return the name, the state and the samples of what was named. Raises `LogError` where nothing was measured."""
    path = find_session(selection.session, places.sessions_folder())
    state = _read(path)
    samples = samples_of(state, selection.jobs, selection.variant)
    if not samples:
        raise LogError(f"{path.stem} measured nothing that was asked for; `llmtui export {path.stem}` says what it has")
    part = f":{','.join(selection.jobs)}" if selection.jobs else f"@{selection.variant}" if selection.variant else ""
    return path.stem + part, state, samples


def _read(path: Path) -> SessionState:
    log = read_log(path)
    for notice in log.notices:
        click.echo(f"note: {path.stem}: {notice}", err=True)
    state = SessionState()
    # The figures of a request stand in its last event; the text of the answers is not looked at.
    apply_all(state, (event for event in log.events if not isinstance(event, TokensReceived)))
    return state
