"""The week as people look at it."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from schedules.calendar import DayBlock, Entry, Programme
from schedules.holiday_dates import holidays_of
from schedules.week import week_of, what_happens_next

CHICAGO = ZoneInfo("America/Chicago")
CLINIC = Programme(
    name="clinic-b",
    default="unoccupied",
    week=((Entry(time(5), "occupied"), Entry(time(19), "unoccupied")),) * 5 + ((),) * 2,
    holidays=holidays_of("US", None, [2026]),
    on_holiday=(),
)


def test_the_week_of_thanksgiving():
    week = week_of(CLINIC, date(2026, 11, 28), today=date(2026, 11, 24))
    assert [row.day.day for row in week] == [23, 24, 25, 26, 27, 28, 29]
    assert [row.note for row in week] == ["", "today", "", "Thanksgiving Day", "", "", ""]
    assert week[3].blocks == (DayBlock(0, 1440, "unoccupied"),)
    assert week[0].blocks[1] == DayBlock(300, 1140, "occupied")


def test_what_happens_next_skips_the_holiday_and_the_weekend():
    now = datetime(2026, 11, 25, 20, tzinfo=CHICAGO).astimezone(UTC)
    month = datetime(2026, 12, 24, tzinfo=UTC)
    changes = what_happens_next(CLINIC, now, CHICAGO, count=3, until=month)
    assert [(f"{change.at.astimezone(CHICAGO):%a %H:%M}", change.state, change.rule) for change in changes] == [
        ("Fri 05:00", "occupied", ""),
        ("Fri 19:00", "unoccupied", ""),
        ("Mon 05:00", "occupied", ""),
    ]
    assert what_happens_next(CLINIC, now, CHICAGO, count=3, until=now) == []


def test_the_sites_own_days_go_over_the_public_ones():
    own = {date(2026, 11, 26): "Founders' day", date(2026, 11, 27): "Bridge day"}
    days = holidays_of("US", "MN", [2026], own)
    assert days[date(2026, 11, 26)] == "Founders' day"
    assert days[date(2026, 11, 27)] == "Bridge day"
    assert days[date(2026, 7, 3)].startswith("Independence Day")
    assert holidays_of("", None, [2026], own) == own
    assert holidays_of("", None, [2026]) == {}


@pytest.mark.parametrize(
    ("country", "subdivision", "says"),
    [("XX", None, "ISO 3166"), ("US", "ZZ", "known: AK"), ("MC", "1", "known: none")],
)
def test_an_unknown_country_or_subdivision_is_told(country, subdivision, says):
    with pytest.raises(ValueError, match=says):
        holidays_of(country, subdivision, [2026])
