"""Devices' own schedules on the wire: a device that nobody here wrote, and one that answers whatever a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time

import pytest
import rusty_bacnet as rusty
from hypothesis import given
from hypothesis import strategies as st

from facility.simulation.spec import CalendarSpec, ScheduleSpec
from points.bacnet.port import Property
from points.bacnet.schedule_writes import write_dates, write_exceptions, write_period, write_week
from points.bacnet.schedules import read_calendar, read_schedule
from points.bacnet.stack import Stack, StackSettings, open_stack
from points.bacnet.wire import schedules as codec
from points.errors import DeviceError, DeviceRefused, ProtocolError
from points.model import DeviceRef
from points.schedule_objects import (
    ALWAYS,
    NULL,
    CalendarReference,
    Datatype,
    DatePattern,
    DateSpan,
    Reference,
    Scalar,
    SpecialEvent,
    Strange,
    TimeValue,
    WeekAndDay,
)
from tests.points.bacnet.parrot import parrot, read_ack
from tests.points.bacnet.timed_device import timed_device

ON, OFF = Scalar(Datatype.ENUMERATED, 1), Scalar(Datatype.ENUMERATED, 0)
WEEK = ((TimeValue(time(6), ON), TimeValue(time(22, 30, 15), NULL)),) * 5 + ((),) * 2
EXCEPTIONS = (
    SpecialEvent(CalendarReference(1), (TimeValue(time(0), OFF),), 3),
    SpecialEvent(DateSpan(DatePattern(2026, 7, 1, 3), DatePattern(None, None, None)), (TimeValue(time(9), ON),), 5),
    SpecialEvent(WeekAndDay(None, 6, 1), (), 16),
)
LOBBY = ScheduleSpec(
    name="Lobby", description="lights", commands=("relay",), week=WEEK, exceptions=EXCEPTIONS, default=OFF
)
HOLIDAYS = CalendarSpec(name="Holidays", description="", dates=(DatePattern(None, 12, 25), WeekAndDay(11, 4, 4)))


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=0.4, retries=0)) as opened:
        yield opened


@pytest.fixture
async def patient() -> AsyncIterator[Stack]:
    """For a device with threads of its own."""
    async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=60, retries=0)) as opened:
        yield opened


class TestReading:
    async def test_a_schedule_is_read_as_it_is(self, stack: Stack) -> None:
        async with timed_device(LOBBY, HOLIDAYS) as (device, _, timers):
            await timers.keep(datetime(2026, 12, 25, 8, tzinfo=UTC))
            schedule = await read_schedule(stack, device, 1)
            calendar = await read_calendar(stack, device, 1)
        assert (schedule.week, schedule.exceptions, schedule.default, schedule.effective) == (
            WEEK,
            EXCEPTIONS,
            OFF,
            ALWAYS,
        )
        assert schedule.references == (Reference("binary-output", 1, "present-value"),)
        assert (schedule.priority, schedule.present, schedule.out_of_service) == (16, OFF, False)
        assert (schedule.name, schedule.reliability, schedule.revision) == ("Lobby", "no-fault-detected", 22)
        assert (schedule.unread, schedule.notes) == ((), ())
        assert (calendar.dates, calendar.present, calendar.notes) == (HOLIDAYS.dates, True, ())

    async def test_what_is_too_big_is_read_element_by_element(self, stack: Stack) -> None:
        async with timed_device(LOBBY, HOLIDAYS) as (device, application, _):
            application.too_big = frozenset({"exception-schedule", "weekly-schedule"})
            schedule = await read_schedule(stack, device, 1)
        assert (schedule.week, schedule.exceptions, schedule.unread) == (WEEK, EXCEPTIONS, ())
        assert [index for name, index in application.asked if name == "exception-schedule"] == [None, 0, 1, 2, 3]

    async def test_an_object_that_is_not_there_is_a_refusal(self, stack: Stack) -> None:
        async with timed_device(LOBBY) as (device, _, _):
            with pytest.raises(DeviceRefused, match="unknown-object"):
                await read_schedule(stack, device, 2)
        with pytest.raises(DeviceError):
            await read_schedule(stack, device, 1)  # and now nobody is there

    async def test_nonsense_is_counted_with_its_sender_and_left_out(self, stack: Stack) -> None:
        async with parrot() as bird:
            bird.answer = read_ack(b"\x0e\xff\x0f", property_=38, object_=(17 << 22) | 1)
            with pytest.raises(ProtocolError, match="exception-schedule of schedule 1"):
                await stack.read_as(
                    bird.ref, Property("schedule", 1, "exception-schedule"), lambda o: codec.exceptions(o, [])
                )
            assert stack.protocol_errors[str(bird.ref)] == 1


class TestWriting:
    async def test_what_was_written_is_read_back(self, stack: Stack) -> None:
        week = ((TimeValue(time(7), ON), TimeValue(time(19), OFF)),) * 7
        period = DateSpan(DatePattern(2026, 1, 1, 4), DatePattern(2026, 12, 31, 4))
        dates = (DatePattern(2026, 5, 1, 5), DateSpan(DatePattern(2026, 8, 1, 6), DatePattern(2026, 8, 2, 7)))
        async with timed_device(LOBBY, HOLIDAYS) as (device, _, timers):
            await write_week(stack, device, 1, week)
            await write_exceptions(stack, device, 1, EXCEPTIONS[2:])
            await write_period(stack, device, 1, period)
            await write_dates(stack, device, 1, dates)
            schedule, calendar = await read_schedule(stack, device, 1), await read_calendar(stack, device, 1)
            assert (schedule.week, schedule.exceptions, schedule.effective) == (week, EXCEPTIONS[2:], period)
            assert calendar.dates == dates
            await timers.keep(datetime(2026, 5, 2, 8, tzinfo=UTC))
            assert (await read_schedule(stack, device, 1)).present == ON

    async def test_a_week_that_is_too_long_is_written_day_by_day(self, stack: Stack) -> None:
        week = tuple((TimeValue(time(day), ON),) for day in range(7))
        async with timed_device(LOBBY) as (device, application, _):
            application.too_big = frozenset({"weekly-schedule"})
            await write_week(stack, device, 1, week)
            assert (await read_schedule(stack, device, 1)).week == week

    async def test_a_refusal_has_its_code(self, stack: Stack) -> None:
        async with timed_device(LOBBY) as (device, application, _):
            application.refuses = frozenset({"weekly-schedule"})
            with pytest.raises(DeviceRefused) as refused:
                await write_week(stack, device, 1, ((),) * 7)
            assert refused.value.code == "no-space-to-write-property"
            assert (await read_schedule(stack, device, 1)).week == WEEK

    @pytest.mark.parametrize(
        ("object_type", "name"),
        [("schedule", "present-value"), ("schedule", "priority-for-writing"), ("binary-output", "present-value")],
    )
    async def test_nothing_else_can_be_written_so(self, stack: Stack, object_type: str, name: str) -> None:
        nobody = DeviceRef(network=0, address="127.0.0.1:9", instance=1)
        with pytest.raises(ValueError, match="not ours to write"):
            await stack.write_as(nobody, Property(object_type, 1, name), b"\x91\x01")


async def test_a_stack_that_nobody_here_wrote_takes_and_shows_the_same(patient: Stack) -> None:
    at_seven = ((TimeValue(time(0), Scalar(Datatype.REAL, 21.5)), TimeValue(time(23, 59), NULL)),) * 7
    events = (*EXCEPTIONS[1:], SpecialEvent(CalendarReference(1), at_seven[0], 4))
    dates = (
        DatePattern(None, 12, 25),
        WeekAndDay(11, 4, 4),
        DateSpan(DatePattern(2030, 1, 1, 2), DatePattern(2030, 1, 2, 3)),
    )
    server = rusty.BACnetServer(9, "Rusty", interface="127.0.0.1", port=0, broadcast_address="127.255.255.255")
    server.add_calendar(1, "Holidays")
    server.add_schedule(1, "Hours")
    await server.start()
    try:
        device = DeviceRef(network=0, address=await server.local_address(), instance=9)
        empty = await read_schedule(patient, device, 1)
        assert (empty.name, empty.week, empty.exceptions, empty.default) == ("Hours", ((),) * 7, (), NULL)
        await write_dates(patient, device, 1, dates)
        await write_week(patient, device, 1, at_seven)
        await write_exceptions(patient, device, 1, events)
        schedule, calendar = await read_schedule(patient, device, 1), await read_calendar(patient, device, 1)
        assert (schedule.week, schedule.exceptions, schedule.effective) == (at_seven, events, ALWAYS)
        assert (calendar.name, calendar.dates) == ("Holidays", dates)
        with pytest.raises(DeviceRefused):
            await read_schedule(patient, device, 2)
    finally:
        await server.stop()


class TestOddDevices:
    def test_a_vendors_own_period_is_strange(self) -> None:
        notes: list[str] = []
        odd = b"\x5e\x09\x01\x5f" + b"\x2e\xb4\x08\x00\x00\x00\x91\x01\x2f\x39\x03"
        (event,) = codec.exceptions(odd, notes)
        assert event == SpecialEvent(Strange(b"\x5e\x09\x01\x5f"), (TimeValue(time(8), ON),), 3)
        assert "not known (tag 5)" in notes[0]
        assert codec.dates(b"\x4c\x01\x02\x03\x04", notes) == (Strange(b"\x4c\x01\x02\x03\x04"),)

    def test_a_reference_to_something_else_is_no_calendar(self) -> None:
        notes: list[str] = []
        (event,) = codec.exceptions(b"\x1c\x00\x00\x00\x01\x2e\x2f\x39\x01", notes)
        assert isinstance(event.period, Strange)
        assert "analog-input, which is no calendar" in notes[0]

    def test_values_of_unknown_datatypes_stay_visible(self) -> None:
        (day,) = codec.week(b"\x0e\xb4\x08\x00\x00\x00\x2e\x21\x05\x2f\xb4\x09\x00\x00\x00\xd1\x07\x0f", [])
        assert [entry.value for entry in day] == [
            Scalar(Datatype.STRANGE, "2e21052f"),
            Scalar(Datatype.STRANGE, "d107"),
        ]

    def test_a_time_that_is_none_is_left_out(self) -> None:
        notes: list[str] = []
        assert codec.week(b"\x0e\xb4\xff\x00\x00\x00\x91\x01\xb4\x18\x00\x00\x00\x91\x00\x0f", notes) == ((),)
        assert len(notes) == 2

    def test_a_priority_that_is_none_is_the_weakest(self) -> None:
        notes: list[str] = []
        (event,) = codec.exceptions(b"\x0e\x0c\x7e\x05\x1a\xff\x0f\x2e\x2f\x39\x00", notes)
        assert (event.priority, event.period) == (16, DatePattern(2026, 5, 26))
        assert notes

    def test_null_is_not_zero(self) -> None:
        assert codec.scalar(b"\x00") == NULL
        assert codec.scalar(b"\x44\x00\x00\x00\x00") == Scalar(Datatype.REAL, 0.0)
        assert codec.scalar(b"\x10") == Scalar(Datatype.BOOLEAN, False)
        assert codec.scalar(b"\x91\x00") == OFF


VALUES = st.one_of(
    st.just(NULL),
    st.booleans().map(lambda value: Scalar(Datatype.BOOLEAN, value)),
    st.integers(0, 2**32 - 1).map(lambda value: Scalar(Datatype.UNSIGNED, value)),
    st.integers(0, 2**32 - 1).map(lambda value: Scalar(Datatype.ENUMERATED, value)),
    st.integers(-(2**31), 2**31 - 1).map(lambda value: Scalar(Datatype.INTEGER, value)),
    st.floats(width=32, allow_nan=False).map(lambda value: Scalar(Datatype.REAL, value)),
    st.floats(allow_nan=False).map(lambda value: Scalar(Datatype.DOUBLE, value)),
    st.text(st.characters(codec="utf-8", categories=("L", "N", "P")), max_size=300).map(
        lambda value: Scalar(Datatype.TEXT, value)
    ),
)
TIMES = st.builds(
    time, st.integers(0, 23), st.integers(0, 59), st.integers(0, 59), st.integers(0, 99).map(lambda h: h * 10_000)
)
DAYS = st.lists(st.builds(TimeValue, TIMES, VALUES), max_size=5).map(tuple)
PATTERNS = st.builds(
    DatePattern,
    *(st.one_of(st.none(), numbers) for numbers in (st.integers(1900, 2154), st.integers(1, 14), st.integers(1, 34))),
    st.one_of(st.none(), st.integers(1, 7)),
)
ENTRIES = st.one_of(
    PATTERNS,
    st.builds(DateSpan, PATTERNS, PATTERNS),
    st.builds(WeekAndDay, *[st.one_of(st.none(), st.integers(1, 9))] * 3),
)
PERIODS = st.one_of(ENTRIES, st.builds(CalendarReference, st.integers(0, 4_194_302)))


@given(st.lists(DAYS, max_size=7).map(tuple))
def test_a_week_survives_the_wire(week: tuple[tuple[TimeValue, ...], ...]) -> None:
    assert codec.week(codec.encode_week(week), []) == week


@given(st.lists(st.builds(SpecialEvent, PERIODS, DAYS, st.integers(1, 16)), max_size=4).map(tuple))
def test_exceptions_survive_the_wire(events: tuple[SpecialEvent, ...]) -> None:
    assert codec.exceptions(codec.encode_exceptions(events), []) == events


@given(st.lists(ENTRIES, max_size=5).map(tuple))
def test_dates_survive_the_wire(dates: tuple[DatePattern, ...]) -> None:
    assert codec.dates(codec.encode_dates(dates), []) == dates


@given(octets=st.binary(max_size=60), cut=st.integers(0, 60))
def test_whatever_comes_is_decoded_or_a_protocol_error(octets: bytes, cut: int) -> None:
    whole = codec.encode_exceptions(EXCEPTIONS)
    for sent in (octets, whole[:cut], whole[:cut] + octets + whole[cut:]):
        for decode in (
            lambda o: codec.week(o, []),
            lambda o: codec.exceptions(o, []),
            lambda o: codec.dates(o, []),
            codec.references,
            codec.span,
            codec.scalar,
            codec.reliability,
        ):
            try:
                decode(sent)
            except ProtocolError:
                continue
