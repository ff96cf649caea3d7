"""Our values on their way to a device, and the decimal that a REAL stands for.

What a value becomes is told by the type of its object; ValueError says that it has none there.
"""

from __future__ import annotations

import math
import struct
from functools import lru_cache
from typing import Any

from bacpypes3.primitivedata import (
    CharacterString,
    Double,
    Enumerated,
    Integer,
    Null,
    ObjectIdentifier,
    ObjectType,
    PropertyIdentifier,
    Real,
    Unsigned,
)

from points.bacnet.port import Answer
from points.bacnet.wire.primitives import BINARY
from points.bacnet.wire.vocabulary import object_type_number, property_number
from points.model import Value

__all__ = (
    "BINARY",
    "MULTISTATE",
    "REAL",
    "encode",
    "object_identifier",
    "plain",
    "priority_array",
    "property_identifier",
    "shortest",
)

MULTISTATE = frozenset({"multi-state-input", "multi-state-output", "multi-state-value"})
REAL = frozenset({"analog-input", "analog-output", "analog-value", "lighting-output"})

_LEVELS = 16  # of a priority array
_LARGEST_REAL = 3.4e38  # rounding must not leave the range


def object_identifier(object_type: str, instance: int) -> Any:
    """The library's object identifier of a hyphenated type name, or of a number as text."""
    return ObjectIdentifier((ObjectType(object_type_number(object_type)), instance))


def property_identifier(name: str) -> Any:
    return PropertyIdentifier(property_number(name))


@lru_cache(maxsize=65536)
def shortest(value: float) -> float:
    """The shortest decimal that is the same REAL: a device's 0.2 is 0.2 here, not 0.20000000298.

    What is no REAL to begin with stays as it is, and so do NaN and the infinities.
    """
    try:
        octets = struct.pack(">f", value)
    except OverflowError:
        return value
    if not math.isfinite(value) or struct.unpack(">f", octets)[0] != value:
        return value
    for digits in (6, 7, 8):  # nine always tell a REAL apart, and then nothing is gained
        short = float(f"{value:.{digits}g}")
        if abs(short) < _LARGEST_REAL and struct.pack(">f", short) == octets:
            return short
    return value


def priority_array(answer: Answer) -> tuple[Value | None, ...] | None:
    """The values of all levels; None where the answer is no priority array."""
    if not isinstance(answer, tuple) or len(answer) != _LEVELS:
        return None
    return tuple(plain(value) for value in answer)


def plain(value: Answer) -> Value | None:
    """A slot's value; one of a constructed type still occupies its slot, as text."""
    if isinstance(value, float):
        return shortest(value)
    return value if isinstance(value, (int, bool, str)) or value is None else repr(value)


def encode(object_type: str, value: Value | None) -> Any:
    """`value` with the application tag that the object's present value has; ValueError if it cannot be."""
    match object_type, value:
        case _, None:
            return Null(())
        case kind, bool() if kind in BINARY:
            return Enumerated(int(value))
        case kind, int() if kind in MULTISTATE and value >= 1 and not isinstance(value, bool):
            return Unsigned(value)
        case kind, float() | int() if kind in REAL and not isinstance(value, bool):
            return Real(float(value))
        case "large-analog-value", float() | int() if not isinstance(value, bool):
            return Double(float(value))
        case "integer-value", float() | int() if float(value).is_integer() and not isinstance(value, bool):
            return Integer(int(value))
        case "positive-integer-value", float() | int() if (
            float(value).is_integer() and value >= 0 and not isinstance(value, bool)
        ):
            return Unsigned(int(value))
        case "characterstring-value", str():
            return CharacterString(value)
    raise ValueError(f"{value!r} cannot be written to a {object_type}")
