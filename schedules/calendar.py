"""What a programme says, and at which instants it says something else. Pure; instants are aware UTC.

- Every entry of a civil day takes effect exactly once: at a time that the clock skips (spring), at the first
  instant after the gap; at a time that the clock shows twice (autumn), at its first occurrence (`schedules.civil`).
  An entry of the sun is a civil time of its day like any other, or does not come that day (`schedules.sun`).
- Nothing carries over midnight: before the first entry of its day a rule says the programme's default. (A BACnet
  Schedule gives way to the next rule instead: that is an entry without a state at 00:00.)
- Exceptions and holidays replace the weekly day. The lowest precedence number wins; among equals the exception
  before the holiday, and the one written first. An entry without a state hands the rest of the day to the next rule.
- Outside of its effective period a programme says nothing: its state is `SILENT`, of which no policy speaks.
- A special event outranks all of that from its first instant to its last, wherever they fall; of several at once, the
  one that was announced last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import chain, pairwise
from zoneinfo import ZoneInfo

from schedules.civil import DAY, MINUTES_A_DAY, civil_day, instant_of, minute_of
from schedules.dates import DateRange, Days
from schedules.sun import Place, SunTime, minute_of_sun

LOOK_AHEAD = timedelta(days=400)  # a year and a month: whatever comes once a year is found
PRECEDENCE = 8  # in the middle of BACnet's sixteen event priorities: there is room on either side
WEEKLY = "weekly"
OUT_OF_PERIOD = "outside its effective period"
SILENT = ""
ALWAYS = DateRange()


@dataclass(frozen=True, slots=True)
class Entry:
    """From this civil time or event of the sun on, this state. No state: the next rule decides again."""

    at: time | SunTime
    state: str | None

    def __post_init__(self) -> None:
        if isinstance(self.at, time) and (self.at.tzinfo is not None or self.at.second or self.at.microsecond):
            raise ValueError(f"{self.at} is not a civil time in whole minutes")


DayProgramme = tuple[Entry, ...]
"""Its civil times go forward; entries of the sun may stand anywhere. At the same minute, the later one counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayException:
    """A day programme that replaces the weekly one on these days."""

    name: str
    when: Days
    entries: DayProgramme
    precedence: int = PRECEDENCE  # 1-16; the lowest wins

    def __post_init__(self) -> None:
        _must_be_a_precedence(self.precedence, self.name)
        _in_order(self.entries, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialEvent:
    """A state that somebody wants for once, until an instant: "theatre 3 until 23:00 tonight"."""

    name: str
    state: str
    begin: datetime  # aware
    end: datetime  # not included

    def __post_init__(self) -> None:
        if self.begin.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"event {self.name!r} begins and ends at instants, with their offsets")
        if self.end <= self.begin:
            raise ValueError(f"event {self.name!r} ends before it begins")


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """What should be when: a week, its holidays, its exceptions, and what is special."""

    name: str
    default: str
    week: tuple[DayProgramme, ...]  # Monday to Sunday
    exceptions: tuple[DayException, ...] = ()
    holidays: Mapping[date, str] = field(default_factory=dict)
    on_holiday: DayProgramme | None = None  # None: does not follow holidays, as clinical programmes do not
    holiday_precedence: int = PRECEDENCE
    effective: DateRange = ALWAYS
    place: Place | None = None  # for entries of the sun
    events: tuple[SpecialEvent, ...] = ()  # in the order in which they were announced

    def __post_init__(self) -> None:
        if len(self.week) != 7:
            raise ValueError(f"programme {self.name!r} has {len(self.week)} days; a week has 7, Monday to Sunday")
        _must_be_a_precedence(self.holiday_precedence, self.name)
        for entries in (*self.week, self.on_holiday or ()):
            _in_order(entries, self.name)
        if self.place is None and any(isinstance(entry.at, SunTime) for entry in self.entries):
            raise ValueError(
                f"programme {self.name!r} goes by the sun, but where the site is is not known: "
                "give latitude and longitude in [site]"
            )

    @property
    def entries(self) -> Iterator[Entry]:
        """All of all its days."""
        exceptions = (exception.entries for exception in self.exceptions)
        return chain.from_iterable([*self.week, self.on_holiday or (), *exceptions])


