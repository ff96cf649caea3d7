"""Readings in words, for the command line: pure, from what travels on the wire."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from facility.wire import PointInfo
from points.model import Value

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
HUGE = 1e15  # from here on nobody counts digits
A_WEEK = timedelta(days=6)  # within it the name of a day says which


def value_text(point: PointInfo, value: Value | None) -> str:
    """`18.0 °C`, `on`, `Occupied`; `?` where there is no value."""
    if value is None:
        return "?"
    if point.kind == "binary" and isinstance(value, bool):
        return point.states[value] if len(point.states) == 2 else ("on" if value else "off")
    if point.kind == "multistate" and isinstance(value, int):
        return point.states[value - 1] if 1 <= value <= len(point.states) else f"state {value}"
    if isinstance(value, float) and abs(value) >= HUGE:
        return f"{value:.3g} {point.unit}".rstrip()
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


def day_and_time(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """`03:10` today, `Thu 03:10` within a week, `26 Nov 03:10`."""
    there = moment.astimezone(zone)
    if there.date() == now.astimezone(zone).date():
        return f"{there:%H:%M}"
    return f"{there:%a %H:%M}" if abs(moment - now) < A_WEEK else f"{there.day} {there:%b %H:%M}"
