"""What a device of the farm answers to a request: pure, from its octets to the octets of the answer."""

from __future__ import annotations

from collections.abc import Iterator

from bench.devices import octets
from bench.devices.building import ALL, OPTIONAL, REQUIRED, Device, Refused

SUBSCRIBE_COV, READ_PROPERTY, READ_PROPERTY_MULTIPLE = 5, 12, 14
_REPLY_HEAD = 7  # octets before the invoke id: BVLC, NPDU, PDU type


def touched(service: int, body: bytes) -> set[octets.Object]:
    if service == READ_PROPERTY:
        return {octets.read_property(body)[0]}
    if service == READ_PROPERTY_MULTIPLE:
        return {object_ for object_, _ in octets.read_property_multiple(body)}
    return set()


def reply(device: Device, apdu: bytes, variant: int) -> bytes:
    """The answer without its invoke id, which belongs behind the first octet."""
    service, body = apdu[3], apdu[4:]
    if service == READ_PROPERTY:
        object_, (property_, index) = octets.read_property(body)
        try:
            value = device.read(object_, (property_, index), variant)
        except Refused as refused:
            return bytes((0x50, service)) + b"".join(octets.enumerated(part) for part in refused.reason)
        about = octets.context(0, octets.identifier(*object_)) + octets.context(1, octets.natural(property_))
        if index is not None:
            about += octets.context(2, octets.natural(index))
        answer = bytes((0x30, service)) + about + octets.opened(3, value)
    elif service == READ_PROPERTY_MULTIPLE:
        answer = bytes((0x30, service)) + b"".join(
            octets.context(0, octets.identifier(*object_))
            + octets.opened(1, b"".join(results(device, object_, references, variant)))
            for object_, references in octets.read_property_multiple(body)
        )
    else:
        return b"\x60\x09"  # reject: unrecognized service
    room = octets.MAX_APDU[min(apdu[1] & 0x0F, len(octets.MAX_APDU) - 1)]
    return answer if len(answer) + 1 <= room else b"\x71\x04"  # abort: segmentation not supported


def framed(answer: bytes) -> tuple[bytes, bytes]:
    """The datagram before and behind its invoke id."""
    whole = octets.datagram(answer[:1] + b"\0" + answer[1:])
    return whole[:_REPLY_HEAD], whole[_REPLY_HEAD + 1 :]


def plain(data: bytes) -> bool:
    """An unsegmented confirmed request without network addresses: its invoke id is the ninth octet."""
    return len(data) > 10 and data[1] == 0x0A and data[5] == 0x04 and data[6] < 4


def in_range(limits: bytes, instance: int) -> bool:
    try:
        found = [int.from_bytes(contents, "big") for _, _, contents in octets.tags(limits)]
    except octets.Malformed:
        return False
    return len(found) != 2 or found[0] <= instance <= found[1]


def results(
    device: Device, object_: octets.Object, references: list[octets.Reference], variant: int
) -> Iterator[bytes]:
    for reference in expanded(device, object_, references):
        property_, index = reference
        about = octets.context(2, octets.natural(property_))
        if index is not None:
            about += octets.context(3, octets.natural(index))
        try:
            yield about + octets.opened(4, device.read(object_, reference, variant))
        except Refused as refused:
            yield about + octets.opened(5, b"".join(octets.enumerated(part) for part in refused.reason))


def expanded(device: Device, object_: octets.Object, references: list[octets.Reference]) -> Iterator[octets.Reference]:
    for reference in references:
        if reference[0] not in (ALL, OPTIONAL, REQUIRED):
            yield reference
            continue
        try:
            yield from ((property_, None) for property_ in device.properties(object_))
        except Refused:
            yield reference


def notification(device: Device, process: int, object_: octets.Object, lifetime: int) -> tuple[bytes, bytes]:
    """A notification's octets before and behind the four of its present value."""
    before = (
        octets.context(0, octets.natural(process))
        + octets.context(1, octets.identifier(8, device.instance))
        + octets.context(2, octets.identifier(*object_))
        + octets.context(3, octets.natural(lifetime))
        + b"\x4e\x09\x55\x2e\x44"
    )
    return before, b"\x2f\x09\x6f\x2e\x82\x04\x00\x2f\x4f"
