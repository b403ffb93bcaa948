"""What a target has in memory: the model that was loaded last, with its options, and whether it is warm."""

from typing import Any


class Residence:
    """Which model of a target was loaded and warmed up last, so that neither is done twice in a row.

    Attributes:
        loaded: The model that was loaded last, None before the first one.
        options: By the model, the options with which it was loaded last.
        warm: The model that was warmed up since it was loaded.
        start_ns: How long a server of ours took to start with its model; None once that was told as its load time.
        told: What was said of this server, so that it is said once.
    """

    def __init__(self) -> None:
        self.loaded: str | None = None
        self.options: dict[str, dict[str, Any]] = {}
        self.warm: str | None = None
        self.start_ns: int | None = None
        self.told: set[str] = set()

    def reloaded(self, model: str, options: dict[str, Any]) -> None:
        """A workload loaded `model` with `options` of its own; the next job may want it as it was."""
        self.loaded = self.warm = None
        self.options[model] = options

    def left(self, model: str) -> None:
        """The server let go of `model`."""
        self.options.pop(model, None)
        if self.loaded == model:
            self.loaded = self.warm = None

    def emptied(self) -> None:
        """The server was away, and is there again."""
        self.loaded = self.warm = None
        self.options = {}

    def started(self, start_ns: int) -> None:
        """The server was started anew, which took `start_ns`."""
        self.emptied()
        self.start_ns = start_ns
