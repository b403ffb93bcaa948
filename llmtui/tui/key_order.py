"""Keys that reach a screen in the order in which they were typed, however fast they came.

A widget that has no use for a key passes it on to its parent, and so on up to the app, which looks for a binding. Each
step is a message, so keys that came in one burst are with the widget long before the first of them opens a line there.
"""

from collections.abc import Iterator
from typing import TypeVar

from textual import events
from textual.app import App
from textual.binding import Binding
from textual.screen import Screen
from textual.widgets import Input

ResultT = TypeVar("ResultT")
Typed = events.Key | events.Paste

LEFT_TO_OTHERS = frozenset({"enter", "ctrl+c"})
"""What a line does not do by itself: the screen knows what its end means, and ctrl+c leaves."""


class OrderedScreen(Screen[ResultT]):
    """A screen that is asked first about each key and paste, and has dealt with it before the next one comes."""

    async def take_typed(self, event: Typed) -> bool:
        """Deal with a key or a paste; return False for one that goes the usual way."""
        raise NotImplementedError


class OrderedApp(App[None]):
    """An app that asks an `OrderedScreen` first."""

    async def on_event(self, event: events.Event) -> None:
        """Let the screen take what was typed. What was forwarded already was asked about before."""
        screen = self.screen if isinstance(event, Typed) and not event.is_forwarded and self.screen_stack else None
        if isinstance(event, Typed) and isinstance(screen, OrderedScreen) and screen.is_mounted:
            self.app_focus = True
            if await screen.take_typed(event):
                return
        await super().on_event(event)


class Line(Input):
    """A line of text that is filled by its screen, key by key."""

    def __init__(self, placeholder: str, name: str) -> None:
        # The focus comes later than the first keys, which the next one would replace if they were selected then.
        super().__init__(placeholder=placeholder, id=name, compact=True, select_on_focus=False)

    async def take_typed(self, event: Typed) -> bool:
        """Change the line as a key or a paste says; return False for a key that means nothing to it."""
        if isinstance(event, events.Paste):
            self._put(next(iter(event.text.splitlines()), ""))
        elif event.key in _EDITS:
            await self.run_action(_EDITS[event.key])
        elif event.is_printable and event.character is not None:
            self._put(event.character)
        else:
            return False
        return True

    def _put(self, text: str) -> None:
        self.replace(text, *self.selection)


def _edits() -> Iterator[tuple[str, str]]:
    for binding in Input.BINDINGS:
        if isinstance(binding, Binding):
            yield from ((key, binding.action) for key in binding.key.split(",") if key not in LEFT_TO_OTHERS)


_EDITS = dict(_edits())
"""The action of a line behind each of its keys."""
