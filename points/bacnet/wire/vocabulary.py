"""The standard's names and numbers: hyphenated names, or numbers as text where there is no name.

Spelled as bacpypes3 spells them, whose tables these are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bacpypes3.apdu import AbortReason, RejectReason
from bacpypes3.basetypes import EngineeringUnits, ErrorCode
from bacpypes3.constructeddata import Array
from bacpypes3.constructeddata import List as BacnetList
from bacpypes3.primitivedata import Enumerated, ObjectType, PropertyIdentifier
from bacpypes3.vendor import get_vendor_info

from points.bacnet.wire.units import NEWER_UNITS

HIGHEST_OBJECT_TYPE = 1023  # ten bits of an object identifier
_HIGHEST_ENUMERATION = 0xFFFFFFFF
_ASHRAE = 0  # the standard's own object definitions; vendors' additions are read without a type


def names_of(enumeration: Any) -> dict[int, str]:
    """Number to name, as the library has them."""
    return dict(enumeration._asn1_map)  # noqa: SLF001 - the library has no public way to ask


_OBJECT_TYPE_NAMES = names_of(ObjectType)
_OBJECT_TYPE_NUMBERS = {name: number for number, name in _OBJECT_TYPE_NAMES.items()}
_PROPERTY_NAMES = names_of(PropertyIdentifier)
_PROPERTY_NUMBERS = {name: number for number, name in _PROPERTY_NAMES.items()}
_ERROR_CODES = names_of(ErrorCode)
_ABORT_REASONS = names_of(AbortReason)
_REJECT_REASONS = names_of(RejectReason)


def object_type_number(name: str) -> int:
    number = _OBJECT_TYPE_NUMBERS.get(name)
    return _number(name, HIGHEST_OBJECT_TYPE, "an object type") if number is None else number


def object_type_name(number: int) -> str:
    return _OBJECT_TYPE_NAMES.get(number) or str(number)


def property_number(name: str) -> int:
    number = _PROPERTY_NUMBERS.get(name)
    return _number(name, _HIGHEST_ENUMERATION, "a property") if number is None else number


def property_name(number: int) -> str:
    return _PROPERTY_NAMES.get(number) or str(number)


def error_code_name(number: int) -> str:
    return _ERROR_CODES.get(number) or str(number)


def abort_reason_name(number: int) -> str:
    return _ABORT_REASONS.get(number) or str(number)


def reject_reason_name(number: int) -> str:
    return _REJECT_REASONS.get(number) or str(number)


@lru_cache(maxsize=4096)
def property_type(object_type: str, name: str) -> tuple[Any, bool]:
    """(type of the elements or None, whether there may be many) as the standard defines the property."""
    try:
        definition = get_vendor_info(_ASHRAE).get_object_class(object_type_number(object_type))
        type_ = definition and definition.get_property_type(property_number(name))
    except (ValueError, TypeError, AttributeError):
        return None, False
    if type_ is None:
        return None, False
    if issubclass(type_, (Array, BacnetList)):
        return type_._subtype, True  # noqa: SLF001 - the library has no public way to ask
    return type_, False


def enumeration_names(type_: Any) -> dict[int, str]:
    """The names of a property's type; none when it is no enumeration."""
    if type_ is None or not issubclass(type_, Enumerated):
        return {}
    names = names_of(type_)
    return NEWER_UNITS | names if type_ is EngineeringUnits else names


def _number(text: str, highest: int, what: str) -> int:
    if text.isdecimal() and (number := int(text)) <= highest:
        return number
    raise ValueError(f"{text!r} is no name of {what}")
