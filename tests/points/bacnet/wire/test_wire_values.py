"""Values from octets: every application tag, every character set, and what is none of them."""

from __future__ import annotations

import contextlib
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_octets import (
    Counted,
    application,
    bit_string,
    boolean,
    context,
    enumerated,
    inside,
    integer,
    primitives,
    real,
    tag,
    text,
    unsigned,
    values,
)

from points.bacnet.port import Datum, Opaque
from points.bacnet.wire import tags
from points.bacnet.wire.tags import decode_values
from points.errors import ProtocolError


def decoded(octets: bytes, object_type: str = "analog-input", name: str = "9999", index: int | None = None) -> Datum:
    return decode_values(octets, 0, len(octets), object_type, name, index)


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        ("00", None),
        ("10", False),
        ("11", True),
        ("21 48", 72),
        ("31 48", 72),
        ("31 b8", -72),
        ("44 42900000", 72.0),
        ("55 08 4052000000000000", 72.0),
        ("63 1234ff", Opaque(b"\x12\x34\xff")),
        ("75 19 00 546869732069732061204241436e657420737472696e6721", "This is a BACnet string!"),
        ("75 1b 01 0352 546869732069732061204241436e657420737472696e6721", "This is a BACnet string!"),
        ("82 03a8", (True, False, True, False, True)),
        ("91 00", "0"),
        ("a4 5b011805", "1991-01-24"),
        ("b4 11232d11", "17:35:45.17"),
        ("c4 00c0000f", "binary-input,15"),
    ],
)
def test_the_standards_own_examples(octets: str, value: Datum) -> None:
    """ASHRAE 135, clause 20.2."""
    assert decoded(bytes.fromhex(octets)) == value


@given(st.integers(0, 2**64 - 1))
def test_unsigned_numbers_come_back(value: int) -> None:
    assert decoded(unsigned(value)) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_numbers_come_back(value: int) -> None:
    assert decoded(integer(value)) == value


@given(st.floats(width=32))
def test_reals_come_back_exact(value: float) -> None:
    back = decoded(real(value), name="present-value")
    assert isinstance(back, float)
    assert back == value or (math.isnan(value) and math.isnan(back))


@given(st.floats())
def test_doubles_come_back_exact(value: float) -> None:
    back = decoded(application(5, struct.pack(">d", value)))
    assert back == value or (math.isnan(value) and math.isnan(back))  # type: ignore[arg-type]


@given(st.booleans())
def test_booleans_come_back(value: bool) -> None:
    assert decoded(boolean(value=value), name="out-of-service") is value


@given(st.lists(st.booleans(), max_size=100))
def test_bit_strings_of_any_length_come_back(bits: list[bool]) -> None:
    assert decoded(bit_string(bits), name="9999") == tuple(bits)


@given(st.text(max_size=200))
def test_texts_come_back(value: str) -> None:
    assert decoded(text(value), name="description") == value.rstrip("\0")


@given(st.integers(0, 1023), st.integers(0, 0x3FFFFF))
def test_object_identifiers_come_back(object_type: int, instance: int) -> None:
    back = decoded(application(12, struct.pack(">I", object_type << 22 | instance)))
    assert str(back).endswith(f",{instance}")
    if object_type >= 128:
        assert back == f"{object_type},{instance}"


@given(st.integers(13, 254), st.binary(max_size=70_000))
def test_tags_with_no_meaning_keep_their_octets(number: int, octets: bytes) -> None:
    assert decoded(application(number, octets)) == Opaque(octets)


@pytest.mark.parametrize("length", [0, 4, 5, 6, 253, 254, 255, 256, 65_535, 65_536])
@pytest.mark.parametrize("number", [6, 14, 15, 254])
def test_lengths_are_told_in_as_many_octets_as_they_take(number: int, length: int) -> None:
    octets = application(number, bytes(length))
    assert decoded(octets) == Opaque(bytes(length))
    assert decoded(octets * 2) == (Opaque(bytes(length)),) * 2
    assert decoded(inside(3, context(number, bytes(length)))) == Opaque(inside(3, context(number, bytes(length))))


