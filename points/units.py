"""BACnet engineering units in words a person, a machine and a rule can use.

Every unit has a symbol: one that is not in the table is shown by its own name, never refused.
UCUM codes are given only where the Unified Code for Units of Measure has one.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from points.model import Kind, Point, Value
from points.unit_table import TABLE


class Unit(NamedTuple):
    """One engineering unit: how it is shown, what machines call it, what it measures."""

    symbol: str
    ucum: str | None
    quantity: str


def _row(line: str) -> tuple[str, Unit]:
    name, shown, code, quantity = line.split()
    return name, Unit(shown.replace("_", " "), None if code == "-" else code, quantity)


UNITS: dict[str, Unit] = dict(_row(line) for line in TABLE.strip().splitlines())
_BARE = ("no-units", "")
UNITS.update(dict.fromkeys(_BARE, Unit("", "1", "")))

# Below what change of value nobody looks: decimals shown per quantity, where the size of the value alone misleads.
_DECIMALS = {"temperature": 1, "temperature-difference": 1, "humidity": 0, "fraction": 0, "illuminance": 0}
_HUGE = 1e15  # from here on nobody counts digits
_SIGNIFICANT = 3  # digits shown of anything else: 2.51 Pa, 25.1 Pa, 251 Pa


def symbol(unit: str) -> str:
    """What to print behind the number; the unit's own name if it is not known."""
    known = UNITS.get(unit)
    return unit if known is None else known.symbol


def ucum(unit: str) -> str | None:
    """The code of the Unified Code for Units of Measure, if there is one."""
    known = UNITS.get(unit)
    return None if known is None else known.ucum


def quantity(unit: str) -> str:
    """What is measured: "temperature", "pressure", ...; "" for no unit and for unknown ones."""
    known = UNITS.get(unit)
    return "" if known is None else known.quantity


def show(point: Point, value: Value | None) -> str:
    """The value in words: "18.0 °C", "Occupied", "on"; "?" where nothing is known."""
    if value is None:
        return "?"
    if isinstance(value, str):
        return value
    number = _finite(value)
    if number is None:
        return "?"
    match point.kind:
        case Kind.BINARY:
            return _state(point.states, int(bool(value))) or ("on" if value else "off")
        case Kind.MULTISTATE:
            return _state(point.states, int(number) - 1) or f"state {int(number)}"
        case Kind.ANALOG:
            return _number(number, point.unit)
        case _:
            return str(value)


def _finite(value: float) -> float | None:
    """None for NaN, infinities and integers beyond any float."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _state(states: tuple[str, ...], index: int) -> str:
    return states[index] if 0 <= index < len(states) else ""


def _number(value: float, unit: str) -> str:
    shown = symbol(unit)
    text = _digits(value, unit) if abs(value) < _HUGE else f"{value:.{_SIGNIFICANT}g}"
    return f"{text} {shown}" if shown else text


def _digits(value: float, unit: str) -> str:
    decimals = _DECIMALS.get(quantity(unit))
    if decimals is None:
        size = max(abs(value), 1.0)
        decimals = max(0, _SIGNIFICANT - 1 - math.floor(math.log10(size)))
    text = f"{value:.{decimals}f}" if unit not in _BARE or not value.is_integer() else f"{value:.0f}"
    return text.lstrip("-") if float(text) == 0 else text
