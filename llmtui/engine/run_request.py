"""What the engine is asked to do: the one message that it reads from its standard input."""

import msgspec

from llmtui.suites.schema import Suite


class RunRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="run"):
    """A session to be run. `log` is the path of the file to create; keys stay in the environment and the settings.

    `suite` is its text, for the log; `suite_read` is what whoever asks has read and checked in it, `overrides` and all,
    so that nobody has to read it twice. Without that the engine reads the text.

    With `parent`, the path of another session's log, only its jobs `parent_jobs` run, with `changes` in their
    parameters, and with `within` until their rates are known to that share.
    """

    log: str
    suite: str
    suite_read: Suite | None = None
    suite_path: str | None = None
    overrides: dict[str, str] = {}
    models: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    parent: str | None = None
    parent_jobs: tuple[str, ...] = ()
    changes: dict[str, str] = {}
    within: float | None = None


class ResumeRequest(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="resume"):
    """A session to go on with, in the log at `log`; `anyway` accepts that suite, machine or servers have changed."""

    log: str
    anyway: bool = False


AnyRequest = RunRequest | ResumeRequest
