"""What an answer is worth, by what the object says of itself."""

from __future__ import annotations

import math
import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kept import DEADLINE, kept
from pretend import PretendDevice, a_point

from points.bacnet.port import Answer, Opaque
from points.errors import DeviceRefused, DeviceSilent, ProtocolError
from points.freshness.quality import NO_FLAGS, flags_of, reading_of
from points.freshness.subscriptions import PROCESS
from points.model import DeviceId, DeviceRef, Kind, Point, PointId, Quality, Reading, Ref, Source, StatusFlags

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DEVICE = DeviceRef(network=0, address="10.0.0.1:47808", instance=1)
FINE = (False, False, False, False)
ALARM, FAULT = (True, False, False, False), (False, True, False, False)
OVERRIDDEN, OUT_OF_SERVICE = (False, False, True, False), (False, False, False, True)


def reading(
    value: Answer = 21.0,
    flags: Answer = FINE,
    reliability: Answer = None,
    *,
    kind: Kind = Kind.ANALOG,
    event_state: Answer = None,
) -> Reading:
    point = Point(
        id=PointId("ahu/temp"),
        device=DeviceId("ahu"),
        ref=Ref(device=DEVICE, object_type="analog-input", instance=1),
        name="temp",
        kind=kind,
    )
    return reading_of(point, value, flags, reliability, NOON, Source.POLL, event_state=event_state)


@pytest.mark.parametrize(
    ("flags", "reliability", "event_state", "quality", "reason"),
    [
        (FINE, None, None, Quality.GOOD, ""),
        (FINE, "no-fault-detected", "normal", Quality.GOOD, ""),
        (FINE, "", None, Quality.GOOD, ""),
        (FINE, DeviceRefused("no", "unknown-property"), None, Quality.GOOD, ""),
        (DeviceRefused("no", "unknown-property"), None, None, Quality.GOOD, ""),
        (ALARM, None, "high-limit", Quality.GOOD, ""),
        (FAULT, None, None, Quality.BAD, "fault"),
        (FAULT, "no-fault-detected", None, Quality.BAD, "fault"),
        (FAULT, "no-sensor", None, Quality.BAD, "no-sensor"),
        (FAULT, "64", None, Quality.BAD, "reliability-64"),
        (FINE, "over-range", None, Quality.BAD, "over-range"),  # the flag should have followed
        (NO_FLAGS, "open-loop", None, Quality.BAD, "open-loop"),
        (FINE, None, "fault", Quality.BAD, "fault"),
        (FINE, "unreliable-other", "fault", Quality.BAD, "unreliable-other"),
        (OVERRIDDEN, None, None, Quality.UNCERTAIN, "overridden"),
        (OVERRIDDEN, "no-sensor", None, Quality.BAD, "no-sensor"),
        (OUT_OF_SERVICE, None, None, Quality.BAD, "out-of-service"),
        (OUT_OF_SERVICE, "no-sensor", "fault", Quality.BAD, "out-of-service"),
        ((True, True, True, True), None, None, Quality.BAD, "out-of-service"),
        ((True, False, True, False), None, None, Quality.UNCERTAIN, "overridden"),
    ],
)
def test_an_object_says_itself_what_its_value_is_worth(
    flags: Answer, reliability: Answer, event_state: Answer, quality: Quality, reason: str
) -> None:
    made = reading(21.5, flags, reliability, event_state=event_state)
    assert (made.value, made.quality, made.reason) == (21.5, quality, reason)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        (Kind.ANALOG, math.nan, "nan"),
        (Kind.ANALOG, math.inf, "infinite"),
        (Kind.ANALOG, -math.inf, "infinite"),
        (Kind.ANALOG, 10**400, "infinite"),
        (Kind.ANALOG, None, "null"),
        (Kind.ANALOG, "warm", "unexpected-type"),
        (Kind.ANALOG, True, "unexpected-type"),
        (Kind.ANALOG, (1.0, 2.0), "unexpected-type"),
        (Kind.ANALOG, Opaque(b"\x00"), "unexpected-type"),
        (Kind.BINARY, 2, "unexpected-type"),
        (Kind.BINARY, 1.0, "unexpected-type"),
        (Kind.MULTISTATE, 1.0, "unexpected-type"),
        (Kind.MULTISTATE, True, "unexpected-type"),
        (Kind.TEXT, 1.0, "unexpected-type"),
        (Kind.ANALOG, DeviceRefused("no", "unknown-object"), "unknown-object"),
        (Kind.ANALOG, ProtocolError("?"), "protocol-error"),
        (Kind.ANALOG, DeviceSilent("?"), "protocol-error"),
    ],
)
@pytest.mark.parametrize("flags", [FINE, FAULT, OUT_OF_SERVICE])
def test_what_is_no_value_is_a_reason(kind: Kind, value: Answer, reason: str, flags: Answer) -> None:
    made = reading(value, flags, kind=kind)
    assert (made.value, made.quality, made.reason) == (None, Quality.BAD, reason)


