"""Answers to our reads, and refusals, from octets (ASHRAE 135, clauses 15.5, 15.7, 20.1 and 21).

An answer about anything that was not asked is no answer: it is a `ProtocolError` as a whole.
What one property of a multiple read cannot give stands in its place as an error.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from points.bacnet.port import Answer, Datum, Property
from points.bacnet.wire.primitives import Shape, shape_of
from points.bacnet.wire.requests import object_identifier
from points.bacnet.wire.tags import (
    APPLICATION,
    closes,
    decode,
    enclosed_by,
    identifier,
    opens,
    optional_unsigned,
    tag,
    unsigned,
)
from points.bacnet.wire.vocabulary import abort_reason_name, error_code_name, property_number, reject_reason_name
from points.errors import AnsweredForAnother, DeviceError, DeviceRefused, DeviceSilent, ProtocolError

ERROR, REJECT, ABORT = 5, 6, 7  # PDU types
_ENUMERATED = 9
_REAL = 0x44  # a REAL's whole tag
_LONG_ENOUGH = 7  # octets of an opening tag, a REAL and a closing tag
# A gateway found no way to the device; to whoever asked this is the same as silence.
NO_ROUTE = frozenset({"unknown-route", "network-down", "router-busy"})
_real_at = struct.Struct(">f").unpack_from

_SHORT_REFUSAL = b"\x91\x91\x5f"  # the tags of class and code, and the closing one: every other octet
_SHORT_REFUSAL_ENDS = 6  # octets behind the opening tag

Key = tuple[int, int, int | None]
"""An object identifier, a property and an index, as numbers."""

Place = tuple[int, int]
"""Where the tags of a value begin and end."""


class Asked(NamedTuple):
    """What was asked for, by the numbers in which the answer will say it."""

    wanted: tuple[Property, ...]
    keys: tuple[Key, ...]
    shapes: dict[Key, Shape]
    by_key: dict[Key, Property]

    @classmethod
    def of(cls, wanted: Sequence[Property], charset: str = "") -> Asked:
        """ValueError for a name that BACnet does not know. `charset`: what the device's strings are in truth."""
        keys = tuple(_key(each) for each in wanted)
        shapes = {
            key: shape_of(each.object_type, each.name, each.index) for key, each in zip(keys, wanted, strict=True)
        }
        if charset:
            shapes = {key: shape._replace(charset=charset) for key, shape in shapes.items()}
        return cls(tuple(wanted), keys, shapes, dict(zip(keys, wanted, strict=True)))


def read_property(octets: bytes, at: int, wanted: Property, charset: str = "") -> Datum:
    """The value in the ReadProperty-ACK whose service parameters start at `at`."""
    answer = single(octets, at, Asked.of((wanted,), charset), {})
    if isinstance(answer, DeviceError):
        raise answer
    return answer


def value_in(octets: bytes, wanted: Property) -> bytes:
    """The tags of the value in a ReadProperty-ACK, given by its service parameters."""
    asked, places = Asked.of((wanted,)), dict[Key, Place]()
    answer = single(octets, 0, asked, places)
    if not places:
        assert isinstance(answer, DeviceError), "without a place there is no value"
        raise answer
    ((start, stop),) = places.values()
    return octets[start:stop]


def read_property_multiple(octets: bytes, at: int, wanted: Sequence[Property]) -> list[Answer]:
    """The answers in the ReadPropertyMultiple-ACK whose service parameters start at `at`, in the order asked."""
    return multiple(octets, at, Asked.of(wanted), {})


def single(octets: bytes, at: int, asked: Asked, places: dict[Key, Place]) -> Answer:
    """As `read_property`, but a value that cannot be decoded is the answer; `places` is told where the value is."""
    end = len(octets)
    about = of_property(asked.wanted[0])
    try:
        object_, at = identifier(0, octets, at, end)
        property_, at = unsigned(1, octets, at, end)
        index, at = optional_unsigned(2, octets, at, end)
        start, stop, after = enclosed_by(3, octets, at, end)
    except ProtocolError as error:
        raise ProtocolError(f"{about}: the answer cannot be decoded ({error})") from None
    key = (object_, property_, index)
    if key != asked.keys[0] or after != end:
        raise AnsweredForAnother(f"{about}: answered for something else")
    return _value(octets, (start, stop), key, asked, places)


def multiple(octets: bytes, at: int, asked: Asked, places: dict[Key, Place]) -> list[Answer]:
    """As `read_property_multiple`; `places` is told where each value is."""
    results: dict[Key, Answer] = {}
    try:
        _results(octets, at, asked, results, places)
    except AnsweredForAnother as error:
        raise AnsweredForAnother(f"{len(asked.keys)} properties: {error}") from None
    except ProtocolError as error:
        raise ProtocolError(f"{len(asked.keys)} properties: the answer cannot be decoded ({error})") from None
    return [
        results[key] if key in results else ProtocolError(f"{of_property(each)}: missing in the answer")
        for key, each in zip(asked.keys, asked.wanted, strict=True)
    ]


