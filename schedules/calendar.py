"""Civil-time arithmetic: what a programme says, and at which instants it says something else.

The only place that knows civil time. All functions are pure; instants are aware UTC.

- Every entry of a civil day takes effect exactly once: at a time that the clock skips (spring), at the first
  instant after the gap; at a time that the clock shows twice (autumn), at its first occurrence.
- Nothing carries over midnight: before the first entry of its day a rule says the programme's default.
- Exceptions and holidays replace the weekly day. The lowest precedence number wins; among equals the exception
  before the holiday, and the one written first. An entry without a state hands the rest of the day to the next rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
MINUTES_A_DAY = 24 * 60
LOOK_AHEAD = timedelta(days=400)  # a year and a month: whatever comes once a year is found
PRECEDENCE = 8  # in the middle of BACnet's sixteen event priorities: there is room on either side
WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class Entry:
    """From this civil time on, this state. No state: the next rule decides again."""

    at: time
    state: str | None

    def __post_init__(self) -> None:
        if self.at.tzinfo is not None or self.at.second or self.at.microsecond:
            raise ValueError(f"{self.at} is not a civil time in whole minutes")


DayProgramme = tuple[Entry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayException:
    """A day programme that replaces the weekly one from `first` to `last`, both included."""

    name: str
    first: date
    last: date
    entries: DayProgramme
    precedence: int = PRECEDENCE

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError(f"exception {self.name!r} ends on {self.last}, before it begins on {self.first}")
        _in_order(self.entries, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """What should be when: a week, its holidays and its exceptions."""

    name: str
    default: str
    week: tuple[DayProgramme, ...]  # Monday to Sunday
    exceptions: tuple[DayException, ...] = ()
    holidays: Mapping[date, str] = field(default_factory=dict)
    on_holiday: DayProgramme | None = None  # None: does not follow holidays, as clinical programmes do not
    holiday_precedence: int = PRECEDENCE

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError(f"programme {self.name!r} has {len(self.week)} days; a week has 7, Monday to Sunday")
        for entries in (*self.week, self.on_holiday or ()):
            _in_order(entries, self.name)


@dataclass(frozen=True, slots=True)
class DayBlock:
    """A stretch of a civil day with one state; minutes from civil midnight, `end` excluded."""

    start: int
    end: int
    state: str


def state_at(programme: Programme, instant: datetime, zone: ZoneInfo) -> str:
    """The programme's state at an instant."""
    stretches = transitions(programme, civil_day(instant, zone), zone)
    return next(state for since, state in reversed(stretches) if since <= instant)


def transitions(programme: Programme, day: date, zone: ZoneInfo) -> list[tuple[datetime, str]]:
    """The states of a civil day in order, each with its first instant; the first begins with the day.

    Empty for a day that the zone's calendar left out (Samoa, 30 December 2011).
    """
    end = instant_of(day + DAY, time(0), zone)
    begun = [(instant_of(day, _time(block.start), zone), block.state) for block in day_blocks(programme, day)]
    ends = [since for since, _ in begun[1:]] + [end]
    return [(since, state) for (since, state), until in zip(begun, ends, strict=True) if since < until]


def next_transition(programme: Programme, instant: datetime, zone: ZoneInfo) -> tuple[datetime, str] | None:
    """The first instant after `instant` at which the state differs, and that state; None within 400 days."""
    present = state_at(programme, instant, zone)
    today = civil_day(instant, zone)
    for days in range(LOOK_AHEAD.days + 1):
        day = today + days * DAY
        if all(block.state == present for block in day_blocks(programme, day)):
            continue
        for since, state in transitions(programme, day, zone):
            if since > instant and state != present:
                return since, state
    return None


def day_blocks(programme: Programme, day: date) -> list[DayBlock]:
    """The civil day as a week grid shows it: from 0 to 1440 without a hole, neighbours differ."""
    rules = [entries for _, entries in _rules(programme, day)]
    edges = sorted({0, *(_minute(entry.at) for entries in rules for entry in entries)})
    changes: list[tuple[int, str]] = []
    for minute in edges:
        state = _state_of_rules(rules, minute, programme.default)
        if not changes or changes[-1][1] != state:
            changes.append((minute, state))
    return [
        DayBlock(start, end, state)
        for (start, state), (end, _) in pairwise([*changes, (MINUTES_A_DAY, programme.default)])
    ]


def why(programme: Programme, day: date) -> str:
    """The name of the rule that rules the day: an exception, a holiday or "weekly"."""
    return next(name for name, _ in _rules(programme, day))


def civil_day(instant: datetime, zone: ZoneInfo) -> date:
    """The day whose programme applies at an instant: the last one that has begun.

    Not simply the date on the wall: where the clock goes back across midnight, the new day has begun once and
    the old one does not come again.
    """
    shown = instant.astimezone(zone).date()
    return shown + DAY if instant_of(shown + DAY, time(0), zone) <= instant else shown


def instant_of(day: date, at: time, zone: ZoneInfo) -> datetime:
    """When the clocks of `zone` first show this civil time; where they skip it, the first instant after the gap."""
    civil = datetime.combine(day, at, tzinfo=zone)
    instant = civil.astimezone(UTC)  # fold=0: of two occurrences the first
    if instant.astimezone(zone).replace(tzinfo=None) == civil.replace(tzinfo=None):
        return instant
    # In a gap the two folds read the civil time with the offsets after and before it: they enclose its end.
    before = int(civil.replace(fold=1).timestamp())
    after = int(instant.timestamp())
    offset = instant.astimezone(zone).utcoffset()
    while after - before > 1:
        middle = (before + after) // 2
        if datetime.fromtimestamp(middle, zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return datetime.fromtimestamp(after, UTC)


def _rules(programme: Programme, day: date) -> Iterator[tuple[str, DayProgramme]]:
    """What has a say on that day, most important first; the week comes last."""
    ranked = [
        (exception.precedence, exception.name, exception.entries)
        for exception in programme.exceptions
        if exception.first <= day <= exception.last
    ]
    if programme.on_holiday is not None and day in programme.holidays:
        ranked.append((programme.holiday_precedence, programme.holidays[day], programme.on_holiday))
    for _, name, entries in sorted(ranked, key=lambda rule: rule[0]):
        yield name, entries
    yield WEEKLY, programme.week[day.weekday()]


def _state_of_rules(rules: list[DayProgramme], minute: int, default: str) -> str:
    for entries in rules:
        begun = [entry.state for entry in entries if _minute(entry.at) <= minute]
        if not begun:
            return default
        if begun[-1] is not None:
            return begun[-1]
    return default


def _in_order(entries: DayProgramme, where: str) -> None:
    for one, other in pairwise(entries):
        if one.at >= other.at:
            raise ValueError(f"{where!r}: {other.at:%H:%M} is written after {one.at:%H:%M}; entries go forward in time")


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def _time(minute: int) -> time:
    return time(minute // 60, minute % 60)
