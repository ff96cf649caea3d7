"""BACnet octets, as little of them as an awkward device needs; on purpose not the codec that is tested with it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

DEVICE, ANALOG_INPUT, ANALOG_VALUE, BINARY_INPUT, MULTI_STATE_INPUT = 8, 0, 2, 3, 13

PRESENT_VALUE, STATUS_FLAGS, OBJECT_NAME, DESCRIPTION, UNITS, RELIABILITY = 85, 111, 77, 28, 117, 103
OBJECT_LIST, SERVICES, DATABASE_REVISION, SYSTEM_STATUS, SERIAL = 76, 97, 155, 112, 372
VENDOR_NAME, VENDOR_ID, MODEL_NAME, FIRMWARE, MAX_APDU, SEGMENTATION = 121, 120, 70, 44, 62, 107
RESTART_REASON, RESTART_TIME, LOCAL_TIME = 196, 203, 57
NUMBER_OF_STATES, STATE_TEXT, INACTIVE_TEXT, ACTIVE_TEXT = 74, 110, 46, 4
MIN_VALUE, MAX_VALUE, RESOLUTION, COV_INCREMENT = 69, 65, 106, 22

READ, READ_MULTIPLE, SUBSCRIBE, NOTIFY = 12, 14, 5, 1

UTF8, JIS, UCS4, UCS2, LATIN1 = 0, 2, 3, 4, 5


def tag(number: int, octets: bytes, *, context: bool = False) -> bytes:
    first = number << 4 | (8 if context else 0)
    if len(octets) <= 4:
        return bytes([first | len(octets)]) + octets
    if len(octets) < 254:
        return bytes([first | 5, len(octets)]) + octets
    return bytes([first | 5, 254]) + struct.pack(">H", len(octets)) + octets


def opening(number: int) -> bytes:
    return bytes([number << 4 | 0xE])


def closing(number: int) -> bytes:
    return bytes([number << 4 | 0xF])


def number_octets(number: int) -> bytes:
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def unsigned(number: int) -> bytes:
    return tag(2, number_octets(number))


def real(number: float) -> bytes:
    return tag(4, struct.pack(">f", number))


def text(characters: str, charset: int = UTF8) -> bytes:
    encoding = {UTF8: "utf-8", UCS4: "utf-32-be", UCS2: "utf-16-be", LATIN1: "latin-1", JIS: "iso2022_jp"}[charset]
    return raw_text(characters.encode(encoding), charset)


def raw_text(octets: bytes, charset: int) -> bytes:
    """Octets that are labelled with a character set, whatever they are."""
    return tag(7, bytes([charset]) + octets)


def bits(*values: bool) -> bytes:
    padded = [*values, *[False] * (-len(values) % 8)]
    octets = bytes(
        sum(bit << 7 - place for place, bit in enumerate(padded[at : at + 8])) for at in range(0, len(padded), 8)
    )
    return tag(8, bytes([len(padded) - len(values)]) + octets)


def enumerated(number: int) -> bytes:
    return tag(9, number_octets(number))


def identifier(object_type: int, instance: int) -> bytes:
    return tag(12, identifier_octets(object_type, instance))


def identifier_octets(object_type: int, instance: int) -> bytes:
    return struct.pack(">I", object_type << 22 | instance)


FINE = bits(False, False, False, False)
FAULTY = bits(False, True, False, False)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A property that somebody asks for."""

    object_type: int
    instance: int
    name: int
    index: int | None = None


def tags(octets: bytes) -> Iterator[tuple[str, int, bytes]]:
    """("open" | "close" | "context" | "application", number, content) one after the other."""
    at = 0
    while at < len(octets):
        first = octets[at]
        number, context, length = first >> 4, bool(first & 8), first & 7
        at += 1
        if context and length in (6, 7):
            yield ("open" if length == 6 else "close"), number, b""
            continue
        if length == 5:
            length = octets[at]
            at += 1
            if length == 254:
                length = int.from_bytes(octets[at : at + 2], "big")
                at += 2
        yield ("context" if context else "application"), number, octets[at : at + length]
        at += length


def wanted_of(service: int, octets: bytes) -> tuple[Wanted, ...]:
    """What a ReadProperty, ReadPropertyMultiple or SubscribeCOV request is about."""
    fields = list(tags(octets))
    if service == SUBSCRIBE:
        return (Wanted(*_identifier(fields[1][2]), PRESENT_VALUE),)
    if service == READ:
        index = int.from_bytes(fields[2][2], "big") if len(fields) > 2 else None
        return (Wanted(*_identifier(fields[0][2]), int.from_bytes(fields[1][2], "big"), index),)
    if service != READ_MULTIPLE:
        return ()
    found: list[Wanted] = []
    object_, inside = (0, 0), False
    for kind, number, content in fields:
        if kind in ("open", "close"):
            inside = kind == "open"
        elif not inside:
            object_ = _identifier(content)
        elif number == 0:
            found.append(Wanted(*object_, int.from_bytes(content, "big")))
        else:
            last = found.pop()
            found.append(Wanted(last.object_type, last.instance, last.name, int.from_bytes(content, "big")))
    return tuple(found)


def _identifier(octets: bytes) -> tuple[int, int]:
    number = int.from_bytes(octets, "big")
    return number >> 22, number & 0x3FFFFF


@dataclass(frozen=True, slots=True)
class Npdu:
    """A network layer message as it came."""

    to: tuple[int, bytes] | None
    from_: tuple[int, bytes] | None
    message: int | None
    content: bytes


def npdu_of(octets: bytes) -> Npdu:
    control, at = octets[1], 2
    to = from_ = None
    if control & 0x20:
        to, at = _network_address(octets, at)
    if control & 0x08:
        from_, at = _network_address(octets, at)
    if control & 0x20:
        at += 1  # the hop count
    if control & 0x80:
        return Npdu(to, from_, octets[at], octets[at + 1 :])
    return Npdu(to, from_, None, octets[at:])


def _network_address(octets: bytes, at: int) -> tuple[tuple[int, bytes], int]:
    network, length = int.from_bytes(octets[at : at + 2], "big"), octets[at + 2]
    return (network, octets[at + 3 : at + 3 + length]), at + 3 + length


def npdu(apdu: bytes, *, from_: tuple[int, bytes] | None = None) -> bytes:
    """An APDU on its way; `from_` is the network and address of a device behind a router."""
    if from_ is None:
        return b"\x01\x00" + apdu
    network, address = from_
    return b"\x01\x08" + struct.pack(">HB", network, len(address)) + address + apdu


def bvll(function: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0x81, function, len(content) + 4) + content
