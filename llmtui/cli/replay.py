"""`llmtui replay SESSION`: play a session again."""

from collections.abc import Iterable

import click

from llmtui import places
from llmtui.log.blocks import LogBlocks
from llmtui.log.library import find_session
from llmtui.log.read import LogError


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
    """Play SESSION from its beginning to its end.

    SESSION is an id or a part of it that no other has, a name that `llmtui sessions rename` gave, last, or the path of
    a log. All other commands take it so too.
    """
    from llmtui.cli.run import can_show_screen

    try:
        path = find_session(session, places.sessions_folder())
        if plain or not can_show_screen():
            raise SystemExit(_play_plain(LogBlocks(path), speed))
        blocks = LogBlocks(path)
    except LogError as error:
        raise click.ClickException(str(error)) from None
    from llmtui.cli.screen import show_replay

    code = show_replay(blocks, speed)
    # The screen would have hidden them.
    _tell(blocks.notices())
    raise SystemExit(code)


def _play_plain(log: LogBlocks, speed: float | None) -> int:
    from llmtui.cli.follow_plain import play_plain

    with log:
        told = log.notices()
        _tell(told)
        code = play_plain((event for place in range(len(log)) for event in log.events(place)), speed)
        # What only looked like an event is found out on the way.
        _tell(notice for notice in log.notices() if notice not in told)
    return code


def _tell(notices: Iterable[str]) -> None:
    for notice in notices:
        click.echo(f"note: {notice}", err=True)
