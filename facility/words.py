"""Readings in words, for the command line: pure, from what travels on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from facility.wire import PointInfo
from points.model import Value

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def value_text(point: PointInfo, value: Value | None) -> str:
    """`18.0 °C`, `on`, `Occupied`; `?` where there is no value."""
    if value is None:
        return "?"
    if point.kind == "binary" and isinstance(value, bool):
        return point.states[value] if len(point.states) == 2 else ("on" if value else "off")
    if point.kind == "multistate" and isinstance(value, int):
        return point.states[value - 1] if 1 <= value <= len(point.states) else f"state {value}"
    if isinstance(value, float):
        digits = 0 if abs(value) >= 1000 else 2 if abs(value) < 1 and value != 0 else 1
        return f"{value:.{digits}f} {point.unit}".rstrip()
    return f"{value} {point.unit}".rstrip()


def age(moment: datetime, now: datetime | None = None) -> str:
    """`8 s`, `21 min`, `3 h`, `2 d`."""
    seconds = max(0, int(((now or datetime.now(UTC)) - moment).total_seconds()))
    for unit, size in (("d", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= size * (2 if unit != "min" else 1):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
