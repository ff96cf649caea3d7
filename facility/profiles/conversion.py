"""Limits are written in one unit and points come in another: from unit to unit where both measure the same."""

from __future__ import annotations

# unit: (quantity, factor, offset): base = value * factor + offset. Factors are exact by definition or to 6 digits.
_BASES: dict[str, tuple[str, float, float]] = {
    "degrees-celsius": ("temperature", 1.0, 0.0),
    "degrees-fahrenheit": ("temperature", 5 / 9, -160 / 9),
    "degrees-kelvin": ("temperature", 1.0, -273.15),
    "percent-relative-humidity": ("fraction", 1.0, 0.0),
    "percent": ("fraction", 1.0, 0.0),
    "pascals": ("pressure", 1.0, 0.0),
    "hectopascals": ("pressure", 100.0, 0.0),
    "millibars": ("pressure", 100.0, 0.0),
    "kilopascals": ("pressure", 1000.0, 0.0),
    "bars": ("pressure", 100_000.0, 0.0),
    "pounds-force-per-square-inch": ("pressure", 6894.757, 0.0),
    "inches-of-water": ("pressure", 249.0889, 0.0),
    "inches-of-mercury": ("pressure", 3386.389, 0.0),
    "millimeters-of-water": ("pressure", 9.80665, 0.0),
    "centimeters-of-water": ("pressure", 98.0665, 0.0),
    "millimeters-of-mercury": ("pressure", 133.3224, 0.0),
    "centimeters-of-mercury": ("pressure", 1333.224, 0.0),
    "milliamperes": ("current", 0.001, 0.0),
    "amperes": ("current", 1.0, 0.0),
    "seconds": ("time", 1.0, 0.0),
    "minutes": ("time", 60.0, 0.0),
    "hours": ("time", 3600.0, 0.0),
}


def convert(value: float, unit: str, to: str, *, difference: bool = False) -> float | None:
    """`value` in unit `to`; None if the two do not measure the same. A difference has no offset (5 °C are 9 °F)."""
    if unit == to:
        return value
    if unit not in _BASES or to not in _BASES:
        return None
    quantity, factor, offset = _BASES[unit]
    other, other_factor, other_offset = _BASES[to]
    if quantity != other:
        return None
    if difference:
        return value * factor / other_factor
    return (value * factor + offset - other_offset) / other_factor
