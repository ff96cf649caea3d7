"""What the readings around a policy's points surely say. Pure; what is not surely so is not so."""

from __future__ import annotations

from collections.abc import Iterable

from points.model import Kind, Point, Reading
from schedules.occupancy import state_text
from schedules.policy import View
from schedules.writable import known_number

_PASCALS = {"pascals": 1.0, "hectopascals": 100.0, "kilopascals": 1000.0, "inches-of-water": 249.0889}


def is_at_rest(view: View, point: Point, rest: Iterable[str], stir: Iterable[str]) -> bool:
    """Whether it is surely closed, off or silent.

    The words of its state decide where they are known, the calm ones first ("no alarm" contains "alarm"); else an
    inactive binary, or a level of nothing, is at rest and all else is not.
    """
    reading = view[point.id]
    if reading is None or not reading.is_good or reading.value is None:
        return False
    if point.kind is Kind.ANALOG:
        return known_number(reading) == 0.0
    text = state_text(point, reading.value)
    if any(word in text for word in rest):
        return True
    if any(word in text for word in stir):
        return False
    return point.kind is Kind.BINARY and reading.value is False


def known_pascals(point: Point, reading: Reading | None) -> float | None:
    """What a pressure sensor reads, in Pa; None if that is not known."""
    number, factor = known_number(reading), _PASCALS.get(point.unit)
    return None if number is None or factor is None else number * factor


def in_pressure_unit_of(point: Point, pascals: float) -> float | None:
    """A pressure in the point's own unit; None if the point does not say that it is a pressure."""
    factor = _PASCALS.get(point.unit)
    return None if factor is None else pascals / factor
