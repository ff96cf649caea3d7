"""Which days: known answers of domain.md 3.5, rule 6, and what holds of every pattern."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules.dates import (
    EVEN_DAYS,
    EVEN_MONTHS,
    LAST_DAY,
    ODD_DAYS,
    ODD_MONTHS,
    Calendar,
    DatePattern,
    DateRange,
    WeekNDay,
    days_of,
)

DAY = timedelta(days=1)
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))


def days(pattern, year):
    first = date(year, 1, 1)
    every = (first + n * DAY for n in range(366))
    return [day for day in every if day.year == year and pattern.matches(day)]


# --- known answers ---------------------------------------------------------------------------------------------------


def test_the_last_monday_of_any_month():
    memorial = WeekNDay(week=6, weekday=1)
    assert memorial.matches(date(2025, 5, 26))
    assert not memorial.matches(date(2025, 5, 19))


@pytest.mark.parametrize(
    ("text", "year", "those"),
    [
        ("2026-12-24", 2026, ["2026-12-24"]),
        ("*-12-25", 2027, ["2027-12-25"]),
        ("2028-02-29", 2028, ["2028-02-29"]),
        ("*-02-29", 2027, []),
        ("*-02-last", 2028, ["2028-02-29"]),
        ("*-02-last", 2027, ["2027-02-28"]),
        ("2026-*-31", 2026, [f"2026-{month}-31" for month in ("01", "03", "05", "07", "08", "10", "12")]),
        ("*-*-13 friday", 2026, ["2026-02-13", "2026-03-13", "2026-11-13"]),
        ("2026-even-last", 2026, [f"2026-{day}" for day in ("02-28", "04-30", "06-30", "08-31", "10-31", "12-31")]),
        ("2026-02-odd monday", 2026, ["2026-02-09", "2026-02-23"]),
        ("2026-02-even monday", 2026, ["2026-02-02", "2026-02-16"]),
        ("2026-12-30..2027-01-02", 2026, ["2026-12-30", "2026-12-31"]),
        ("*..2026-01-02", 2026, ["2026-01-01", "2026-01-02"]),
        ("2026-12-31..", 2026, ["2026-12-31"]),
        ("fourth thursday of november", 2026, ["2026-11-26"]),
        ("last monday of may", 2025, ["2025-05-26"]),
        ("fifth any of february", 2028, ["2028-02-29"]),
        ("fifth any of february", 2027, []),
        ("last any of february", 2027, [f"2027-02-{day}" for day in range(22, 29)]),
        ("2nd-last any of february", 2027, [f"2027-02-{day}" for day in range(15, 22)]),
        ("3rd-last any of february", 2027, [f"2027-02-{day:02}" for day in range(8, 15)]),
        ("4th-last any of february", 2027, [f"2027-02-{day:02}" for day in range(1, 8)]),
        ("4th-last any of february", 2028, [f"2028-02-{day:02}" for day in range(2, 9)]),
        ("first sunday of odd", 2026, [f"2026-{d}" for d in ("01-04", "03-01", "05-03", "07-05", "09-06", "11-01")]),
    ],
)
def test_which_days_are_meant(text, year, those):
    assert [day.isoformat() for day in days(days_of(text), year)] == those


def test_a_calendar_is_any_of_its_entries():
    calendar = Calendar(name="closures", entries=(days_of("2026-12-24"), days_of("first monday of may")))
    assert days(calendar, 2026) == [date(2026, 5, 4), date(2026, 12, 24)]
    assert not days(Calendar(name="none", entries=()), 2026)


# --- promises --------------------------------------------------------------------------------------------------------

MAYBE_MONTH = st.none() | st.integers(1, 14)
MAYBE_WEEKDAY = st.none() | st.integers(1, 7)
PATTERNS = st.builds(
    DatePattern,
    year=st.none() | st.integers(2020, 2040),
    month=MAYBE_MONTH,
    day=st.none() | st.integers(1, 34),
    weekday=MAYBE_WEEKDAY,
)
WEEKS = st.builds(WeekNDay, month=MAYBE_MONTH, week=st.none() | st.integers(1, 9), weekday=MAYBE_WEEKDAY)


@st.composite
def ranges(draw):
    first, last = draw(st.none() | DAYS), draw(st.none() | DAYS)
    if first is not None and last is not None and last < first:
        first, last = last, first
    return DateRange(first=first, last=last)


@given(PATTERNS | WEEKS | ranges(), DAYS)
def test_what_is_written_is_read_as_the_same_days(pattern, day):
    try:
        read = days_of(str(pattern))
    except ValueError:  # such as 2027-02-30, which a device may hold
        assert not any(pattern.matches(date(pattern.year, 1, 1) + n * DAY) for n in range(366))
        return
    assert read == pattern
    assert read.matches(day) == pattern.matches(day)


@given(DAYS)
def test_the_parts_of_a_month_and_of_a_year_are_whole_and_do_not_overlap(day):
    assert sum(WeekNDay(week=week).matches(day) for week in range(1, 6)) == 1
    assert sum(WeekNDay(weekday=weekday).matches(day) for weekday in range(1, 8)) == 1
    for odd, even in (
        (DatePattern(month=ODD_MONTHS), DatePattern(month=EVEN_MONTHS)),
        (WeekNDay(month=ODD_MONTHS), WeekNDay(month=EVEN_MONTHS)),
        (DatePattern(day=ODD_DAYS), DatePattern(day=EVEN_DAYS)),
    ):
        assert odd.matches(day) != even.matches(day)
    assert DatePattern(month=ODD_MONTHS).matches(day) == (day.month in (1, 3, 5, 7, 9, 11))
    assert DatePattern(day=LAST_DAY).matches(day) == ((day + DAY).day == 1)


@given(DAYS)
def test_the_weeks_from_the_end_are_seven_days_each_counted_back_from_the_last(day):
    after = (day.replace(day=28) + 4 * DAY).replace(day=1)
    back = (after - day).days - 1  # days after it in its month
    weeks = [week for week in range(6, 10) if WeekNDay(week=week).matches(day)]
    assert weeks == ([back // 7 + 6] if back < 28 else [])


@given(ranges(), DAYS)
def test_both_ends_of_a_range_belong_to_it(pattern, day):
    assert all(pattern.matches(end) for end in (pattern.first, pattern.last) if end is not None)
    if pattern.first is not None:
        assert not pattern.matches(pattern.first - DAY)
    if pattern.last is not None:
        assert not pattern.matches(pattern.last + DAY)
    if pattern == DateRange():
        assert pattern.matches(day)


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tomorrow", "are no days; write a day such as"),
        ("2026-02-30", "day is out of range"),
        ("2026-13-01", "13 is not within 1 and 12"),
        ("*-01-32", "32 is not within 1 and 31"),
        ("2026-01-01 fryday", "'fryday' is none of monday"),
        ("2026-02-02..2026-02-01", "ends on 2026-02-01, before it begins on 2026-02-02"),
        ("2026-*-01..2026-12-31", "are no days"),
        ("last monday of mai", "'mai' is none of january"),
        ("sixth monday of may", "'sixth' is none of first"),
        ("monday of may", "are no days"),
        ("1..2..3", "are no days"),
        ("0000-01-01", "are no days"),
        ("", "are no days"),
    ],
)
def test_what_are_no_days_is_told(text, says):
    with pytest.raises(ValueError, match=says):
        days_of(text)


@pytest.mark.parametrize(
    "make",
    [
        lambda: DatePattern(month=15),
        lambda: DatePattern(day=35),
        lambda: DatePattern(weekday=0),
        lambda: DatePattern(year=0),
        lambda: WeekNDay(week=10),
        lambda: WeekNDay(month=0),
        lambda: WeekNDay(weekday=8),
    ],
)
def test_no_part_is_beyond_its_bounds(make):
    with pytest.raises(ValueError, match="is not within"):
        make()
