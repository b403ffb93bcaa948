"""A session's state put aside, so that it can be had again: copies that share all that has not changed between them.

Events, texts and numbers never change, so a copy refers to them. Only what holds them is copied, and of that only what
differs from the copy before: thousands of finished requests cost nothing more. For this, nothing in a state that can
change may stand in two places of it.
"""

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from itertools import chain
from operator import attrgetter, is_
from typing import Any, NamedTuple

import msgspec

from llmtui.state.session import Latest, SessionState

PACKED_FROM = 16
"""From this length on, a list of pairs is kept as bytes: the pieces of text are hundreds of thousands."""

_FIXED = frozenset({int, float, str, bool, bytes, tuple, frozenset, type(None)})
_PLAIN = frozenset({int, float, str, bool})
_LISTS: dict[type, Callable[[Any], int | None]] = {
    list: lambda _: None,
    deque: attrgetter("maxlen"),
    Latest: attrgetter("most"),
}


class Frozen(NamedTuple):
    """A state that was put aside. `size` is about how many bytes it takes beyond what the one before it has."""

    root: Any
    size: int


class _Copy(NamedTuple):
    """What an object held, its fields or its elements; `extra` is the keys of a dict, or the most that a list takes."""

    kind: type
    content: tuple[Any, ...]
    extra: Any = None


class _Packed(NamedTuple):
    """What an array or a list of tuples held, as bytes."""

    kind: type
    content: bytes
    extra: Any = None


class _Foreign(NamedTuple):
    """A deep copy of an object that is no plain data, such as one that watches the samples."""

    content: Any


_COPIES = frozenset({_Copy, _Packed, _Foreign})


def freeze(state: SessionState, before: Frozen | None = None) -> Frozen:
    """Put `state` aside as it is now; the copy `before` lends what is still the same."""
    freezer = _Freezer()
    return Frozen(freezer.copy(state, None if before is None else before.root), freezer.size)


def thaw(frozen: Frozen) -> SessionState:
    """Return a new state, equal to the one that was put aside."""
    state: SessionState = _restored(frozen.root)
    return state


class _Freezer:
    """Copies one state; `size` adds up what is new in the copy."""

    def __init__(self) -> None:
        self.size = 0
        self._arrays: dict[tuple[bytes, str], _Packed] = {}

    def copy(self, value: Any, before: Any) -> Any:
        """Return what stands for `value`: itself where it can't change, `before` where that holds the same."""
        kind: Any = type(value)
        if kind in _LISTS:
            return self._list(kind, value, before)
        if _is_fixed(kind):
            return value
        if kind is dict:
            return self._container(kind, tuple(value.values()), before, tuple(value))
        if kind is array:
            return self._array(value, before)
        return self._container(kind, _values(kind)(value), before, None) if _fields(kind) else _Foreign(deepcopy(value))

    def _container(self, kind: type, values: tuple[Any, ...], before: Any, extra: Any) -> _Copy:
        known: tuple[Any, ...] = before.content if type(before) is _Copy and before.kind is kind else ()
        content = list(values)
        for place in _changeable_fields(tuple(map(type, values))) if _fields(kind) else _changeable(values):
            content[place] = self.copy(content[place], known[place] if place < len(known) else None)
        # The very same objects, for equal ones would not do: 1 equals 1.0.
        if known and len(content) == len(known) and all(map(is_, content, known)) and before.extra == extra:
            same: _Copy = before
            return same
        self.size += 80 + 16 * len(content)
        return _Copy(kind, tuple(content), extra)

    def _list(self, kind: type, value: Any, before: Any) -> Any:
        extra = _LISTS[kind](value)
        if not value and type(before) is _Copy and before == (kind, (), extra):
            return before
        return self._tuples(kind, value, before, extra) or self._container(kind, tuple(value), before, extra)

    def _tuples(self, kind: type, value: Any, before: Any, extra: Any) -> _Packed | None:
        """Return a long list of tuples of plain values as bytes, or None when it is something else."""
        if len(value) < PACKED_FROM or type(value[0]) is not tuple or not _PLAIN.issuperset(map(type, value[0])):
            return None
        try:
            content = msgspec.msgpack.encode(list(value))
        except (TypeError, ValueError, OverflowError):
            return None
        if type(before) is _Packed and before == (kind, content, extra):
            return before
        plain = set(map(type, value)) == {tuple} and set(map(type, chain.from_iterable(value))) <= _PLAIN
        return self._packed(kind, content, before, extra) if plain else None

    def _array(self, value: "array[Any]", before: Any) -> _Packed:
        content = value.tobytes()
        # Readings of one sample have their times in common.
        known = self._arrays.get((content, value.typecode))
        if known is None:
            known = self._packed(array, content, before, value.typecode)
            self._arrays[content, value.typecode] = known
        return known

    def _packed(self, kind: type, content: bytes, before: Any, extra: Any) -> _Packed:
        if type(before) is _Packed and before == (kind, content, extra):
            return before
        self.size += len(content)
        return _Packed(kind, content, extra)


def _restored(copy: Any) -> Any:
    kind = type(copy)
    if kind is _Copy:
        return _refilled(copy)
    if kind is _Packed:
        if copy.kind is array:
            return array(copy.extra, copy.content)
        return _listed(copy.kind, msgspec.msgpack.decode(copy.content, type=list[tuple[Any, ...]]), copy.extra)
    return deepcopy(copy.content) if kind is _Foreign else copy


def _refilled(copy: _Copy) -> Any:
    values = [_restored(value) if type(value) in _COPIES else value for value in copy.content]
    kind: Any = copy.kind
    if kind in _LISTS:
        return _listed(kind, values, copy.extra)
    if kind is dict:
        return dict(zip(copy.extra, values, strict=True))
    if issubclass(kind, msgspec.Struct):
        return kind(*values)
    new = object.__new__(kind)
    for name, value in zip(_fields(kind), values, strict=True):
        setattr(new, name, value)
    return new


def _listed(kind: type, values: list[Any], most: int | None) -> Any:
    if kind is deque:
        return deque(values, most)
    return values if most is None else Latest(most, values)


def _changeable(values: tuple[Any, ...]) -> Sequence[int]:
    """Return the places of those values that may change, or may hold what does."""
    return [place for place, value in enumerate(values) if type(value) not in _FIXED]


@cache
def _changeable_fields(kinds: tuple[type, ...]) -> Sequence[int]:
    """Return the same for the fields of an object, by their types: there are few such rows of types."""
    return [place for place, kind in enumerate(kinds) if not _is_fixed(kind)]


@cache
def _is_fixed(kind: type) -> bool:
    """Whether objects of this type are never changed: plain values, tuples, and structs that are frozen, as events."""
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_config__.frozen
    return kind in _FIXED or issubclass(kind, tuple)


@cache
def _fields(kind: type) -> tuple[str, ...]:
    """Return the names of all that an object of this class holds; none when it has a dict, or is no object of ours."""
    if issubclass(kind, msgspec.Struct):
        return kind.__struct_fields__
    if kind.__module__.partition(".")[0] != __name__.partition(".")[0] or kind.__dictoffset__:
        return ()
    return tuple(name for base in reversed(kind.__mro__) for name in getattr(base, "__slots__", ()))


@cache
def _values(kind: type) -> Callable[[Any], tuple[Any, ...]]:
    """Return a function that takes out of an object of this class what it holds."""
    names = _fields(kind)
    take: Callable[[Any], Any] = attrgetter(*names)
    return take if len(names) > 1 else lambda held: (take(held),)