@dataclass(frozen=True, slots=True)
class DayBlock:
    """A stretch of a civil day with one state; minutes from civil midnight, `end` excluded."""

    start: int
    end: int
    state: str


def state_at(programme: Programme, instant: datetime, zone: ZoneInfo) -> str:
    """The programme's state at an instant."""
    if event := event_at(programme, instant):
        return event.state
    day = civil_day(instant, zone)
    begun = _begun(_blocks(programme, day, zone), day, zone)
    return next(state for since, state in reversed(begun) if since <= instant)


def transitions(programme: Programme, day: date, zone: ZoneInfo) -> list[tuple[datetime, str]]:
    """The states of a civil day in order, each with its first instant; the first begins with the day.

    Neighbours differ. Empty for a day that the zone's calendar left out (Samoa, 30 December 2011).
    """
    begin, end = instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone)
    if begin >= end:
        return []
    begun = _begun(_blocks(programme, day, zone), day, zone)
    edges = {since for since, _ in begun} | {
        edge for event in programme.events for edge in (event.begin, event.end) if begin < edge < end
    }
    found: list[tuple[datetime, str]] = []
    place = 0
    for edge in sorted(edges):
        while place + 1 < len(begun) and begun[place + 1][0] <= edge:
            place += 1
        event = event_at(programme, edge)
        state = event.state if event else begun[place][1]
        if edge < end and (not found or found[-1][1] != state):
            found.append((edge, state))
    return found


def next_transition(programme: Programme, instant: datetime, zone: ZoneInfo) -> tuple[datetime, str] | None:
    """The first instant after `instant` at which the state differs, and that state; None within 400 days."""
    present = state_at(programme, instant, zone)
    today = civil_day(instant, zone)
    says_only = _Sameness(programme, present, zone)
    for days in range(LOOK_AHEAD.days + 1):
        day = today + days * DAY
        if says_only(day):
            continue
        for since, state in transitions(programme, day, zone):
            if since > instant and state != present:
                return since, state
    return None


def day_blocks(programme: Programme, day: date, zone: ZoneInfo) -> list[DayBlock]:
    """The civil day as a week grid shows it: from 0 to 1440 without a hole, neighbours differ."""
    changes = _blocks(programme, day, zone)
    special = [
        (minute_of(event.begin, day, zone), minute_of(event.end, day, zone), event.state) for event in programme.events
    ]
    bounds = {minute for begin, end, _ in special for minute in (begin, end) if 0 <= minute < MINUTES_A_DAY}
    shown: list[tuple[int, str]] = []
    for edge in sorted({minute for minute, _ in changes} | bounds):
        base = next(state for minute, state in reversed(changes) if minute <= edge)
        state = next((state for begin, end, state in reversed(special) if begin <= edge < end), base)
        if not shown or shown[-1][1] != state:
            shown.append((edge, state))
    return [
        DayBlock(start, end, state)
        for (start, state), (end, _) in pairwise([*shown, (MINUTES_A_DAY, programme.default)])
    ]


def why(programme: Programme, day: date) -> str:
    """The name of the rule that rules the day: an exception, a holiday or "weekly"; special events stand beside it."""
    if not programme.effective.matches(day):
        return OUT_OF_PERIOD
    return next(name for name, _ in _rules(programme, day))


def why_at(programme: Programme, instant: datetime, zone: ZoneInfo) -> str:
    """The name of what rules at an instant: a special event, or the rule of the day."""
    event = event_at(programme, instant)
    return event.name if event else why(programme, civil_day(instant, zone))


def event_at(programme: Programme, instant: datetime) -> SpecialEvent | None:
    """The special event that rules at an instant, if any."""
    return next((event for event in reversed(programme.events) if event.begin <= instant < event.end), None)


