"""A second encoder, as plain as the standard's clause 20.2, for tests to hold the codec against."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import NamedTuple

from hypothesis import strategies as st

APPLICATION, CONTEXT = 0, 1
ANALOG_INPUT, BINARY_INPUT, BINARY_OUTPUT, DEVICE, MULTI_STATE_VALUE = 0, 3, 4, 8, 19
PRESENT_VALUE, STATUS_FLAGS, OBJECT_LIST, UNITS, RELIABILITY, EVENT_STATE = 85, 111, 76, 117, 103, 36


def tag(number: int, class_: int, content: bytes, value: int | None = None) -> bytes:
    """A tag and its content; `value` in place of a length, for a BOOLEAN."""
    first = (min(number, 15) << 4) | class_ << 3
    more = bytes((number,)) if number >= 15 else b""
    length = len(content) if value is None else value
    if length < 5:
        return bytes((first | length,)) + more + content
    if length <= 253:
        long = bytes((length,))
    elif length <= 0xFFFF:
        long = b"\xfe" + struct.pack(">H", length)
    else:
        long = b"\xff" + struct.pack(">I", length)
    return bytes((first | 5,)) + more + long + content


def application(number: int, content: bytes) -> bytes:
    return tag(number, APPLICATION, content)


def context(number: int, content: bytes) -> bytes:
    return tag(number, CONTEXT, content)


def inside(number: int, content: bytes) -> bytes:
    """Between an opening and a closing tag."""
    if number < 15:
        return bytes((number << 4 | 0x0E,)) + content + bytes((number << 4 | 0x0F,))
    return bytes((0xFE, number)) + content + bytes((0xFF, number))


def number_octets(value: int, *, signed: bool = False) -> bytes:
    length = 1
    while True:
        try:
            return value.to_bytes(length, "big", signed=signed)
        except OverflowError:
            length += 1


def unsigned(value: int) -> bytes:
    return application(2, number_octets(value))


def integer(value: int) -> bytes:
    return application(3, number_octets(value, signed=True))


def real(value: float) -> bytes:
    return application(4, struct.pack(">f", value))


def text(value: str) -> bytes:
    return application(7, b"\0" + value.encode())


def bit_string(bits: Iterable[bool]) -> bytes:
    listed = list(bits)
    unused = -len(listed) % 8
    listed += [False] * unused
    octets = bytes(
        sum(bit << (7 - place) for place, bit in enumerate(listed[start : start + 8]))
        for start in range(0, len(listed), 8)
    )
    return application(8, bytes((unused,)) + octets)


def enumerated(value: int) -> bytes:
    return application(9, number_octets(value))


def object_octets(object_type: int, instance: int) -> bytes:
    return struct.pack(">I", object_type << 22 | instance)


def boolean(*, value: bool) -> bytes:
    return tag(1, APPLICATION, b"", int(value))


def read_property_ack(object_type: int, instance: int, property_: int, value: bytes, index: int | None = None) -> bytes:
    place = b"" if index is None else context(2, number_octets(index))
    head = context(0, object_octets(object_type, instance)) + context(1, number_octets(property_))
    return head + place + inside(3, value)


class Result(NamedTuple):
    """Of one property: its value's octets, or a class and a code."""

    object_type: int
    instance: int
    number: int
    value: bytes | tuple[int, int]
    index: int | None = None

    @property
    def octets(self) -> bytes:
        place = b"" if self.index is None else context(3, number_octets(self.index))
        if isinstance(self.value, bytes):
            said = inside(4, self.value)
        else:
            said = inside(5, enumerated(self.value[0]) + enumerated(self.value[1]))
        return context(2, number_octets(self.number)) + place + said


def read_property_multiple_ack(results: Iterable[Result]) -> bytes:
    """Each result in a list of its own, as some devices send them; grouping changes nothing but octets."""
    return b"".join(
        context(0, object_octets(each.object_type, each.instance)) + inside(1, each.octets) for each in results
    )


def property_values(values: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(context(0, number_octets(number)) + inside(2, value) for number, value in values)


def notification(
    object_type: int, instance: int, values: Iterable[tuple[int, bytes]], *, process: int = 1, device: int = 4
) -> bytes:
    return (
        context(0, number_octets(process))
        + context(1, object_octets(DEVICE, device))
        + context(2, object_octets(object_type, instance))
        + context(3, number_octets(60))
        + inside(4, property_values(values))
    )


def notification_multiple(
    objects: Iterable[tuple[int, int, Iterable[tuple[int, bytes]]]],
    *,
    process: int = 1,
    device: int = 4,
    stamp: bytes = b"",
) -> bytes:
    listed = b"".join(
        context(0, object_octets(object_type, instance)) + inside(1, property_values(values))
        for object_type, instance, values in objects
    )
    return (
        context(0, number_octets(process))
        + context(1, object_octets(DEVICE, device))
        + context(2, number_octets(60))
        + stamp
        + inside(4, listed)
    )


def primitives() -> st.SearchStrategy[bytes]:
    """Application-tagged values of every kind, well-formed ones and others."""
    return st.one_of(
        st.just(application(0, b"")),
        st.booleans().map(lambda value: boolean(value=value)),
        st.integers(0, 2**64 - 1).map(unsigned),
        st.integers(-(2**63), 2**63 - 1).map(integer),
        st.floats(width=32).map(real),
        st.floats().map(lambda value: application(5, struct.pack(">d", value))),
        st.binary(max_size=300).map(lambda octets: application(6, octets)),
        st.text(max_size=80).map(text),
        st.binary(min_size=1, max_size=20).map(lambda octets: application(7, octets)),
        st.lists(st.booleans(), max_size=40).map(bit_string),
        st.integers(0, 2**32 - 1).map(enumerated),
        st.binary(min_size=4, max_size=4).map(lambda octets: application(10, octets)),
        st.binary(min_size=4, max_size=4).map(lambda octets: application(11, octets)),
        st.binary(min_size=4, max_size=4).map(lambda octets: application(12, octets)),
        st.tuples(st.integers(13, 254), st.binary(max_size=8)).map(lambda both: application(*both)),
    )


def values() -> st.SearchStrategy[bytes]:
    """What stands between opening and closing tag: one value, several, or constructed ones."""
    constructed = st.recursive(
        st.one_of(primitives(), st.tuples(st.integers(0, 254), st.binary(max_size=8)).map(lambda both: context(*both))),
        lambda inner: st.tuples(st.integers(0, 254), st.lists(inner, max_size=3).map(b"".join)).map(
            lambda both: inside(*both)
        ),
        max_leaves=6,
    )
    return st.one_of(primitives(), st.lists(primitives(), max_size=5).map(b"".join), constructed)


@st.composite
def mutated(draw: st.DrawFn, whole: st.SearchStrategy[bytes]) -> bytes:
    """Octets with a few of them changed, left out, repeated or cut off."""
    octets = bytearray(draw(whole))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(octets)))
        match draw(st.integers(0, 3)):
            case 0 if at < len(octets):
                octets[at] = draw(st.integers(0, 255))
            case 1:
                del octets[at : at + draw(st.integers(1, 4))]
            case 2:
                octets[at:at] = draw(st.binary(min_size=1, max_size=6))
            case _:
                del octets[at:]
    return bytes(octets)


class Counted(bytes):
    """Octets that count how many of them are looked at."""

    looked: int

    def __getitem__(self, place):
        octets = super().__getitem__(place)
        self.looked = getattr(self, "looked", 0) + (1 if isinstance(octets, int) else len(octets))
        return octets
