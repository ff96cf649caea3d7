"""What a device's own schedule says: the rules and the known answers (a) to (f) of domain.md 3.5."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.model import DeviceRef
from points.schedule_objects import (
    NULL,
    CalendarObject,
    CalendarReference,
    Datatype,
    DatePattern,
    DateSpan,
    Period,
    Scalar,
    ScheduleObject,
    SpecialEvent,
    Strange,
    TimeValue,
    WeekAndDay,
)
from schedules.device_schedule import doubts, is_within, value_at

DEVICE = DeviceRef(network=0, address="10.0.0.1", instance=1)
ON, OFF = Scalar(Datatype.ENUMERATED, 1), Scalar(Datatype.ENUMERATED, 0)
MONDAY = date(2025, 5, 26)
ANY = DatePattern(None, None, None)


def real(number: float) -> Scalar:
    return Scalar(Datatype.REAL, number)


def day(*entries: tuple[str, Scalar]) -> tuple[TimeValue, ...]:
    return tuple(TimeValue(time.fromisoformat(at), value) for at, value in entries)


def on(the_day: date, *entries: tuple[str, Scalar], priority: int = 8) -> SpecialEvent:
    return SpecialEvent(DatePattern(the_day.year, the_day.month, the_day.day), day(*entries), priority)


def a_schedule(**more: object) -> ScheduleObject:
    plain = ScheduleObject(
        device=DEVICE,
        instance=1,
        revision=19,
        week=(day(("07:00", ON), ("18:00", OFF)),) * 5 + ((),) * 2,
        default=OFF,
        priority=15,
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def said(schedule: ScheduleObject, at: str, *, calendars: tuple[CalendarObject, ...] = ()) -> Scalar | None:
    return value_at(schedule, {each.instance: each for each in calendars}, datetime.fromisoformat(at)).value


class TestKnownAnswers:
    def test_a_an_exception_with_null_returns_to_the_week(self) -> None:
        schedule = a_schedule(exceptions=(on(MONDAY, ("08:00", OFF), ("12:00", NULL)),))
        assert said(schedule, "2025-05-26T07:30") == ON  # it has not begun: the week counts
        assert said(schedule, "2025-05-26T11:59:59") == OFF
        assert said(schedule, "2025-05-26T12:00") == ON

    def test_b_of_two_exceptions_that_overlap_the_lower_number_wins(self) -> None:
        five = on(MONDAY, ("06:00", real(5)), priority=5)
        three = on(MONDAY, ("10:00", real(3)), ("14:00", NULL), priority=3)
        schedule = a_schedule(exceptions=(five, three))
        assert [said(schedule, f"2025-05-26T{at}") for at in ("05:59", "09:59", "10:00", "14:00")] == [
            OFF,
            real(5),
            real(3),
            real(5),
        ]

    def test_b_of_equal_priority_the_first_in_the_array_wins(self) -> None:
        first, second = on(MONDAY, ("10:00", real(1))), on(MONDAY, ("08:00", real(2)))
        schedule = a_schedule(exceptions=(first, second))
        assert said(schedule, "2025-05-26T09:00") == real(2)
        assert said(schedule, "2025-05-26T10:00") == real(1)

    @pytest.mark.parametrize(("the_day", "is_one"), [(date(2025, 5, 26), True), (date(2025, 5, 19), False)])
    def test_c_the_last_monday_of_a_month(self, the_day: date, *, is_one: bool) -> None:
        assert is_within(WeekAndDay(None, 6, 1), {}, the_day) is is_one

    def test_d_nothing_carries_over_midnight(self) -> None:
        schedule = a_schedule(week=(day(("20:00", ON)),) * 7)
        assert said(schedule, "2025-05-26T23:59:59.990") == ON
        assert said(schedule, "2025-05-27T00:00") == OFF

    def test_e_on_the_days_of_the_clock_changes_it_goes_by_what_its_clock_shows(self) -> None:
        schedule = a_schedule(week=(day(("02:30", ON), ("04:00", OFF)),) * 7)
        assert said(schedule, "2025-03-30T01:59:59") == OFF
        assert said(schedule, "2025-03-30T03:00") == ON  # 02:30 was never shown, and is past
        autumn = a_schedule(week=(day(("02:30", ON)),) * 7)
        assert said(autumn, "2025-10-26T02:45") == ON
        assert said(autumn, "2025-10-26T02:10") == OFF  # shown once more: it is before the entry again

    def test_f_the_29th_of_february(self) -> None:
        leap = SpecialEvent(DatePattern(None, 2, 29), day(("00:00", ON)), 8)
        last = SpecialEvent(DatePattern(None, 2, 32), day(("00:00", ON)), 8)
        for schedule in (a_schedule(exceptions=(leap,)), a_schedule(exceptions=(last,))):
            assert said(schedule, "2028-02-29T05:00") == ON
            assert said(schedule, "2028-02-28T05:00") == OFF
        assert said(a_schedule(exceptions=(last,)), "2027-02-28T05:00") == ON


class TestPeriods:
    def test_outside_of_its_period_it_is_silent_and_shows_its_default(self) -> None:
        span = DateSpan(DatePattern(2025, 6, 1), DatePattern(2025, 8, 31))
        schedule = a_schedule(effective=span)
        out = value_at(schedule, {}, datetime.fromisoformat("2025-05-26T12:00"))
        assert (out.is_silent, out.value) == (True, OFF)
        within = value_at(schedule, {}, datetime.fromisoformat("2025-06-02T12:00"))
        assert (within.is_silent, within.value) == (False, ON)

    def test_a_calendar_of_the_same_device_gives_the_days(self) -> None:
        calendar = CalendarObject(device=DEVICE, instance=4, dates=(DatePattern(2025, 5, 26),))
        event = SpecialEvent(CalendarReference(4), day(("00:00", OFF)), 8)
        schedule = a_schedule(exceptions=(event,))
        assert said(schedule, "2025-05-26T12:00", calendars=(calendar,)) == OFF
        assert said(schedule, "2025-05-27T12:00", calendars=(calendar,)) == ON
        assert said(schedule, "2025-05-26T12:00") == ON
        assert any("calendar 4" in doubt for doubt in doubts(schedule, {}))

    @pytest.mark.parametrize(
        "period",
        [
            Strange(b"\x5c\x01"),
            DatePattern(2025, 15, 1),
            WeekAndDay(None, 0, None),
            DateSpan(DatePattern(None, 5, 1), DatePattern(None, 5, 31)),  # wildcards are forbidden in a range
            DateSpan(DatePattern(2025, 2, 30), ANY),
        ],
    )
    def test_what_has_no_meaning_is_no_day_and_is_told(self, period: Period) -> None:
        schedule = a_schedule(exceptions=(SpecialEvent(period, day(("00:00", OFF)), 1),))
        assert said(schedule, "2025-05-26T12:00") == ON
        assert "The days of exception 1 cannot be understood." in doubts(schedule, {})

    def test_weeks_of_a_month_are_those_of_the_standard(self) -> None:
        for number in range(31):
            the_day = date(2025, 5, 1) + timedelta(days=number)
            weeks = {week for week in range(1, 10) if is_within(WeekAndDay(5, week, None), {}, the_day)}
            forward = (the_day.day - 1) // 7 + 1
            backward = 6 + (31 - the_day.day) // 7
            assert weeks == {forward, backward} & set(range(1, 10))


class TestOddDevices:
    def test_null_is_not_zero(self) -> None:
        zero = a_schedule(week=(day(("07:00", real(0))),) * 7, default=real(20))
        nothing = a_schedule(week=(day(("07:00", NULL)),) * 7, default=real(20))
        assert said(zero, "2025-05-26T08:00") == real(0)
        assert said(nothing, "2025-05-26T08:00") == real(20)
        assert said(a_schedule(week=(), default=NULL), "2025-05-26T08:00") == NULL

    def test_entries_out_of_order_count_by_their_time(self) -> None:
        schedule = a_schedule(week=(day(("18:00", OFF), ("07:00", ON)),) * 7)
        assert said(schedule, "2025-05-26T12:00") == ON
        assert said(schedule, "2025-05-26T19:00") == OFF
        assert "not in the order of time" in " ".join(doubts(schedule, {}))

    def test_of_two_entries_at_one_time_the_later_sent_counts(self) -> None:
        assert said(a_schedule(week=(day(("07:00", OFF), ("07:00", ON)),) * 7), "2025-05-26T07:00") == ON

    def test_a_week_of_five_days_has_an_empty_weekend(self) -> None:
        schedule = a_schedule(week=(day(("07:00", ON)),) * 5)
        assert said(schedule, "2025-05-30T08:00") == ON
        assert said(schedule, "2025-05-31T08:00") == OFF


class TestRevisions:
    def test_before_revision_4_there_is_no_default(self) -> None:
        old = a_schedule(revision=3, default=OFF, week=(day(("07:00", ON), ("18:00", NULL)),) * 7)
        assert value_at(old, {}, datetime.fromisoformat("2025-05-26T06:00")).value is None
        assert said(old, "2025-05-26T08:00") == ON
        assert said(old, "2025-05-26T19:00") == NULL
        assert "revision 3" in " ".join(doubts(old, {}))

    def test_a_default_that_could_not_be_read_is_not_known(self) -> None:
        assert said(a_schedule(default=None), "2025-05-26T06:00") is None
        assert said(a_schedule(default=OFF, revision=None), "2025-05-26T06:00") == OFF


@given(
    entries=st.lists(st.tuples(st.times(), st.sampled_from([ON, OFF, NULL])), max_size=8),
    at=st.times(),
)
def test_a_weekly_day_says_its_latest_entry_or_the_default(entries: list[tuple[time, Scalar]], at: time) -> None:
    plain = tuple(TimeValue(time(t.hour, t.minute), value) for t, value in entries)
    schedule = a_schedule(week=(plain,) * 7)
    begun = [entry for entry in plain if entry.at <= at]
    best: TimeValue | None = None
    for entry in begun:  # an oracle that goes through them as they are written
        if best is None or entry.at >= best.at:
            best = entry
    expected = OFF if best is None or best.value is NULL else best.value
    assert value_at(schedule, {}, datetime.combine(MONDAY, at)).value == expected