class _Sameness:
    """Whether a day surely says one state only; days with the same rules are looked at once."""

    def __init__(self, programme: Programme, state: str, zone: ZoneInfo) -> None:
        self._programme, self._state, self._zone = programme, state, zone
        self._known: dict[tuple[int, ...], bool] = {}
        spans = ((event.begin.astimezone(zone).date(), event.end.astimezone(zone).date()) for event in programme.events)
        self._special = [(first - DAY, last + DAY) for first, last in spans]  # with a day to spare on either side

    def __call__(self, day: date) -> bool:
        programme, state = self._programme, self._state
        if any(first <= day <= last for first, last in self._special):
            return False
        if not programme.effective.matches(day):
            return state == SILENT
        rules = [entries for _, entries in _rules(programme, day)]
        key = tuple(map(id, rules))  # of tuples that the programme holds
        if key not in self._known:
            said = {entry.state for entries in rules for entry in entries if entry.state is not None}
            self._known[key] = said | {programme.default} == {state} or (
                not any(isinstance(entry.at, SunTime) for entries in rules for entry in entries)
                and all(said == state for _, said in _changes(rules, day, programme, self._zone))
            )
        return self._known[key]


def _blocks(programme: Programme, day: date, zone: ZoneInfo) -> list[tuple[int, str]]:
    """What the rules say from which minute of the civil day on; neighbours differ, the first is minute 0."""
    if not programme.effective.matches(day):
        return [(0, SILENT)]
    return _changes([entries for _, entries in _rules(programme, day)], day, programme, zone)


def _changes(rules: Iterable[DayProgramme], day: date, programme: Programme, zone: ZoneInfo) -> list[tuple[int, str]]:
    timed = [_timed(entries, day, programme.place, zone) for entries in rules]
    changes: list[tuple[int, str]] = []
    for minute in sorted({0, *(minute for rule in timed for minute, _ in rule)}):
        state = _state_of_rules(timed, minute, programme.default)
        if not changes or changes[-1][1] != state:
            changes.append((minute, state))
    return changes


def _timed(entries: DayProgramme, day: date, place: Place | None, zone: ZoneInfo) -> list[tuple[int, str | None]]:
    """The entries that come that day, by their minutes."""
    timed = [(_minute(entry.at, day, place, zone), entry.state) for entry in entries]
    return sorted(((minute, state) for minute, state in timed if minute is not None), key=lambda each: each[0])


def _minute(at: time | SunTime, day: date, place: Place | None, zone: ZoneInfo) -> int | None:
    if isinstance(at, time):
        return at.hour * 60 + at.minute
    return None if place is None else minute_of_sun(at, day, place, zone)


def _begun(changes: list[tuple[int, str]], day: date, zone: ZoneInfo) -> list[tuple[datetime, str]]:
    return [(instant_of(day, time(minute // 60, minute % 60), zone), state) for minute, state in changes]


def _rules(programme: Programme, day: date) -> Iterator[tuple[str, DayProgramme]]:
    """What has a say on that day, most important first; the week comes last."""
    ranked = [
        (exception.precedence, exception.name, exception.entries)
        for exception in programme.exceptions
        if exception.when.matches(day)
    ]
    if programme.on_holiday is not None and day in programme.holidays:
        ranked.append((programme.holiday_precedence, programme.holidays[day], programme.on_holiday))
    for _, name, entries in sorted(ranked, key=lambda rule: rule[0]):
        yield name, entries
    yield WEEKLY, programme.week[day.weekday()]


def _state_of_rules(rules: list[list[tuple[int, str | None]]], minute: int, default: str) -> str:
    for entries in rules:
        begun = [state for at, state in entries if at <= minute]
        if not begun:
            return default
        if begun[-1] is not None:
            return begun[-1]
    return default


def _in_order(entries: DayProgramme, where: str) -> None:
    times = [entry.at for entry in entries if isinstance(entry.at, time)]
    for one, other in pairwise(times):
        if one >= other:
            raise ValueError(f"{where!r}: {other:%H:%M} is written after {one:%H:%M}; entries go forward in time")


def _must_be_a_precedence(precedence: int, where: str) -> None:
    if not 1 <= precedence <= 16:
        raise ValueError(f"{where!r} has precedence {precedence}; it is 1 to 16, the lowest wins")
