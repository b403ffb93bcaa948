"""Addresses of servers on the command line, refused before anything starts where they are none."""

import click

from llmtui.addresses import normalise_url


class ServerAddress(click.ParamType[str]):
    """An address as HOST:PORT or http://HOST:PORT; it is kept as it was given."""

    name = "url"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the address, or fail with the sentence that says what is wrong with it."""
        text = str(value)
        try:
            normalise_url(text)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return text


def named_models(_ctx: click.Context, _param: click.Parameter, models: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of models; one that is empty, as of a variable that is not set, is refused."""
    if not all(map(str.strip, models)):
        raise click.BadParameter("a model has no empty name; `llmtui discover` lists the models of the servers")
    return models
