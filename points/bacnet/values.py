"""Octets to values and back, so that no bacpypes3 type leaves this package.

Decoding is lenient where a value can still be told (wrong character sets, unknown enumerations,
bit strings of odd length) and raises `ProtocolError` where it cannot. It never raises anything else.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from bacpypes3.constructeddata import Array
from bacpypes3.constructeddata import List as BacnetList
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
    TagClass,
    Unsigned,
)
from bacpypes3.vendor import get_vendor_info

from points.bacnet.port import Datum, Opaque
from points.errors import ProtocolError
from points.model import Value

BINARY = frozenset({"binary-input", "binary-output", "binary-value", "binary-lighting-output"})
MULTISTATE = frozenset({"multi-state-input", "multi-state-output", "multi-state-value"})
REAL = frozenset({"analog-input", "analog-output", "analog-value", "lighting-output"})

# Properties of a binary object that carry its own kind of value.
_BINARY_PROPERTIES = frozenset(
    {"present-value", "priority-array", "relinquish-default", "feedback-value", "alarm-value"}
)
_LARGEST_REAL = 3.4e38  # rounding must not leave the range
_ASHRAE = 0  # the standard's own object definitions; vendors' additions are read without a type
_EVERY_DATE_FIELD = 255  # "unspecified", in any octet of a date or time


def object_identifier(object_type: str, instance: int) -> Any:
    """The library's object identifier of a hyphenated type name, or of a number as text."""
    return ObjectIdentifier((_object_type(object_type), instance))


def property_identifier(name: str) -> Any:
    return PropertyIdentifier(int(name) if name.isdigit() else name)


def decode(object_type: str, name: str, index: int | None, tags: Iterable[Any]) -> Datum:
    """The value of a property from the tags it arrived in."""
    try:
        return _decode(object_type, name, index, _content(list(tags)))
    except (ValueError, TypeError, IndexError, AttributeError, struct.error, OverflowError) as error:
        raise ProtocolError(f"{name} of {object_type} cannot be decoded: {error}") from error


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


def _content(tags: list[Any]) -> list[Any]:
    """Without the opening and closing tag of the parameter that the value travelled in."""
    if tags and tags[0].tag_class == TagClass.opening:
        return tags[1:-1]
    return tags


def _decode(object_type: str, name: str, index: int | None, tags: Sequence[Any]) -> Datum:
    if any(tag.tag_class != TagClass.application for tag in tags):
        return Opaque(b"".join(bytes(tag.encode().pduData) for tag in tags))
    type_, many = _type(object_type, name)
    if index == 0:
        type_, many = None, False  # the length of the array
    values = tuple(_primitive(tag, object_type, name, type_) for tag in tags)
    if many and index is None:
        return values
    if not values and type_ is not None:
        raise ValueError("there is no value in it")
    return values[0] if len(values) == 1 else values


@lru_cache(maxsize=4096)
def _type(object_type: str, name: str) -> tuple[Any, bool]:
    """(type of the elements or None, whether there may be many) as the standard defines the property."""
    try:
        definition = get_vendor_info(_ASHRAE).get_object_class(_object_type(object_type))
        type_ = definition and definition.get_property_type(property_identifier(name))
    except (ValueError, TypeError, AttributeError):
        return None, False
    if type_ is None:
        return None, False
    if issubclass(type_, (Array, BacnetList)):
        return type_._subtype, True  # noqa: SLF001 - the library has no public way to ask
    return type_, False


@lru_cache(maxsize=1024)
def _object_type(name: str) -> Any:
    return ObjectType(int(name) if name.isdigit() else name)


def _primitive(tag: Any, object_type: str, name: str, type_: Any) -> Datum:  # noqa: PLR0912 - one case per application tag
    octets = bytes(tag.tag_data)
    match int(tag.tag_number):
        case 0:
            return None
        case 1:
            return bool(tag.tag_lvt)
        case 2:
            return int.from_bytes(octets, "big")
        case 3:
            return int.from_bytes(octets, "big", signed=True)
        case 4:
            return _real(octets)
        case 5:
            return float(struct.unpack(">d", octets)[0])
        case 7:
            return text(octets)
        case 8:
            return _bits(octets)
        case 9:
            return _enumeration(int.from_bytes(octets, "big"), object_type, name, type_)
        case 10:
            return _date(octets)
        case 11:
            return _time(octets)
        case 12:
            number = int.from_bytes(octets, "big")
            return f"{_object_type(str(number >> 22))},{number & 0x3FFFFF}"
        case _:
            return Opaque(octets)


@lru_cache(maxsize=65536)
def _real(octets: bytes) -> float:
    """The shortest decimal that is this REAL: a device's 0.2 is 0.2 here, not 0.20000000298."""
    value = float(struct.unpack(">f", octets)[0])
    for digits in (6, 7, 8):  # nine always tell a REAL apart, and then nothing is gained
        short = float(f"{value:.{digits}g}")
        if math.isfinite(value) and abs(short) < _LARGEST_REAL and struct.pack(">f", short) == octets:
            return short
    return value


def text(octets: bytes) -> str:
    """A character string of any character set, decoded as well as can be; never an error."""
    charset, content = octets[0] if octets else 0, octets[1:]
    match charset:
        case 3:
            decoded = content.decode("utf-32-be", "replace")
        case 4:
            decoded = content.decode("utf-16-be", "replace")
        case 5:
            decoded = content.decode("latin-1")
        case _:
            try:
                decoded = content.decode("utf-8")
            except UnicodeDecodeError:
                decoded = content.decode("latin-1")  # the usual mislabelling in the field
    return decoded.rstrip("\0")


def _bits(octets: bytes) -> tuple[bool, ...]:
    unused, content = octets[0], octets[1:]
    bits = tuple(bool(octet >> shift & 1) for octet in content for shift in range(7, -1, -1))
    return bits[: len(bits) - unused] if unused < 8 else bits


def _enumeration(number: int, object_type: str, name: str, type_: Any) -> Value:
    if object_type in BINARY and name in _BINARY_PROPERTIES:
        return bool(number) if number in (0, 1) else str(number)
    if name in ("priority-array", "relinquish-default"):
        type_, _ = _type(object_type, "present-value")
    if type_ is None or not issubclass(type_, Enumerated):
        return str(number)
    return _name(type_, number)


@lru_cache(maxsize=4096)
def _name(type_: Any, number: int) -> str:
    try:
        return str(type_(number))
    except (ValueError, TypeError):
        return str(number)


def _date(octets: bytes) -> str:
    year, month, day, _ = octets
    shown = ("*" if year == _EVERY_DATE_FIELD else f"{year + 1900:04}", _field(month), _field(day))
    return "-".join(shown)


def _time(octets: bytes) -> str:
    hour, minute, second, hundredths = octets
    return f"{_field(hour)}:{_field(minute)}:{_field(second)}.{_field(hundredths)}"


def _field(octet: int) -> str:
    return "*" if octet == _EVERY_DATE_FIELD else f"{octet:02}"
