"""What the engine is asked to do: the one message that it reads from its standard input."""

import msgspec


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="run"):
    """A session to be run. `log` is the path of the file to create; keys stay in the environment and the settings."""

    log: str
    suite: str
    suite_path: str | None = None
    overrides: dict[str, str] = {}
    models: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()


class ResumeRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="resume"):
    """A session to go on with, in the log at `log`; `anyway` accepts that suite, machine or servers have changed."""

    log: str
    anyway: bool = False


AnyRequest = RunRequest | ResumeRequest
