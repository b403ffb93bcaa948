"""`llmtui replay SESSION`: play a session again."""

import click

from llmtui import places
from llmtui.log.library import find_session
from llmtui.log.read import LogError, read_log


class _Speed(click.ParamType[float | None]):
    name = "speed"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if value == "max" or value is None:
            return None
        try:
            speed = float(str(value).removesuffix("x"))
        except ValueError:
            speed = 0.0
        if not 0 < speed < float("inf"):
            self.fail(f"`{value}` is no speed; write a number above 0, such as 4, or max", param, ctx)
        return speed


@click.command("replay")
@click.argument("session")
@click.option("--speed", type=_Speed(), default="1", show_default=True, help="Times the pace of the run, or max.")
@click.option("--plain", is_flag=True, help="One line an event instead of the screen.")
def command(session: str, speed: float | None, *, plain: bool) -> None:
    """Play SESSION from its beginning to its end."""
    from llmtui.cli.run import can_show_screen

    try:
        log = read_log(find_session(session, places.sessions_folder()))
    except LogError as error:
        raise click.ClickException(str(error)) from None
    for notice in log.notices:
        click.echo(f"note: {notice}", err=True)
    if plain or not can_show_screen():
        from llmtui.cli.follow_plain import play_plain

        raise SystemExit(play_plain(log.events, speed))
    from llmtui.cli.screen import show_replay

    raise SystemExit(show_replay(log, speed))
