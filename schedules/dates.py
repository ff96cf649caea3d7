"""Which days: dates with wildcards, ranges, weeks of a month, and calendars of these. Pure; the terms are BACnet's.

- `DatePattern`: every part that is given must fit. Month 13 is every odd one, 14 every even one; day 32 is the last of
  the month, 33 every odd one, 34 every even one; weekdays run from 1, Monday, to 7 (ASHRAE 135 clause 20.2.12).
- `DateRange`: both ends belong to it; an end that is missing is open. Wildcards within an end do not exist.
- `WeekNDay`: week 1 is the days 1-7 of a month, 2 the days 8-14, 3 the days 15-21, 4 the days 22-28, 5 the days 29-31;
  6 is the last seven days, 7 the seven days before these, then 8 and 9.
- `Calendar`: a name and any of those; a day belongs to it if it belongs to one of them.

`days_of` reads what `str` writes: `2026-12-24`, `*-12-25`, `*-odd-last friday`, `2026-12-24..2027-01-01`,
`last monday of may`, `any friday of odd`.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date
from typing import Self

ODD_MONTHS, EVEN_MONTHS = 13, 14
LAST_DAY, ODD_DAYS, EVEN_DAYS = 32, 33, 34
LAST_WEEK = 6

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    *("december", "odd", "even"),
)
WEEKS = ("first", "second", "third", "fourth", "fifth", "last", "2nd-last", "3rd-last", "4th-last")
ANY = "any"

_HOW = (
    "write a day such as 2026-12-24, a pattern such as *-12-25 or *-odd-last, a range such as 2026-12-24..2027-01-01, "
    "or a week such as 'last monday of may'"
)
_DATE = re.compile(r"(\d{4}|\*)-(\d{1,2}|odd|even|\*)-(\d{1,2}|last|odd|even|\*)(?: ([a-z]+))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatePattern:
    """A date of which any part may be anything. None: any."""

    year: int | None = None
    month: int | None = None  # 1-12, 13 odd, 14 even
    day: int | None = None  # 1-31, 32 last, 33 odd, 34 even
    weekday: int | None = None  # 1 Monday - 7 Sunday

    def __post_init__(self) -> None:
        _within("year", self.year, 1, 9999)
        _within("month", self.month, 1, 14)
        _within("day", self.day, 1, 34)
        _within("weekday", self.weekday, 1, 7)

    @classmethod
    def of(cls, day: date) -> Self:
        """Exactly that day."""
        return cls(year=day.year, month=day.month, day=day.day)

    def matches(self, day: date) -> bool:
        return (
            self.year in (None, day.year)
            and _is_month(self.month, day)
            and self._is_day(day)
            and self.weekday in (None, day.isoweekday())
        )

    def _is_day(self, day: date) -> bool:
        match self.day:
            case 32:
                return day.day == _length(day)
            case 33 | 34:
                return day.day % 2 == self.day % 2
            case _:
                return self.day in (None, day.day)

    def __str__(self) -> str:
        year = "*" if self.year is None else f"{self.year:04}"
        month = {None: "*", 13: "odd", 14: "even"}.get(self.month, f"{self.month or 0:02}")
        day = {None: "*", 32: "last", 33: "odd", 34: "even"}.get(self.day, f"{self.day or 0:02}")
        return f"{year}-{month}-{day}" + (f" {WEEKDAYS[self.weekday - 1]}" if self.weekday else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """From `first` to `last`, both included; None: open on that side."""

    first: date | None = None
    last: date | None = None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError(f"ends on {self.last}, before it begins on {self.first}")

    def matches(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)

    def __str__(self) -> str:
        first, last = ("*" if each is None else each.isoformat() for each in (self.first, self.last))
        return f"{first}..{last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekNDay:
    """A weekday in a week of a month. None: any."""

    month: int | None = None  # 1-12, 13 odd, 14 even
    week: int | None = None  # 1-5 from the start of the month, 6-9 from its end
    weekday: int | None = None  # 1 Monday - 7 Sunday

    def __post_init__(self) -> None:
        _within("month", self.month, 1, 14)
        _within("week", self.week, 1, 9)
        _within("weekday", self.weekday, 1, 7)

    def matches(self, day: date) -> bool:
        return _is_month(self.month, day) and self._is_week(day) and self.weekday in (None, day.isoweekday())

    def _is_week(self, day: date) -> bool:
        if self.week is None:
            return True
        if self.week < LAST_WEEK:
            return self.week == (day.day - 1) // 7 + 1
        return self.week == (_length(day) - day.day) // 7 + LAST_WEEK

    def __str__(self) -> str:
        week = ANY if self.week is None else WEEKS[self.week - 1]
        weekday = ANY if self.weekday is None else WEEKDAYS[self.weekday - 1]
        month = ANY if self.month is None else MONTHS[self.month - 1]
        return f"{week} {weekday} of {month}"


CalendarEntry = DatePattern | DateRange | WeekNDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Days under a name, for several programmes."""

    name: str
    entries: tuple[CalendarEntry, ...]

    def matches(self, day: date) -> bool:
        return any(entry.matches(day) for entry in self.entries)

    def __str__(self) -> str:
        return f"calendar {self.name}"