def _results(octets: bytes, at: int, asked: Asked, results: dict[Key, Answer], places: dict[Key, Place]) -> None:
    """ReadAccessResults up to the end, each the results of one object."""
    end = len(octets)
    shapes = asked.shapes
    while at < end:
        object_, at = identifier(0, octets, at, end)
        if not opens(1, octets, at, end):
            raise ProtocolError("a list of results is missing")
        at += 1
        while not closes(1, octets, at, end):
            property_, at = unsigned(2, octets, at, end)
            index, at = optional_unsigned(3, octets, at, end)
            key = (object_, property_, index)
            shape = shapes.get(key)
            if shape is None and index is None and opens(5, octets, at, end):
                key = _without_index(object_, property_, asked)
                shape = shapes.get(key)
            if shape is None:
                raise AnsweredForAnother("answered for something else")
            if (
                at + _LONG_ENOUGH <= end
                and octets[at + 1] == _REAL
                and octets[at] == 0x4E
                and octets[at + 6] == 0x4F
                and not shape.many
            ):
                results[key] = float(_real_at(octets, at + 2)[0])
                places[key] = (at + 1, at + 6)
                at += _LONG_ENOUGH
                continue
            if opens(5, octets, at, end):
                places.pop(key, None)
                if octets[at + 1 : at + 6 : 2] == _SHORT_REFUSAL:  # class and code in one octet each, as nearly all are
                    results[key] = _refusal(_named(key, asked), error_code_name(octets[at + 4]))
                    at += _SHORT_REFUSAL_ENDS
                    continue
                start, stop, at = enclosed_by(5, octets, at, end)
                results[key] = _refused(octets, start, stop, key, asked)
            else:
                start, stop, at = enclosed_by(4, octets, at, end)
                results[key] = _value(octets, (start, stop), key, asked, places)
        at += 1


def _without_index(object_: int, property_: int, asked: Asked) -> Key:
    """What a refusal is about whose device leaves out the index: there must be one element only that was asked for."""
    meant = [key for key in asked.keys if key[:2] == (object_, property_)]
    return meant[0] if len(meant) == 1 else (object_, property_, None)


def _value(octets: bytes, place: Place, key: Key, asked: Asked, places: dict[Key, Place]) -> Answer:
    places[key] = place
    try:
        return decode(octets, *place, asked.shapes[key])
    except ProtocolError as error:
        return ProtocolError(f"{_named(key, asked)} cannot be decoded: {error}")


def _refused(octets: bytes, start: int, stop: int, key: Key, asked: Asked) -> DeviceError:
    """The error that stands in place of one property."""
    about = _named(key, asked)
    try:
        code = _error_code(octets, start, stop)
    except ProtocolError as error:
        return ProtocolError(f"{about}: refused, for a reason that cannot be decoded ({error})")
    return _refusal(about, code)


def _refusal(about: str, code: str) -> DeviceRefused:
    return DeviceRefused(f"{about}: refused ({code})", code)


def refusal(octets: bytes, at: int, about: str) -> DeviceError:
    """The error that the Error, Reject or Abort APDU at `at` is to us. The caller has matched its invoke id."""
    end = len(octets)
    kind = octets[at] >> 4 if at + 3 <= end else None
    match kind:
        case 6:
            reason = reject_reason_name(octets[at + 2])
            return DeviceRefused(f"{about}: rejected ({reason})", reason)
        case 7:
            reason = abort_reason_name(octets[at + 2])
            return DeviceRefused(f"{about}: aborted ({reason})", reason)
        case 5:
            return _error(octets, at + 3, end, about)
    return ProtocolError(f"{about}: the answer cannot be decoded")


def _error(octets: bytes, at: int, end: int, about: str) -> DeviceError:
    try:
        if opens(0, octets, at, end):  # the services whose errors say more put these two into tag 0
            at, end, _ = enclosed_by(0, octets, at, end)
        code = _error_code(octets, at, end)
    except ProtocolError as error:
        return ProtocolError(f"{about}: the answer cannot be decoded ({error})")
    if code in NO_ROUTE:
        return DeviceSilent(f"{about}: no router leads there ({code})")
    return _refusal(about, code)


def _error_code(octets: bytes, at: int, end: int) -> str:
    """The code behind its class; the class says nothing that the code does not."""
    for _ in range(2):
        number, class_, start, at = tag(octets, at, end)
        if number != _ENUMERATED or class_ != APPLICATION or not 0 < at - start <= 4:
            raise ProtocolError("an error without class and code")
    return error_code_name(int.from_bytes(octets[start:at], "big"))


def of_property(wanted: Property) -> str:
    index = "" if wanted.index is None else f"[{wanted.index}]"
    return f"{wanted.name}{index} of {wanted.object_type} {wanted.instance}"


def _named(key: Key, asked: Asked) -> str:
    return of_property(asked.by_key[key])


def _key(wanted: Property) -> Key:
    return object_identifier(wanted.object_type, wanted.instance), property_number(wanted.name), wanted.index
