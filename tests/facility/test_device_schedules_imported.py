"""Whatever a device's schedule says, what is printed of it is configuration, and says the same or says what it lost."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facility.config.model import Config
from facility.schedule_looks import Seen
from facility.schedule_words import imported, toml
from facility.strategy import Strategy
from points.catalog import Catalog
from points.model import Device, DeviceId
from points.schedule_objects import (
    ALWAYS,
    NULL,
    CalendarObject,
    CalendarReference,
    Datatype,
    DatePattern,
    DateSpan,
    Scalar,
    ScheduleObject,
    SpecialEvent,
    Strange,
    TimeValue,
    WeekAndDay,
)
from schedules.device_programme import wanted_of
from schedules.device_values import datatype_of, scalars_of
from schedules.drift import drift
from tests.schedules.test_device_schedule import DEVICE, a_schedule

NOW = datetime(2028, 2, 20, 5, tzinfo=UTC)  # a fortnight with a 29th of February
TODAY = NOW.date()
ZONE = ZoneInfo("America/Chicago")
PANEL = Device(id=DeviceId("panel"), ref=DEVICE, name="Panel")
EMPTY = Catalog.of([PANEL], [], [])
ANY = DatePattern(None, None, None)

VALUES = (
    tuple(Scalar(Datatype.ENUMERATED, value) for value in (0, 1, 3)),
    tuple(Scalar(Datatype.UNSIGNED, value) for value in (1, 2, 9)),
    tuple(Scalar(Datatype.REAL, value) for value in (0.0, -1.5, 21.123456, 21.123457, 1e10)),
    tuple(Scalar(Datatype.BOOLEAN, value) for value in (True, False)),
    tuple(Scalar(Datatype.TEXT, value) for value in ("a b", "A-B", "", "released", "as usual", "☃")),
)
TIMES = st.sampled_from([time(0), time(0, 1), time(6), time(12), time(23, 59)])


def perhaps(what):
    return st.one_of(st.none(), what)


PATTERNS = st.builds(
    DatePattern,
    perhaps(st.sampled_from([2028, 2027])),
    perhaps(st.integers(1, 15)),
    perhaps(st.integers(1, 35)),
    perhaps(st.integers(1, 7)),
)
DAYS = st.integers(-1, 16).map(lambda ahead: TODAY + timedelta(days=ahead))
DATES = DAYS.map(lambda each: DatePattern(each.year, each.month, each.day))
SPANS = st.builds(DateSpan, st.one_of(DATES, st.just(ANY), PATTERNS), st.one_of(DATES, st.just(ANY), PATTERNS))
WEEKS = st.builds(WeekAndDay, perhaps(st.integers(1, 14)), perhaps(st.integers(0, 10)), perhaps(st.integers(1, 7)))
PERIODS = st.one_of(PATTERNS, DATES, SPANS, WEEKS, st.just(Strange(b"?")))


@st.composite
def objects(draw) -> tuple[ScheduleObject, dict[int, CalendarObject]]:
    value = st.sampled_from([*draw(st.sampled_from(VALUES)), NULL])
    day = st.lists(st.builds(TimeValue, TIMES, value), max_size=4).map(tuple)
    period = st.one_of(PERIODS, st.builds(CalendarReference, st.integers(1, 3)))
    event = st.builds(SpecialEvent, period, day, st.sampled_from([1, 8, 16]))
    calendars = {
        number: CalendarObject(
            device=DEVICE,
            instance=number,
            name=draw(st.sampled_from(["Holidays", "holidays", ""])),
            dates=tuple(draw(st.lists(PERIODS, max_size=3))),
        )
        for number in draw(st.sets(st.integers(1, 3)))
    }
    schedule = a_schedule(
        week=tuple(draw(st.lists(day, max_size=7))),
        exceptions=tuple(draw(st.lists(event, max_size=4))),
        default=draw(perhaps(value)),
        revision=draw(st.sampled_from([1, 3, 4, 19, None])),
        effective=draw(st.one_of(st.just(ALWAYS), SPANS)),
    )
    return schedule, calendars


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(objects())
def test_what_is_imported_says_the_same_and_so_does_what_is_made_of_it(made):
    schedule, calendars = made
    seen = Seen(device=PANEL, object="schedule,1", schedule=schedule, read=NOW)
    found, values = imported(seen, calendars, EMPTY)
    text, remarks = toml(seen, found, values, EMPTY, ZONE)
    try:
        config = Config(**tomllib.loads(text))
    except ValueError as error:
        assert "are no days" in str(error)  # noqa: PT017 (a 30th of February, which the configuration does not take)
        return
    programme = Strategy(config, date(2028, 2, 20)).programmes[found.programme.name]
    datatype = datatype_of(schedule)
    if datatype is None:
        return
    ours = scalars_of(config.device_schedules[0].values, datatype)
    told = drift(programme, ours, schedule, calendars, ZONE, NOW)
    known = [stretch for stretch in told.stretches if stretch.theirs.value is not None]
    assert not known or any("in effect always" in remark for remark in remarks)
    wanted = wanted_of(programme, ours, schedule, calendars, TODAY)
    if not wanted.cannot:
        after = replace(schedule, week=wanted.week, exceptions=wanted.exceptions, effective=wanted.effective)
        assert not drift(programme, ours, after, calendars, ZONE, NOW).stretches
