"""Figures as people read them: one place for units and rounding, used by every screen and report."""

import math

_ZERO_WIDTH_JOINER = "\u200d"
_CONTROL_PICTURES = 0x2400
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
NOTHING = "-"
"""What stands where a figure is missing."""


def duration(ns: float | None) -> str:
    """Return nanoseconds as `840 µs`, `12.3 ms`, `1.24 s`, `3:05` or `1:02:03`."""
    if ns is None or not math.isfinite(ns):
        return NOTHING
    if abs(ns) < 999_500:
        return f"{ns / 1e3:.0f} µs"
    milliseconds = ns / 1e6
    if abs(milliseconds) < 999.5:
        return f"{milliseconds:.{_decimals(milliseconds)}f} ms"
    seconds = ns / 1e9
    if abs(seconds) < 59.95:
        return f"{seconds:.2f} s"
    return clock(ns)


def clock(ns: float | None) -> str:
    """Return nanoseconds as `0:07`, `3:05` or `1:02:03`."""
    if ns is None or not math.isfinite(ns):
        return NOTHING
    minutes, seconds = divmod(round(ns / 1e9), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def rate(per_second: float | None) -> str:
    """Return tokens per second with three significant digits, without the unit."""
    return number(per_second)


def number(value: float | None) -> str:
    """Return a number with about three significant digits."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value:.{_decimals(value)}f}"


def percent(share: float, decimals: int = 0, *, signed: bool = False) -> str:
    """Return a share as `20 %`, with a space as before every unit; `signed`: `+3.1 %`."""
    return f"{share * 100:{'+' if signed else ''}.{decimals}f} %"


def size(count: float | None) -> str:
    """Return bytes in binary units: `98.4 MiB`."""
    if count is None or not math.isfinite(count):
        return NOTHING
    for unit in _BINARY:
        if abs(count) < 1000 or unit == _BINARY[-1]:
            return f"{count:.0f} B" if unit == "B" else f"{count:.{_decimals(count)}f} {unit}"
        count /= 1024
    return NOTHING


def reading(value: float | None, unit: str) -> str:
    """Return a hardware reading with its unit, scaled where people scale it (GiB, GHz)."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if unit == "B":
        return size(value)
    if unit == "B/s":
        return f"{size(value)}/s"
    if unit == "MHz" and value >= 1000:
        return f"{value / 1000:.2f} GHz"
    if unit in {"%", "°C", "MHz", "W"}:
        return f"{value:.0f} {unit}"
    return f"{number(value)} {unit}"


def visible(text: str) -> str:
    """Return `text` in one line with every control character made visible, so that nothing in it can act."""
    return "".join(character if character.isprintable() else _visible(character) for character in text)


def _visible(character: str) -> str:
    if character == "\n":
        return "⏎"
    if character == "\t":
        return " "
    if character == _ZERO_WIDTH_JOINER:
        return character
    code = ord(character)
    return chr(_CONTROL_PICTURES + code) if code < ord(" ") else f"\\u{{{code:x}}}"


def _decimals(value: float) -> int:
    magnitude = abs(value)
    return 0 if magnitude >= 99.95 else 1 if magnitude >= 9.995 else 2
