import inspect

import msgspec
import pytest

from llmtui import events as ev

KINDS = ev.AnyEvent.__args__


def test_every_event_is_in_the_union_under_a_tag_of_its_own():
    defined = {kind for _, kind in inspect.getmembers(ev, inspect.isclass) if issubclass(kind, ev.Event)} - {ev.Event}
    assert defined == set(KINDS)
    assert len({kind.__struct_config__.tag for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_event_survives_the_log(kind):
    fields = {field.name: example(field) for field in msgspec.structs.fields(kind)}
    event = kind(**fields)
    line = msgspec.json.encode(event)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=ev.AnyEvent) == event


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_frozen_and_documented(kind):
    assert kind.__struct_config__.frozen
    assert kind.__doc__
    assert kind.__doc__ != ev.Event.__doc__


def example(field):
    """Return a value for a field: its default, or one of its type."""
    if field.default is not msgspec.NODEFAULT:
        return field.default
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
        return field.type()
    options = getattr(field.type, "__args__", None)
    simple = {int: 7, str: "a\nb\x1b\u2028", float: 1.5, bool: True, dict: {}, tuple: ()}
    if field.type in simple:
        return simple[field.type]
    origin = getattr(field.type, "__origin__", None)
    if origin is tuple or origin is dict:
        return simple[origin]
    return options[0]() if options[0] is ev.OfferedLoad else options[0]
