"""BACnet octets for the devices of the benchmark: a few lines of ASHRAE 135 clause 20, written for this alone.

Nothing of the agent is used here, so that an error in its codec cannot answer itself.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

FALSE = b"\x10"
MAX_APDU = (50, 128, 206, 480, 1024, 1476)  # by the code in a confirmed request's second octet


def _tagged(first: int, number: int, data: bytes) -> bytes:
    size = len(data)
    if size < 5:
        return bytes((number << 4 | first | size,)) + data
    lead = bytes((number << 4 | first | 5,))
    if size < 254:
        return lead + bytes((size,)) + data
    return lead + b"\xfe" + struct.pack(">H", size) + data


def application(number: int, data: bytes) -> bytes:
    return _tagged(0, number, data)


def context(number: int, data: bytes) -> bytes:
    return _tagged(8, number, data)


def opened(number: int, data: bytes) -> bytes:
    return bytes((number << 4 | 0xE,)) + data + bytes((number << 4 | 0xF,))


def natural(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def unsigned(value: int) -> bytes:
    return application(2, natural(value))


def real(value: float) -> bytes:
    return b"\x44" + struct.pack(">f", value)


def text(value: str) -> bytes:
    return application(7, b"\0" + value.encode())


def bits(values: Sequence[bool]) -> bytes:
    unused = -len(values) % 8
    number = 0
    for value in values:
        number = number << 1 | value
    return application(8, bytes((unused,)) + (number << unused).to_bytes((len(values) + 7) // 8, "big"))


def enumerated(value: int) -> bytes:
    return application(9, natural(value))


def identifier(object_type: int, instance: int) -> bytes:
    """An object identifier without its tag."""
    return struct.pack(">I", object_type << 22 | instance)


class Malformed(Exception):
    """A request that cannot be parsed."""


def tags(data: bytes) -> Iterator[tuple[int, str, bytes]]:
    """(number, "context" | "application" | "open" | "close", contents) of every tag in turn."""
    position = 0
    try:
        while position < len(data):
            first = data[position]
            position += 1
            number, size = first >> 4, first & 7
            if number == 15:
                number = data[position]
                position += 1
            if first & 8 and size > 5:
                yield number, "open" if size == 6 else "close", b""
                continue
            if size == 5:
                size = data[position]
                position += 1
                if size == 254:
                    size = int.from_bytes(data[position : position + 2], "big")
                    position += 2
            if position + size > len(data):
                raise Malformed("cut short")
            yield number, "context" if first & 8 else "application", data[position : position + size]
            position += size
    except IndexError:
        raise Malformed("cut short") from None


Object = tuple[int, int]
Reference = tuple[int, int | None]


def _object(data: bytes) -> Object:
    number = int.from_bytes(data, "big")
    return number >> 22, number & 0x3FFFFF


def read_property(data: bytes) -> tuple[Object, Reference]:
    found = {number: contents for number, kind, contents in tags(data) if kind == "context"}
    if 0 not in found or 1 not in found:
        raise Malformed("ReadProperty without object or property")
    index = int.from_bytes(found[2], "big") if 2 in found else None
    return _object(found[0]), (int.from_bytes(found[1], "big"), index)


def read_property_multiple(data: bytes) -> list[tuple[Object, list[Reference]]]:
    found: list[tuple[Object, list[Reference]]] = []
    inside = False
    for number, kind, contents in tags(data):
        if kind in ("open", "close"):
            inside = kind == "open"
        elif not inside:
            found.append((_object(contents), []))
        elif number == 0 and found:
            found[-1][1].append((int.from_bytes(contents, "big"), None))
        elif number == 1 and found and found[-1][1]:
            property_, _ = found[-1][1].pop()
            found[-1][1].append((property_, int.from_bytes(contents, "big")))
        else:
            raise Malformed("ReadPropertyMultiple out of order")
    return found


def subscribe_cov(data: bytes) -> tuple[int, Object, bool, int | None]:
    """(process, object, confirmed, lifetime); lifetime None cancels."""
    found = {number: contents for number, kind, contents in tags(data) if kind == "context"}
    if 0 not in found or 1 not in found:
        raise Malformed("SubscribeCOV without process or object")
    process = int.from_bytes(found[0], "big")
    if 2 not in found and 3 not in found:
        return process, _object(found[1]), False, None
    confirmed = found.get(2, b"\0") != b"\0"
    return process, _object(found[1]), confirmed, int.from_bytes(found.get(3, b"\0"), "big")


def datagram(apdu: bytes, *, expecting: bool = False) -> bytes:
    """An Original-Unicast-NPDU around `apdu`."""
    return struct.pack(">BBHBB", 0x81, 0x0A, len(apdu) + 6, 1, 4 if expecting else 0) + apdu


def apdu_of(octets: bytes) -> bytes:
    """The APDU in a B/IP datagram, b"" if there is none for us."""
    if len(octets) < 8 or octets[0] != 0x81:
        return b""
    position = {0x0A: 4, 0x0B: 4, 0x09: 4, 0x04: 10}.get(octets[1], 0)
    if not position or len(octets) < position + 2:
        return b""
    control = octets[position + 1]
    if control & 0x80:  # a network layer message
        return b""
    position += 2
    if control & 0x20:
        position += 3 + octets[position + 2]
    if control & 0x08:
        position += 3 + octets[position + 2]
    if control & 0x20:
        position += 1
    return octets[position:]
