"""What is surely known of machines: whether they run, and in which shape their points take a value. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from points.model import Kind, Point, Value
from schedules.policy import View
from schedules.witnesses import in_pressure_unit_of, is_at_rest
from schedules.writable import in_unit_of, known_number

_OFF, _ON = ("off", "stop", "inactive"), ("on", "run", "active")


def machine_of(point: Point) -> str:
    """What it is a point of: its equipment, or else its device."""
    return point.equipment or point.device


def runs(view: View, status: Point) -> bool | None:
    """Whether it surely runs, or surely does not; None if that is not known."""
    reading = view[status.id]
    if reading is None or not reading.is_good or reading.value is None:
        return None
    if status.kind is Kind.ANALOG:
        number = known_number(reading)
        return None if number is None else number > 0.0
    return not is_at_rest(view, status, _OFF, _ON)


def is_set(view: View, sign: Point) -> bool | None:
    """Whether an alarm or an event is there; None if that is not known.

    A state is one if it is not the first of its point: words are not trusted here ("smoke" contains "ok").
    """
    reading = view[sign.id]
    if reading is None or not reading.is_good or reading.value is None or sign.kind is Kind.TEXT:
        return None
    return bool(reading.value not in (False, 1)) if sign.kind is Kind.MULTISTATE else bool(reading.value)


def any_runs(view: View, statuses: Iterable[Point]) -> bool | None:
    """Whether one of them surely runs, or all of them surely do not; None if neither is known."""
    said = [runs(view, status) for status in statuses]
    if any(each is True for each in said):
        return True
    return False if said and all(each is False for each in said) else None


def numbers(view: View, points: Iterable[Point]) -> list[float] | None:
    """What all of them read; None if one of them is not known."""
    read = [known_number(view[point.id]) for point in points]
    known = [number for number in read if number is not None]
    return known if len(known) == len(read) else None


def celsius_for(point: Point, celsius: float) -> float | None:
    """A temperature as this point takes it, inside its device's own limits."""
    return within(point, in_unit_of(point, celsius))


def pascals_for(point: Point, pascals: float) -> float | None:
    """A pressure as this point takes it, inside its device's own limits."""
    return within(point, in_pressure_unit_of(point, pascals))


def within(point: Point, value: float | None) -> float | None:
    """Not beyond what the device takes. None if it is no number there."""
    if value is None or point.kind is not Kind.ANALOG:
        return None
    low = value if point.low is None else max(value, point.low)
    return low if point.high is None else min(low, point.high)


def off_value(point: Point) -> Value | None:
    """What switches it off; None if nothing is known to."""
    match point.kind:
        case Kind.BINARY:
            return False
        case Kind.ANALOG:
            return 0.0 if point.low is None or point.low <= 0.0 else None
        case _:
            return None


def one_of(points: Sequence[Point], *classes: str, named: str = "", unnamed: str = "") -> Point | None:
    """The first of these classes, in the order of the classes, that is named so and not otherwise."""
    for point_class in classes:
        for point in points:
            text = f"{point.id} {point.name} {point.description}"
            called = not named or re.search(named, text, re.IGNORECASE)
            if (
                point.point_class == point_class
                and called
                and not (unnamed and re.search(unnamed, text, re.IGNORECASE))
            ):
                return point
    return None
