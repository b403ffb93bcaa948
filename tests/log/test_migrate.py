from llmtui.log.migrate import upgrade


def test_steps_are_climbed_one_by_one():
    steps = {
        1: lambda event: {**event, "ev": event["ev"].upper()},
        2: lambda event: {**event, "t": event["t"] + 1},
    }
    assert upgrade(b'{"ev":"x","t":1}', 1, steps, goal=3) == b'{"ev":"X","t":2}'
    assert upgrade(b'{"ev":"x","t":1}', 2, steps, goal=3) == b'{"ev":"x","t":2}'
    assert upgrade(b'{"ev":"x","t":1}', 3, steps, goal=3) == b'{"ev":"x","t":1}'


def test_garbage_is_passed_by():
    assert upgrade(b"nonsense", 1) is None
    assert upgrade(b"[1]", 1) is None