@pytest.mark.parametrize(
    ("charset", "octets", "shown"),
    [
        (0, "Zürich °C".encode(), "Zürich °C"),
        (0, "Zürich °C".encode("latin-1"), "Zürich °C"),  # mislabelled
        (1, b"\x03\x52" + "Zürich".encode("cp850"), "Zürich"),
        (1, b"\x04\xe4" + "Zürich €".encode("cp1252"), "Zürich €"),
        (1, b"\x03\xa4" + "温度".encode("cp932"), "温度"),
        (1, b"\xff\xff" + "Zürich".encode(), "Zürich"),  # no such code page
        (1, b"\x03\x52", ""),
        (1, b"\x03", "\x03"),
        (2, "温度".encode("iso2022_jp"), "温度"),
        (2, "温度".encode("shift_jis"), "温度"),
        (2, b"Fan 1", "Fan 1"),
        (3, "Zürich".encode("utf-32-be"), "Zürich"),
        (4, "Zürich 温".encode("utf-16-be"), "Zürich 温"),
        (4, b"\x00A\xd8", "A�"),  # cut off
        (5, "Zürich".encode("latin-1"), "Zürich"),
        (9, b"as if UTF-8", "as if UTF-8"),
        (0, b"padded\0\0\0", "padded"),
    ],
)
def test_every_character_set_is_read(charset: int, octets: bytes, shown: str) -> None:
    assert decoded(application(7, bytes((charset,)) + octets), name="object-name") == shown


@given(st.binary(max_size=64))
def test_no_text_is_an_error(octets: bytes) -> None:
    assert isinstance(decoded(application(7, octets), name="object-name"), str)


@pytest.mark.parametrize(
    ("octets", "bits"),
    [
        (b"\x04\x80", (True, False, False, False)),
        (b"\x00", ()),
        (b"\x03", ()),
        (b"\x09\xff", (True,) * 8),  # more unused than an octet has: none is
        (b"\x05\x00\xe0", (False,) * 8 + (True,) * 3),
    ],
)
def test_odd_bit_strings_are_read(octets: bytes, bits: tuple[bool, ...]) -> None:
    assert decoded(application(8, octets), name="status-flags") == bits


