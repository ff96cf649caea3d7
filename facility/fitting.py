"""A wished value in the type that its point has, or none if it cannot be one of its values. Pure."""

from __future__ import annotations

import sys

from points.model import Kind, Point, Value

_LARGEST_UNSIGNED = 2**32 - 1  # BACnet Unsigned32; no device takes more
_LARGEST_REAL = (2 - 2**-23) * 2.0**127  # single precision, what an analog value travels in
_LARGEST_DOUBLE = sys.float_info.max
_WHOLE: dict[str, tuple[int, int]] = {  # what objects that count can hold
    "integer-value": (-(2**31), 2**31 - 1),
    "positive-integer-value": (0, _LARGEST_UNSIGNED),
}
_WORDS = {"on": True, "active": True, "off": False, "inactive": False}


def fitted(value: Value, point: Point) -> Value | None:
    """`value` in the type that the point has; None if it cannot be one of its values.

    Whole numbers become floats for analog points; states may be given by number or by their text.
    """
    match point.kind:
        case Kind.ANALOG:
            return _number(value, point)
        case Kind.BINARY:
            return _binary(value, point)
        case Kind.MULTISTATE:
            return _state(value, point)
        case _:  # text
            return value if isinstance(value, str) else None


def _number(value: Value, point: Point) -> float | None:
    if isinstance(value, (bool, str)):
        return None
    if whole := _WHOLE.get(point.ref.object_type):
        return float(value) if whole[0] <= value <= whole[1] and value == value // 1 else None
    return float(value) if abs(value) <= _largest(point) else None  # neither infinite nor NaN


def _largest(point: Point) -> float:
    return _LARGEST_DOUBLE if point.ref.object_type == "large-analog-value" else _LARGEST_REAL


def _binary(value: Value, point: Point) -> bool | None:
    if isinstance(value, str):
        states = {text.casefold(): bool(position) for position, text in enumerate(point.states[:2])}
        return {**_WORDS, **states}.get(value.strip().casefold())
    return bool(value) if value in (0, 1) else None


def _state(value: Value, point: Point) -> int | None:
    if isinstance(value, str):
        states = {text.casefold(): number for number, text in enumerate(point.states, 1)}
        return states.get(value.strip().casefold())
    if isinstance(value, bool) or value != value // 1:
        return None
    highest = len(point.states) or point.high or _LARGEST_UNSIGNED
    return int(value) if 1 <= value <= highest else None


def accepted(point: Point) -> str:
    """Which values the point takes, in words."""
    match point.kind:
        case Kind.ANALOG:
            if whole := _WHOLE.get(point.ref.object_type):
                return f"a whole number from {whole[0]} to {whole[1]}"
            return f"a finite number up to {_largest(point):.1e}"
        case Kind.BINARY:
            return " or ".join(point.states[:2]) or "on or off"
        case Kind.MULTISTATE:
            numbered = [f"{number} ({text})" for number, text in enumerate(point.states, 1)]
            return ", ".join(numbered) or "a state number from 1"
        case _:
            return "text"
