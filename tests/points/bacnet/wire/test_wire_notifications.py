"""COV notifications: what an object reports, and what is left out of it."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_octets import (
    ANALOG_INPUT,
    BINARY_OUTPUT,
    DEVICE,
    MULTI_STATE_VALUE,
    OBJECT_LIST,
    PRESENT_VALUE,
    STATUS_FLAGS,
    Counted,
    application,
    bit_string,
    context,
    enumerated,
    inside,
    mutated,
    notification,
    notification_multiple,
    number_octets,
    object_octets,
    real,
    unsigned,
    values,
)

from points.bacnet.port import Datum
from points.bacnet.wire import notifications
from points.bacnet.wire.notifications import Reported
from points.errors import ProtocolError

FINE = (False, False, False, False)
FLAGS = (STATUS_FLAGS, bit_string(FINE))


def told(octets: bytes) -> Reported:
    [reported] = notifications.cov(octets, 0, multiple=False)
    return reported


def test_annex_f_is_read() -> None:
    """ASHRAE 135, F.1.2."""
    octets = bytes.fromhex("00020f01 0912 1c02000004 2c00000000a 3900".replace("0000a ", "000a").replace(" ", ""))
    octets += bytes.fromhex("4e 0955 2e4442820000 2f 096f 2e820400 2f 4f".replace(" ", ""))
    [reported] = notifications.cov(octets, 4, multiple=False)
    assert reported == Reported(18, 4, "analog-input", 10, {"present-value": 65.0, "status-flags": FINE})


@pytest.mark.parametrize(
    ("object_type", "name", "value", "shown"),
    [
        (ANALOG_INPUT, "analog-input", real(21.5), 21.5),
        (BINARY_OUTPUT, "binary-output", enumerated(1), True),
        (MULTI_STATE_VALUE, "multi-state-value", unsigned(3), 3),
        (200, "200", real(-1), -1.0),
        (200, "200", enumerated(9), "9"),
    ],
)
def test_an_object_reports_its_value_and_flags(object_type: int, name: str, value: bytes, shown: Datum) -> None:
    octets = notification(object_type, 7, [(PRESENT_VALUE, value), FLAGS], process=70_000, device=1234)
    assert told(octets) == Reported(70_000, 1234, name, 7, {"present-value": shown, "status-flags": FINE})


@given(
    st.floats(width=32),
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0x3FFFFF),
    st.integers(0, 0x3FFFFF),
)
def test_every_analog_value_comes_as_it_was_sent(
    value: float, flags: list[bool], process: int, device: int, instance: int
) -> None:
    sent = [(PRESENT_VALUE, real(value)), (STATUS_FLAGS, bit_string(flags))]
    reported = told(notification(ANALOG_INPUT, instance, sent, process=process, device=device))
    assert reported[:4] == (process, device, "analog-input", instance)
    present = reported.properties["present-value"]
    assert present == value or (math.isnan(value) and math.isnan(present))  # type: ignore[arg-type]
    assert reported.properties["status-flags"] == tuple(flags)


def test_the_order_of_the_values_does_not_matter() -> None:
    octets = notification(ANALOG_INPUT, 7, [FLAGS, (PRESENT_VALUE, real(2))])
    assert told(octets).properties == {"present-value": 2.0, "status-flags": FINE}


def test_any_property_may_be_reported() -> None:
    octets = notification(DEVICE, 7, [(OBJECT_LIST, application(12, object_octets(DEVICE, 7))), (9999, b"\0")])
    assert told(octets).properties == {"object-list": ("device,7",), "9999": None}
    assert told(notification(DEVICE, 7, [])).properties == {}


def test_an_element_of_an_array_is_not_taken_for_the_array() -> None:
    value = context(0, number_octets(87)) + context(1, b"\x08") + inside(2, real(5)) + context(3, b"\x08")
    octets = notification(ANALOG_INPUT, 7, [])[:-1] + value + b"\x4f"
    assert told(octets).properties == {"priority-array[8]": 5.0}


def test_a_value_that_is_none_costs_no_other() -> None:
    octets = notification(ANALOG_INPUT, 7, [(PRESENT_VALUE, application(4, b"abc")), FLAGS])
    reported = told(octets)
    assert reported.properties == {"status-flags": FINE}
    assert reported.undecodable == 1


def test_flags_with_rubbish_in_the_unused_bits_are_flags() -> None:
    octets = notification(ANALOG_INPUT, 7, [(PRESENT_VALUE, real(2)), (STATUS_FLAGS, application(8, b"\x04\x4f"))])
    assert told(octets).properties["status-flags"] == (False, True, False, False)


@pytest.mark.parametrize("stamp", [b"", inside(3, application(10, bytes(4)) + application(11, bytes(4)))])
def test_many_objects_report_at_once(stamp: bytes) -> None:
    octets = notification_multiple(
        [
            (ANALOG_INPUT, 1, [(PRESENT_VALUE, real(1.5)), FLAGS]),
            (BINARY_OUTPUT, 2, [(PRESENT_VALUE, enumerated(1))]),
            (ANALOG_INPUT, 3, [(PRESENT_VALUE, application(4, b""))]),
        ],
        process=5,
        device=6,
        stamp=stamp,
    )
    assert notifications.cov(octets, 0, multiple=True) == [
        Reported(5, 6, "analog-input", 1, {"present-value": 1.5, "status-flags": FINE}),
        Reported(5, 6, "binary-output", 2, {"present-value": True}),
        Reported(5, 6, "analog-input", 3, {}, 1),
    ]


def test_each_value_may_have_its_own_time() -> None:
    octets = notification_multiple([(ANALOG_INPUT, 1, [(PRESENT_VALUE, real(1.5))])])
    octets = octets[:-2] + context(3, bytes(4)) + octets[-2:]
    [reported] = notifications.cov(octets, 0, multiple=True)
    assert reported.properties == {"present-value": 1.5}
    assert notifications.cov(notification_multiple([]), 0, multiple=True) == []


ONE = notification(ANALOG_INPUT, 1, [(PRESENT_VALUE, real(1.5)), FLAGS])
MANY = notification_multiple([(ANALOG_INPUT, 1, [(PRESENT_VALUE, real(1.5)), FLAGS])])


@pytest.mark.parametrize(("octets", "multiple"), [(ONE, False), (MANY, True)])
def test_a_cut_off_or_padded_notification_is_an_error(octets: bytes, multiple: bool) -> None:
    for broken in [*(octets[:length] for length in range(len(octets))), octets + b"\0"]:
        with pytest.raises(ProtocolError):
            notifications.cov(broken, 0, multiple=multiple)


def test_only_a_device_notifies() -> None:
    octets = ONE.replace(context(1, object_octets(DEVICE, 4)), context(1, object_octets(ANALOG_INPUT, 4)))
    with pytest.raises(ProtocolError, match="no device"):
        notifications.cov(octets, 0, multiple=False)


reported_values = st.lists(
    st.tuples(st.sampled_from([PRESENT_VALUE, STATUS_FLAGS, OBJECT_LIST, 9999]), values()), max_size=4
)
single = reported_values.map(lambda listed: notification(ANALOG_INPUT, 1, listed))
many = reported_values.map(lambda listed: notification_multiple([(ANALOG_INPUT, 1, listed)] * 2))


@given(
    st.one_of(
        st.binary(max_size=80),
        mutated(st.just(ONE)),
        mutated(st.just(MANY)),
        single,
        many,
        mutated(single),
        mutated(many),
    )
)
def test_foreign_octets_are_notifications_or_an_error(octets: bytes) -> None:
    for multiple in (False, True):
        try:
            for reported in notifications.cov(octets, 0, multiple=multiple):
                assert reported.undecodable >= 0
        except ProtocolError:
            continue


@pytest.mark.parametrize(
    "value",
    [b"\x0e" * 10_000 + b"\x0f" * 10_000, b"\x0e" * 10_000, b"\x00" * 10_000, b"\x25\xff\xff\xff\xff\xff" * 2000],
)
def test_the_work_is_as_long_as_the_octets(value: bytes) -> None:
    listed = [(PRESENT_VALUE, value)] * 3
    for octets, multiple in (
        (notification(ANALOG_INPUT, 1, listed), False),
        (notification_multiple([(0, 1, listed)] * 2), True),
    ):
        counted = Counted(octets)
        with contextlib.suppress(ProtocolError):
            notifications.cov(counted, 0, multiple=multiple)
        assert counted.looked <= 8 * len(counted)