@pytest.mark.parametrize(
    ("object_type", "name", "index", "octets", "value"),
    [
        ("analog-input", "units", None, enumerated(62), "degrees-celsius"),
        ("analog-input", "units", None, enumerated(40_000), "40000"),
        ("analog-input", "event-state", None, enumerated(2), "offnormal"),
        ("analog-input", "reliability", None, enumerated(64), "64"),
        ("analog-input", "9999", None, enumerated(1), "1"),
        ("200", "present-value", None, enumerated(1), "1"),
        ("binary-output", "present-value", None, enumerated(1), True),
        ("binary-output", "present-value", None, enumerated(0), False),
        ("binary-output", "present-value", None, enumerated(7), "7"),
        ("binary-output", "relinquish-default", None, enumerated(1), True),
        ("binary-lighting-output", "present-value", None, enumerated(1), True),
        ("binary-output", "polarity", None, enumerated(1), "reverse"),
        ("binary-value", "priority-array", None, b"\0" + enumerated(1) + b"\0", (None, True, None)),
        ("binary-value", "priority-array", 2, enumerated(1), True),
        ("binary-value", "priority-array", 0, unsigned(16), 16),
        ("multi-state-value", "state-text", None, text("Off") + text("On"), ("Off", "On")),
        ("multi-state-value", "state-text", None, text("Off"), ("Off",)),
        ("multi-state-value", "state-text", None, b"", ()),
        ("multi-state-value", "state-text", 1, text("Off"), "Off"),
        ("device", "object-list", 0, unsigned(3), 3),
        ("device", "object-list", 1, application(12, b"\x02\0\0\1"), "device,1"),
        ("device", "segmentation-supported", None, enumerated(3), "no-segmentation"),
        ("analog-output", "priority-array", None, real(1.5) + b"\0", (1.5, None)),
        ("analog-output", "priority-array", None, b"\0" + inside(0, real(1.5)), Opaque(b"\0" + inside(0, real(1.5)))),
        ("analog-input", "9999", None, real(1.5) + real(2.5), (1.5, 2.5)),
        ("analog-input", "9999", None, b"", ()),
        ("analog-input", "9999", None, context(2, b"ab"), Opaque(context(2, b"ab"))),
        ("analog-input", "9999", None, inside(200, context(77, b"")), Opaque(inside(200, context(77, b"")))),
        ("schedule", "effective-period", None, application(10, b"\xff\xff\xff\xff") * 2, ("*-*-*", "*-*-*")),
        ("device", "local-time", None, application(11, b"\x01\x02\xff\xff"), "01:02:*.*"),
    ],
)
def test_a_value_is_what_its_property_says(
    object_type: str, name: str, index: int | None, octets: bytes, value: Datum
) -> None:
    back = decoded(octets, object_type, name, index)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "octets",
    [
        b"",  # nothing, where there has to be something
        b"\x44\x00\x00",
        b"\x43\x00\x00\x00",
        b"\x45",
        b"\x75\xfe\x00",
        b"\x75\xff\xff\xff\xff\xff",  # four gigabytes
        b"\x12",
        b"\x15\x00",
        b"\x06",
        b"\x27",
        b"\x20",
        b"\x25\x09" + bytes(9),
        b"\x35\x09" + bytes(9),
        b"\x95\x09" + bytes(9),
        b"\x30",
        b"\x90",
        b"\x54" + bytes(4),
        b"\xa3" + bytes(3),
        b"\xb1\x00",
        b"\xc2\x00\x00",
        b"\x80",
        b"\xf4",
        b"\x0e",
        b"\x0f",
        b"\x0e\x1f",
        b"\x0e\x1e\x0f\x1f",
        b"\x0e\x0f\x0f",
    ],
)
def test_what_is_no_value_is_an_error(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        decoded(octets, name="present-value")


@given(st.one_of(st.binary(max_size=80), values()))
def test_foreign_octets_are_a_value_or_an_error(octets: bytes) -> None:
    for object_type, name in (("analog-input", "present-value"), ("device", "object-list"), ("500", "600")):
        try:
            decoded(octets, object_type, name)
        except ProtocolError:
            continue


@given(primitives().map(lambda octets: octets + inside(3, octets)))
def test_constructed_values_are_kept_verbatim(octets: bytes) -> None:
    assert decoded(octets, "schedule", "weekly-schedule") == Opaque(octets)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x0e" * 10_000 + b"\x0f" * 10_000,
        b"\x0e" * 20_000,
        b"\x0e\x0f" * 10_000,
        b"\x0e" + b"\x0e\x0f" * 10_000 + b"\x0f",
        b"\x00" * 20_000,
        b"\x21\x01" * 10_000 + b"\x0e\x0f",
        tag(1, 1, bytes(20_000)) + context(1, b"") * 5000,
    ],
)
def test_the_work_is_as_long_as_the_octets(octets: bytes) -> None:
    counted = Counted(octets)
    with contextlib.suppress(ProtocolError):
        decode_values(counted, 0, len(counted), "device", "object-list", None)
    assert counted.looked <= 4 * len(octets)


@pytest.mark.parametrize("octets", [b"", b"\x28", b"\x2d\x05" + bytes(5), b"\x21\x07", b"\x39\x07", b"\x2e", b"\x29"])
def test_a_number_of_a_context_is_just_that(octets: bytes) -> None:
    with pytest.raises(ProtocolError):
        tags.unsigned(2, octets, 0, len(octets))
    assert tags.unsigned(2, b"\x2a\x01\x02", 0, 3) == (0x102, 3)
