"""Between a device's calendar and one of ours: what is the same, which days differ, and what cannot be said."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from points.bacnet.wire import schedules as codec
from points.schedule_objects import CalendarObject, Dates, DateSpan, Strange, WeekAndDay
from points.schedule_objects import DatePattern as Theirs
from schedules.dates import Calendar, DatePattern, DateRange, WeekNDay, days_of
from schedules.device_calendar import (
    calendar_of,
    differing_days,
    doubts,
    present_trouble,
    same_dates,
    structure,
    wanted_dates,
)
from tests.schedules.test_device_schedule import DEVICE

TODAY = date(2027, 12, 20)  # 400 days with a 29th of February
CHRISTMAS = Theirs(None, 12, 25)


def ours(*days: str) -> Calendar:
    return Calendar(name="closures", entries=tuple(map(days_of, days)))


def theirs(*dates: Dates, **more: object) -> CalendarObject:
    plain: dict[str, object] = {"device": DEVICE, "instance": 1, "name": "Closures", "dates": dates}
    return CalendarObject(**{**plain, **more})  # type: ignore[arg-type]


class TestDays:
    def test_of_two_that_say_the_same_no_day_differs(self) -> None:
        other = theirs(CHRISTMAS, DateSpan(Theirs(2028, 1, 3, 1), Theirs(2028, 1, 5)), WeekAndDay(5, 6, 1))
        mine = ours("last monday of may", "2028-01-03..2028-01-05", "*-12-25")
        assert differing_days(mine, other, TODAY) == []
        assert same_dates(wanted_dates(mine, other).dates, other.dates)
        assert list(structure(wanted_dates(mine, other), other)) == []

    def test_days_in_a_row_are_one_stretch_with_the_side_that_has_them(self) -> None:
        found = differing_days(ours("2027-12-24..2027-12-26"), theirs(CHRISTMAS, Theirs(2027, 12, 27)), TODAY)
        assert [(str(each.first), str(each.last), each.is_ours) for each in found] == [
            ("2027-12-24", "2027-12-24", True),
            ("2027-12-26", "2027-12-26", True),
            ("2027-12-27", "2027-12-27", False),
            ("2028-12-25", "2028-12-25", False),
        ]
        assert [each.entry for each in found] == ["2027-12-24..2027-12-26"] * 2 + ["2027-12-27", "*-12-25"]
        (row,) = differing_days(ours("2028-02-27..2028-03-01"), theirs(), TODAY)
        assert row.last - row.first == timedelta(days=3)

    def test_beyond_the_days_ahead_the_entries_still_differ(self) -> None:
        mine, other = ours("2031-05-01"), theirs(CHRISTMAS)
        told = list(structure(wanted_dates(mine, other), other))
        assert told == ["Only the configuration has 2031-05-01.", "Only the device has *-12-25."]
        assert [str(each.first) for each in differing_days(mine, other, TODAY)] == ["2027-12-25", "2028-12-25"]

    @pytest.mark.parametrize(
        ("present", "trouble"), [(True, ""), (None, ""), (False, "today is not one of its days, but 2027-12-25 is")]
    )
    def test_a_present_value_that_is_another_may_be_its_clock(self, present: bool | None, trouble: str) -> None:
        told = present_trouble(theirs(CHRISTMAS, present=present), date(2027, 12, 25))
        assert trouble in told
        assert bool(told) == bool(trouble)


class TestWhatCannotBeSaid:
    @pytest.mark.parametrize("open_", ["2028-01-01..*", "*..2028-01-01", "*..*"])
    def test_a_range_that_is_open_is_named(self, open_: str) -> None:
        (said,) = wanted_dates(ours("*-12-25", open_), theirs()).cannot
        assert said.startswith(f"{open_} is open at an end")

    def test_an_open_range_that_the_device_has_already_it_can_have(self) -> None:
        imported = calendar_of(theirs(DateSpan(Theirs(2028, 1, 1), Theirs(None, None, None))), "closures").calendar
        assert wanted_dates(imported, theirs(DateSpan(Theirs(2028, 1, 1), Theirs(None, None, None)))).cannot == ()
        assert wanted_dates(imported, theirs()).cannot

    @pytest.mark.parametrize("far", ["2155-01-01", "1899-12-31..1900-01-02"])
    def test_a_year_that_no_date_of_a_device_has_is_named(self, far: str) -> None:
        (said,) = wanted_dates(ours(far), theirs()).cannot
        assert said.startswith(f"{far} names ")

    def test_what_cannot_be_understood_is_no_day_and_told(self) -> None:
        odd = theirs(CHRISTMAS, Strange(b"\x4c\x01\x00"), WeekAndDay(1, 0, 1), Theirs(2027, 2, 30), notes=("Odd.",))
        found = calendar_of(odd, "closures")
        assert found.calendar == ours("*-12-25")
        assert found.remarks == (
            "Odd.",
            "2 of its entries cannot be understood: they are taken for no day.",
            "2027-02-30 is left out: there is no such day.",
        )
        assert doubts(odd) == list(found.remarks[:2])


def perhaps(what: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.one_of(st.none(), what)


PATTERNS = st.builds(
    DatePattern,
    year=perhaps(st.sampled_from([2027, 2028, 2029])),
    month=perhaps(st.integers(1, 14)),
    day=perhaps(st.integers(1, 34)),
    weekday=perhaps(st.integers(1, 7)),
)
DAYS = st.integers(-3, 420).map(lambda ahead: TODAY + timedelta(days=ahead))
RANGES = st.tuples(DAYS, DAYS).map(lambda each: DateRange(first=min(each), last=max(each)))
WEEKS = st.builds(
    WeekNDay, month=perhaps(st.integers(1, 14)), week=perhaps(st.integers(1, 9)), weekday=perhaps(st.integers(1, 7))
)
CALENDARS = st.lists(st.one_of(PATTERNS, DAYS.map(DatePattern.of), RANGES, WEEKS), max_size=6).map(
    lambda entries: Calendar(name="closures", entries=tuple(entries))
)


@given(CALENDARS)
def test_what_is_written_over_the_wire_and_imported_again_means_the_same(calendar: Calendar) -> None:
    wanted = wanted_dates(calendar, theirs())
    assert not wanted.cannot
    there = theirs(*codec.dates(codec.encode_dates(wanted.dates), []))
    assert differing_days(calendar, there, TODAY) == []
    assert same_dates(wanted.dates, there.dates)
    again = calendar_of(there, "closures").calendar
    for number in range(400):
        day = TODAY + timedelta(days=number)
        assert calendar.matches(day) == again.matches(day)


@given(CALENDARS, CALENDARS)
def test_a_day_differs_if_it_belongs_to_one_of_them_only(calendar: Calendar, other: Calendar) -> None:
    there = theirs(*wanted_dates(other, theirs()).dates)
    told = {
        each.first + timedelta(days=number): each.is_ours
        for each in differing_days(calendar, there, TODAY)
        for number in range((each.last - each.first).days + 1)
    }
    days = [TODAY + timedelta(days=number) for number in range(400)]
    assert told == {day: calendar.matches(day) for day in days if calendar.matches(day) != other.matches(day)}
