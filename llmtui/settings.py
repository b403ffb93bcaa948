"""The user's settings file, `settings.yaml` in the settings folder: servers with their keys, and the looks."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from llmtui.documents import DocumentError

KEY_VARIABLE = "LLMTUI_API_KEY"
"""The environment variable with the API key for servers that are named by URL."""


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server by its URL. Its key stands in `api_key`, or better in the environment variable `api_key_env` names."""

    url: str
    api_key: str | None = None
    api_key_env: str | None = None

    def __repr__(self) -> str:
        return f"ServerSettings(url={self.url!r})"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings; every one has a default, and the command line beats the file."""

    servers: tuple[ServerSettings, ...] = ()
    theme: str | None = None
    glyphs: str | None = None


def read_settings(folder: Path) -> Settings:
    """Return the settings in `folder`, the defaults where there is no file; raise `DocumentError` for a wrong one."""
    path = folder / "settings.yaml"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        raise DocumentError(f"{path}: can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DocumentError(f"{path}: can't be read: it is no text in UTF-8") from None
    if not text.strip():
        return Settings()
    from llmtui.yaml_documents import read_document  # noqa: PLC0415 - most users have no such file

    return read_document(text, str(path), Settings)


def api_key(settings: Settings, url: str, *, named: bool, environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the key for the server at `url`.

    The general variable applies only to a server that the user named: a key must not go to whatever listens on a
    well-known port.
    """
    for server in settings.servers:
        if _base(server.url) == _base(url):
            if server.api_key_env:
                return environ.get(server.api_key_env)
            return server.api_key
    return environ.get(KEY_VARIABLE) if named else None


def key_variable(settings: Settings, url: str) -> str:
    """Return the environment variable that has, or may have, the key for what is asked at `url`."""
    for server in settings.servers:
        if server.api_key_env and f"{url}/".startswith(f"{_base(server.url)}/"):
            return server.api_key_env
    return KEY_VARIABLE


def _base(url: str) -> str:
    return url.rstrip("/").removesuffix("/v1")