@pytest.mark.parametrize(
    ("kind", "value", "known"),
    [
        (Kind.ANALOG, 3, 3.0),
        (Kind.ANALOG, struct.unpack(">f", struct.pack(">f", 21.7))[0], 21.7),
        (Kind.ANALOG, 1e300, 1e300),
        (Kind.BINARY, True, True),
        (Kind.BINARY, 0, False),
        (Kind.MULTISTATE, 3, 3),
        (Kind.TEXT, "warm", "warm"),
    ],
)
def test_a_value_is_of_its_points_kind(kind: Kind, value: Answer, known: object) -> None:
    made = reading(value, kind=kind)
    assert (made.value, made.quality) == (known, Quality.GOOD)
    assert type(made.value) is type(known)


@given(st.lists(st.booleans(), max_size=8))
def test_flags_are_kept_whatever_the_quality(bits: list[bool]) -> None:
    expected = StatusFlags(sum(1 << place for place, bit in enumerate(bits[:4]) if bit))
    assert flags_of(tuple(bits)) == expected
    assert reading(21.0, tuple(bits)).flags == expected
    assert reading(math.nan, tuple(bits)).flags == expected


@given(st.one_of(st.none(), st.floats(), st.text(), st.integers(), st.tuples(st.floats(), st.text())))
def test_odd_flags_are_none(answer: Answer) -> None:
    assert flags_of(answer) == StatusFlags.NONE


@given(
    st.one_of(st.none(), st.booleans(), st.floats(), st.integers(), st.text(), st.builds(Opaque, st.binary())),
    st.sampled_from(Kind),
    st.one_of(st.none(), st.text(), st.floats()),
)
def test_no_number_is_none_and_no_good_reading_is_empty(value: Answer, kind: Kind, reliability: Answer) -> None:
    made = reading(value, FINE, reliability, kind=kind)
    assert not made.is_good or made.value is not None
    assert not isinstance(made.value, float) or math.isfinite(made.value)
    assert made.is_good == (made.reason == "")


class TestBetweenPolls:
    """A fault comes by a poll, which asks what it is, and goes by whatever says so first."""

    async def test_a_notification_ends_a_fault(self) -> None:
        device = PretendDevice()
        point = a_point(device, 1)
        device.has("analog-input", 1, status_flags=FAULT, reliability="no-sensor")
        async with kept(device, points=[point], serves_cov=True) as bench:
            await bench.clock.pass_(DEADLINE)
            assert bench.reading().reason == "no-sensor"
            bench.bacnet.notify(device, "analog-input", 1, present_value=22.0, status_flags=FAULT)
            assert (bench.reading().value, bench.reading().reason) == (22.0, "no-sensor")
            bench.bacnet.notify(device, "analog-input", 1, present_value=23.0, status_flags=FINE)
            assert (bench.reading().value, bench.reading().quality) == (23.0, Quality.GOOD)

    async def test_a_notification_may_say_what_is_wrong(self) -> None:
        device = PretendDevice()
        async with kept(device, points=[a_point(device, 1)], serves_cov=True) as bench:
            told = {"present-value": 22.0, "status-flags": FINE}
            bench.bacnet.tell(device, PROCESS, "analog-input", 1, told | {"reliability": "open-loop"})
            assert (bench.reading().value, bench.reading().reason) == (22.0, "open-loop")
            bench.bacnet.tell(device, PROCESS, "analog-input", 1, told | {"event-state": "fault"})
            assert bench.reading().reason == "fault"
            bench.bacnet.tell(device, PROCESS, "analog-input", 1, told)
            assert bench.reading().is_good

    async def test_a_fault_that_its_flag_does_not_tell_stays_a_fault(self) -> None:
        device = PretendDevice()
        point = a_point(device, 1)
        device.has("analog-input", 1, status_flags=FAULT, reliability="no-sensor")
        async with kept(device, points=[point]) as bench:
            await bench.clock.pass_(DEADLINE)
            device.has("analog-input", 1, status_flags=FINE, reliability="no-sensor")
            for _ in range(4):
                await bench.clock.pass_(DEADLINE)
                assert bench.reading().reason == "no-sensor"
            device.has("analog-input", 1, status_flags=FINE, reliability="no-fault-detected")
            await bench.clock.pass_(DEADLINE)
            assert bench.reading().is_good
