"""COV notifications from octets (ASHRAE 135, clauses 13.6, 13.7, 13.17, 13.18 and 21).

One value that cannot be decoded costs the notification that value and no other.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from points.bacnet.port import Datum
from points.bacnet.wire.primitives import bits, shape_of
from points.bacnet.wire.tags import (
    closes,
    decode,
    enclosed_by,
    identifier,
    opens,
    optional_unsigned,
    tag,
    unsigned,
)
from points.bacnet.wire.vocabulary import object_type_name, property_name
from points.errors import ProtocolError

_DEVICE = 8  # the object type

# What nearly every notification of an analog object consists of: opening tag 4, property 85, a REAL ...
_PRESENT_REAL = b"\x4e\x09\x55\x2e\x44"
# ... property 111, four bits, closing tag 4. The unused half of the octet may be anything.
_STATUS_FLAGS = {
    b"\x2f\x09\x6f\x2e\x82\x04" + bytes((octet,)) + b"\x2f\x4f": bits(bytes((4, octet))) for octet in range(256)
}
_real_at = struct.Struct(">f").unpack_from


class Reported(NamedTuple):
    """What one object of a device reports."""

    process: int
    device_instance: int
    object_type: str
    instance: int
    properties: dict[str, Datum]  # by hyphenated name; "name[3]" for an element of an array
    undecodable: int = 0  # values that are left out


def cov(octets: bytes, at: int, *, multiple: bool) -> list[Reported]:
    """What the COV notification says whose service parameters start at `at`.

    `multiple`: it is a COVNotificationMultiple, which may tell of many objects.
    """
    return _multiple(octets, at) if multiple else [_single(octets, at)]


def _single(octets: bytes, at: int) -> Reported:
    end = len(octets)
    if at >= end:
        raise ProtocolError("the notification is empty")
    start = at + (octets[at] & 7) + 11  # behind a process, a device and an object
    process, device, object_type, instance = _who(octets[at:start])
    _, at = unsigned(3, octets, start, end)  # time remaining
    if octets[at : at + 5] == _PRESENT_REAL:
        flags = _STATUS_FLAGS.get(octets[at + 9 :])
        if flags is not None:
            value = _real_at(octets, at + 5)[0]
            return Reported(process, device, object_type, instance, {"present-value": value, "status-flags": flags})
    properties: dict[str, Datum] = {}
    undecodable, at = _values(4, octets, at, end, object_type, properties)
    if at != end:
        raise ProtocolError("there is more behind the notification")
    return Reported(process, device, object_type, instance, properties, undecodable)


@lru_cache(maxsize=16384)  # the same octets with every notification of a subscription
def _who(octets: bytes) -> tuple[int, int, str, int]:
    """(process, device instance, object type, instance)"""
    end = len(octets)
    process, at = unsigned(0, octets, 0, end)
    device, at = _device(octets, at, end)
    object_, at = identifier(2, octets, at, end)
    if at != end:
        raise ProtocolError("the notification's process is no number")
    return process, device, object_type_name(object_ >> 22), object_ & 0x3FFFFF


def _multiple(octets: bytes, at: int) -> list[Reported]:
    end = len(octets)
    process, at = unsigned(0, octets, at, end)
    device, at = _device(octets, at, end)
    _, at = unsigned(2, octets, at, end)  # time remaining
    if opens(3, octets, at, end):
        _, _, at = enclosed_by(3, octets, at, end)  # when it was sent
    if not opens(4, octets, at, end):
        raise ProtocolError("the notification has no list")
    at += 1
    reported: list[Reported] = []
    while not closes(4, octets, at, end):
        object_, at = identifier(0, octets, at, end)
        object_type = object_type_name(object_ >> 22)
        properties: dict[str, Datum] = {}
        undecodable, at = _values(1, octets, at, end, object_type, properties)
        reported.append(Reported(process, device, object_type, object_ & 0x3FFFFF, properties, undecodable))
    if at + 1 != end:
        raise ProtocolError("there is more behind the notification")
    return reported


def _device(octets: bytes, at: int, end: int) -> tuple[int, int]:
    device, at = identifier(1, octets, at, end)
    if device >> 22 != _DEVICE:
        raise ProtocolError("the notification is of no device")
    return device & 0x3FFFFF, at


def _values(
    number: int, octets: bytes, at: int, end: int, object_type: str, properties: dict[str, Datum]
) -> tuple[int, int]:
    """Puts the values of list `number` into `properties`: (how many could not be decoded, what follows)."""
    if not opens(number, octets, at, end):
        raise ProtocolError("the notification has no values")
    at += 1
    undecodable = 0
    while not closes(number, octets, at, end):
        property_, at = unsigned(0, octets, at, end)
        index, at = optional_unsigned(1, octets, at, end)
        start, stop, at = enclosed_by(2, octets, at, end)
        if at < end and octets[at] & 0xF8 == 0x38 and octets[at] & 7 <= 5:
            _, _, _, at = tag(octets, at, end)  # the priority, or the time of the change
        name = property_name(property_)
        try:
            value = decode(octets, start, stop, shape_of(object_type, name, index))
        except ProtocolError:
            undecodable += 1
            continue
        properties[name if index is None else f"{name}[{index}]"] = value
    return undecodable, at + 1
