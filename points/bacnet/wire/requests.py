"""The requests that we send, in octets (ASHRAE 135, clauses 13, 15, 20 and 21).

A name that BACnet does not know, or a number that does not fit, is a ValueError before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from points.bacnet.port import Property
from points.bacnet.wire.vocabulary import object_type_number, property_number

SUBSCRIBE_COV, READ_PROPERTY, READ_PROPERTY_MULTIPLE = 5, 12, 14  # BACnetConfirmedServiceChoice
HIGHEST_INSTANCE = 0x3FFFFF
_CONFIRMED, _SIMPLE_ACK, _ABORT = 0x00, 0x20, 0x70  # PDU types, in the high nibble
_BY_SERVER = 0x01
_OPENING_1, _CLOSING_1 = b"\x1e", b"\x1f"


def confirmed(invoke_id: int, service: int, parameters: bytes, *, max_apdu_code: int = 5) -> bytes:
    """A whole, unsegmented confirmed request that takes no segments. Code 5: we take APDUs of 1476 octets."""
    return bytes((_CONFIRMED, max_apdu_code, invoke_id, service)) + parameters


def simple_ack(invoke_id: int, service: int) -> bytes:
    return bytes((_SIMPLE_ACK, invoke_id, service))


def abort(invoke_id: int, reason: int, *, server: bool) -> bytes:
    return bytes((_ABORT | _BY_SERVER if server else _ABORT, invoke_id, reason))


def read_property(wanted: Property) -> bytes:
    return _object(0, wanted.object_type, wanted.instance) + _reference(wanted, 1)


def read_property_multiple(wanted: Sequence[Property]) -> bytes:
    """Grouped by object as the properties come."""
    grouped = groupby(wanted, key=lambda property_: (property_.object_type, property_.instance))
    return b"".join(
        _object(0, *object_) + _OPENING_1 + b"".join(_reference(each, 0) for each in properties) + _CLOSING_1
        for object_, properties in grouped
    )


def subscribe_cov(object_type: str, instance: int, *, process: int, lifetime: int, confirmed: bool) -> bytes:
    subscription = _unsigned(0, process) + _object(1, object_type, instance)
    return subscription + _unsigned(2, int(confirmed)) + _unsigned(3, lifetime)


def cancel_cov(object_type: str, instance: int, *, process: int) -> bytes:
    """Neither lifetime nor kind of notification: that is what makes it a cancellation."""
    return _unsigned(0, process) + _object(1, object_type, instance)


def object_identifier(object_type: str, instance: int) -> int:
    """The 32 bits of an object identifier."""
    if not 0 <= instance <= HIGHEST_INSTANCE:
        raise ValueError(f"{instance} is no instance of an object")
    return object_type_number(object_type) << 22 | instance


def _object(number: int, object_type: str, instance: int) -> bytes:
    return bytes((number << 4 | 0x0C,)) + object_identifier(object_type, instance).to_bytes(4, "big")


def _reference(wanted: Property, number: int) -> bytes:
    """A property, and its index in the tag after that where there is one."""
    property_ = _unsigned(number, property_number(wanted.name))
    return property_ if wanted.index is None else property_ + _unsigned(number + 1, wanted.index)


def _unsigned(number: int, value: int) -> bytes:
    """Context-tagged, in as few octets as it takes."""
    if not 0 <= value <= 0xFFFFFFFF:
        raise ValueError(f"{value} is not between 0 and {0xFFFFFFFF}")
    length = (value.bit_length() + 7) // 8 or 1
    return bytes((number << 4 | 0x08 | length,)) + value.to_bytes(length, "big")