Days = CalendarEntry | Calendar
"""When an exception applies."""


def days_of(text: str) -> CalendarEntry:
    """Reads what `str` writes. A ValueError says what to write instead."""
    said = " ".join(text.lower().split())
    try:
        if ".." in said:
            first, last = said.split("..")
            return DateRange(first=_end(first), last=_end(last))
        if " of " in said:
            return _week_n_day(said)
        return _pattern(said)
    except LookupError:
        raise ValueError(f"{text!r} are no days; {_HOW}") from None
    except ValueError as error:
        raise ValueError(f"{text!r} are no days ({error}); {_HOW}") from None


def _pattern(said: str) -> DatePattern:
    found = _DATE.fullmatch(said)
    if found is None:
        raise LookupError(said)
    year, month, day, weekday = found.groups()
    pattern = DatePattern(
        year=None if year == "*" else int(year),
        month={"*": None, "odd": ODD_MONTHS, "even": EVEN_MONTHS}[month]
        if not month.isdigit()
        else _at_most(month, 12),
        day={"*": None, "last": LAST_DAY, "odd": ODD_DAYS, "even": EVEN_DAYS}[day]
        if not day.isdigit()
        else _at_most(day, 31),
        weekday=None if weekday is None else _number(weekday, WEEKDAYS),
    )
    if year != "*" and month.isdigit() and day.isdigit():
        date(int(year), int(month), int(day))  # there is such a day
    return pattern


def _week_n_day(said: str) -> WeekNDay:
    words, month = said.split(" of ")
    week, weekday = words.split(" ")
    return WeekNDay(week=_number(week, WEEKS), weekday=_number(weekday, WEEKDAYS), month=_number(month, MONTHS))


def _number(word: str, words: tuple[str, ...]) -> int | None:
    if word == ANY:
        return None
    if word not in words:
        raise ValueError(f"{word!r} is none of {', '.join(words)}")
    return words.index(word) + 1


def _end(text: str) -> date | None:
    return None if text.strip() in ("", "*") else date.fromisoformat(text.strip())


def _at_most(text: str, most: int) -> int:
    number = int(text)
    if not 1 <= number <= most:
        raise ValueError(f"{text} is not within 1 and {most}")
    return number


def _is_month(month: int | None, day: date) -> bool:
    if month is None or month < ODD_MONTHS:
        return month in (None, day.month)
    return day.month % 2 == month % 2


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _within(what: str, number: int | None, low: int, high: int) -> None:
    if number is not None and not low <= number <= high:
        raise ValueError(f"{what} {number} is not within {low} and {high}")
