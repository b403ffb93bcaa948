"""What the engine is asked to run: the one message that it reads from its standard input."""

import msgspec


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A session to be run. `log` is the path of the file to create; keys stay in the environment and the settings."""

    log: str
    suite: str
    suite_path: str | None = None
    overrides: dict[str, str] = {}
    models: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
