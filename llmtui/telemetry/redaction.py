"""What must not leave a machine with the files that describe it: who and which one it is."""

import re
from collections.abc import Iterable

from llmtui.telemetry.commands import redact_arguments

_UUID = re.compile(r"\b[0-9a-f]{8}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{4}[-_][0-9a-f]{12}\b", re.IGNORECASE)
_MAC = re.compile(r"(?<![0-9a-f:])(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}(?![0-9a-f:])", re.IGNORECASE)
_LONG_HEX = re.compile(r"(?<![0-9a-z])(?=[0-9]*[a-f])(?=[a-f]*[0-9])[0-9a-f]{12,}(?![0-9a-z])", re.IGNORECASE)
_SERIAL_LINE = re.compile(r"^((?:[\w ]+ )?serial(?: number)?\s*[:=]\s*)(\S+)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"(?<![\d.])(?!127\.|0\.0\.0\.0)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
_HOME = re.compile(r"(/home/|/Users/)[^/\s\0]+")
_SERIALS = ("unique_id", "serial", "serial_number", "product_serial", "product_uuid", "board_serial")
"""Files that hold nothing but what tells this device from all others of its kind."""
_FREE_TEXT = ("cgroup", "cmdline", "information", "uevent", "os-release", "stat", "status")
"""Files in which people's own words stand: names that they gave to machines, groups and programs."""
_STATUS = ("Name:", "RssAnon:", "RssFile:")


class Redactor:
    """Replaces names, addresses and ids by stand-ins of the same shape, each by the same one wherever it stands.

    `hostname` and `users` are the names of this machine and of those who use it.
    """

    def __init__(self, hostname: str | None, users: Iterable[str]) -> None:
        words = {word: "user" for word in users if word}
        for word in (hostname or "", (hostname or "").partition(".")[0]):
            if word:
                words[word] = "host"
        self._words = {word.lower(): stand_in for word, stand_in in words.items()}
        names = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
        self._names = re.compile(rf"(?<![a-z0-9])(?:{names})(?![a-z0-9])", re.IGNORECASE) if names else None
        self._ids: dict[str, str] = {}

    def path(self, path: str) -> str:
        """Return the path under which a file is kept."""
        if path.startswith(("/sys/fs/cgroup/", "/proc/")):
            path = self._without_names(path)
        return self._without_ids(path)

    def content(self, path: str, data: bytes) -> bytes:
        """Return what is kept of a file's content; `path` is its name on the machine."""
        folder, _, name = path.rpartition("/")
        if path == "/proc/sys/kernel/hostname":
            return b"host\n"
        text = data.decode("utf-8", "surrogateescape")
        if name in _SERIALS:
            text = self._stand_in(text)
        elif name == "cmdline":
            text = "\0".join(redact_arguments(text.split("\0")))
            text = _ADDRESS.sub("0.0.0.0", _HOME.sub(r"\1user", text))  # noqa: S104 - written, not bound
        elif name == "status":
            text = "".join(line for line in text.splitlines(keepends=True) if line.startswith(_STATUS))
        elif folder.endswith("/fdinfo"):
            text = "".join(line for line in text.splitlines(keepends=True) if line.startswith("drm-"))
        if name in _FREE_TEXT and path != "/proc/stat":
            text = self._without_names(text)
        text = _SERIAL_LINE.sub(lambda found: found[1] + self._stand_in(found[2]), text)
        return self._without_ids(text).encode("utf-8", "surrogateescape")

    def text(self, text: str) -> str:
        """Return a sentence for people without names and ids."""
        return self._without_ids(self._without_names(text))

    def _without_names(self, text: str) -> str:
        if self._names is None:
            return text
        return self._names.sub(lambda found: self._words[found[0].lower()], text)

    def _without_ids(self, text: str) -> str:
        for pattern in (_UUID, _MAC, _LONG_HEX):
            text = pattern.sub(lambda found: self._stand_in(found[0]), text)
        return text

    def _stand_in(self, identity: str) -> str:
        """Return zeros in the shape of `identity`, with a number at the end that tells it from others."""
        known = self._ids.get(identity.lower())
        if known is not None or identity in self._ids.values():
            return known or identity
        count = f"{len(self._ids) + 1:x}"
        shape = list(re.sub(r"[0-9a-zA-Z]", "0", identity))
        for place in range(len(shape) - 1, -1, -1):
            if shape[place] == "0" and count:
                shape[place], count = count[-1], count[:-1]
        self._ids[identity.lower()] = "".join(shape)
        return self._ids[identity.lower()]
