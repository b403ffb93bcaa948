"""`llmtui discover`: look for servers on the usual ports, and say what they are."""

import asyncio

import click

from llmtui.cli.addresses import ServerAddress


@click.command("discover")
@click.option("--url", "urls", multiple=True, metavar="URL", type=ServerAddress(), help="Also look here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, as each server answers.")
def command(urls: tuple[str, ...], *, as_json: bool) -> None:
    """Look for servers: Ollama, llama.cpp, LM Studio, vLLM, and at every --url."""
    found = asyncio.run(_look(urls, as_json=as_json))
    if not found and not as_json:
        click.echo("no server answered on the usual ports (11434, 8080, 1234, 8000); name one by --url")


async def _look(urls: tuple[str, ...], *, as_json: bool) -> int:
    import msgspec

    from llmtui import wording
    from llmtui.backends.discover import DEFAULT_URLS, discover

    count = 0
    async for server in discover((*DEFAULT_URLS, *urls)):
        count += 1
        if as_json:
            click.echo(msgspec.json.encode(server))
            continue
        models = ", ".join(model.id for model in server.models) or server.problem or "no models"
        version = f" {server.version}" if server.version else ""
        click.echo(wording.visible(f"{server.url}  {server.kind}{version}  {models}"))
    return count
