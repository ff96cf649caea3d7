"""Application-tagged values, from their content octets to ours (ASHRAE 135, clause 20.2).

Lenient where a value can still be told (wrong character sets, unknown enumerations, bit strings of
odd length); `ProtocolError` where it cannot. REALs are exact: `points.bacnet.values.shortest` rounds.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from points.bacnet.port import Datum, Opaque
from points.bacnet.wire.texts import text
from points.bacnet.wire.vocabulary import enumeration_names, object_type_name, property_type
from points.errors import ProtocolError
from points.model import Value

BINARY = frozenset({"binary-input", "binary-output", "binary-value", "binary-lighting-output"})
# Properties of a binary object that carry its own kind of value.
_BINARY_PROPERTIES = frozenset(
    {"present-value", "priority-array", "relinquish-default", "feedback-value", "alarm-value"}
)
_EVERY_FIELD = 255  # "unspecified", in any octet of a date or time
_LONGEST_NUMBER = 8  # octets: Unsigned64 and its like

_real = struct.Struct(">f").unpack
_double = struct.Struct(">d").unpack
_BITS = tuple(tuple(bool(octet >> shift & 1) for shift in range(7, -1, -1)) for octet in range(256))


class Shape(NamedTuple):
    """What the standard says of a property's value."""

    typed: bool  # the standard has a type for it
    many: bool  # an array or list
    names: dict[int, Value]  # of its enumeration
    charset: str = ""  # Python's name of what its device writes, whatever it says; "" as it says


UNTYPED = Shape(typed=False, many=False, names={})


def shape_of(object_type: str, name: str, index: int | None) -> Shape:
    return UNTYPED if index == 0 else _shape(object_type, name, element=index is not None)  # [0] is an array's length


@lru_cache(maxsize=8192)
def _shape(object_type: str, name: str, *, element: bool) -> Shape:
    type_, many = property_type(object_type, name)
    valued = "present-value" if name in ("priority-array", "relinquish-default") else name
    names: dict[int, Value]
    if object_type in BINARY and name in _BINARY_PROPERTIES:
        names = {0: False, 1: True}
    else:
        names = {**enumeration_names(property_type(object_type, valued)[0])}
    return Shape(typed=type_ is not None, many=many and not element, names=names)


def primitive(number: int, flag: int, octets: bytes, names: dict[int, Value], charset: str = "") -> Datum:  # noqa: PLR0912 - one case per application tag
    """The value of application tag `number`; `flag` is its length/value/type, where a BOOLEAN has its value."""
    match number:
        case 4:
            if len(octets) != 4:
                raise ProtocolError("a REAL has no four octets")
            return float(_real(octets)[0])
        case 9:
            value = _unsigned(octets)
            return names[value] if value in names else str(value)
        case 8:
            return bits(octets)
        case 2:
            return _unsigned(octets)
        case 0:
            return None
        case 1:
            return flag == 1
        case 3:
            if not 0 < len(octets) <= _LONGEST_NUMBER:
                raise ProtocolError("an INTEGER is empty or too long")
            return int.from_bytes(octets, "big", signed=True)
        case 5:
            if len(octets) != 8:
                raise ProtocolError("a DOUBLE has no eight octets")
            return float(_double(octets)[0])
        case 7:
            return text(octets, charset)
        case 10:
            return _date(octets)
        case 11:
            return _time(octets)
        case 12:
            return _object(octets)
        case _:
            return Opaque(octets)


def bits(octets: bytes) -> tuple[bool, ...]:
    """A bit string: how many bits of its last octet are unused, and then its octets."""
    if len(octets) == 2 and octets[0] < 8:
        return _BITS[octets[1]][: 8 - octets[0]]
    if not octets:
        raise ProtocolError("a bit string is empty")
    unused = octets[0]
    every = tuple(bit for octet in octets[1:] for bit in _BITS[octet])
    return every[: len(every) - unused] if unused < 8 else every


def _unsigned(octets: bytes) -> int:
    if not 0 < len(octets) <= _LONGEST_NUMBER:
        raise ProtocolError("a number is empty or too long")
    return int.from_bytes(octets, "big")


def _date(octets: bytes) -> str:
    if len(octets) != 4:
        raise ProtocolError("a date has no four octets")
    year, month, day, _ = octets
    shown = ("*" if year == _EVERY_FIELD else f"{year + 1900:04}", _field(month), _field(day))
    return "-".join(shown)


def _time(octets: bytes) -> str:
    if len(octets) != 4:
        raise ProtocolError("a time has no four octets")
    hour, minute, second, hundredths = octets
    return f"{_field(hour)}:{_field(minute)}:{_field(second)}.{_field(hundredths)}"


def _field(octet: int) -> str:
    return "*" if octet == _EVERY_FIELD else f"{octet:02}"


def _object(octets: bytes) -> str:
    if len(octets) != 4:
        raise ProtocolError("an object identifier has no four octets")
    number = int.from_bytes(octets, "big")
    return f"{object_type_name(number >> 22)},{number & 0x3FFFFF}"
