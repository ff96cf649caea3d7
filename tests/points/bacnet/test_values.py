"""Our values on their way to a device, and REALs as the decimals they stand for."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.bacnet.values import encode, shortest
from points.bacnet.wire.tags import decode_values


def as_real(value: float) -> float:
    return float(struct.unpack(">f", struct.pack(">f", value))[0])


def digits(value: float) -> int:
    """That say something: 1e15 has one, however many zeros are written."""
    return len(Decimal(repr(value)).normalize().as_tuple().digits)


@pytest.mark.parametrize(
    "decimal", [0.2, 21.7, -40.1, 101325.0, 3.3e-8, 16777216.0, 99.99, 0.0, 1e30, 3.4028234663852886e38]
)
def test_a_real_is_the_decimal_a_person_wrote(decimal: float) -> None:
    assert struct.pack(">f", shortest(as_real(decimal))) == struct.pack(">f", decimal)
    assert len(repr(shortest(as_real(decimal)))) <= len(repr(decimal))


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_decimal_is_still_the_same_real(value: float) -> None:
    short = shortest(value)
    assert as_real(short) == value
    assert shortest(short) == short
    assert digits(short) <= digits(value)


@given(st.floats(allow_nan=False))
def test_what_is_no_real_stays_as_it_is(value: float) -> None:
    short = shortest(value)
    assert short == value or as_real(value) == value
    assert shortest(short) == short


@given(st.decimals(min_value=-9999, max_value=9999, places=2))
def test_two_places_come_back_as_they_were_typed(typed) -> None:
    assert shortest(as_real(float(typed))) == float(typed)


def test_what_is_no_number_stays_as_it_is() -> None:
    assert math.isnan(shortest(math.nan))
    assert shortest(math.inf) == math.inf
    assert shortest(-math.inf) == -math.inf
    assert shortest(1e300) == 1e300


@pytest.mark.parametrize(
    ("object_type", "value", "octets"),
    [
        ("analog-output", None, "00"),
        ("analog-output", 21.5, "4441ac0000"),
        ("analog-value", 3, "4440400000"),
        ("lighting-output", 60.0, "4442700000"),
        ("binary-output", True, "9101"),
        ("binary-lighting-output", False, "9100"),
        ("multi-state-value", 3, "2103"),
        ("large-analog-value", 1.5, "55083ff8000000000000"),
        ("integer-value", -7, "31f9"),
        ("integer-value", -7.0, "31f9"),
        ("positive-integer-value", 300, "22012c"),
        ("characterstring-value", "Büro", "75060042c3bc726f"),
    ],
)
def test_a_value_has_the_tag_of_its_object(object_type: str, value: object, octets: str) -> None:
    encoded = bytes(encode(object_type, value).encode().encode().pduData)  # type: ignore[arg-type]
    assert encoded == bytes.fromhex(octets)
    assert decode_values(encoded, 0, len(encoded), object_type, "present-value", None) == value


@pytest.mark.parametrize(
    ("object_type", "value"),
    [
        ("analog-output", True),
        ("analog-output", "1"),
        ("binary-output", 1),
        ("binary-output", 1.0),
        ("multi-state-value", 0),
        ("multi-state-value", True),
        ("multi-state-value", 1.0),
        ("integer-value", 1.5),
        ("integer-value", True),
        ("positive-integer-value", -1),
        ("characterstring-value", 1),
        ("schedule", 1.0),
    ],
)
def test_a_value_that_its_object_cannot_have_is_not_written(object_type: str, value: object) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        encode(object_type, value)  # type: ignore[arg-type]
