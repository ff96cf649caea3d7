"""Programmes as the screens ask for them: their weeks, how they are written, which days differ in months to come.

Looks that go over many days let others have their turn in between.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from zoneinfo import ZoneInfo

from facility import views
from facility.config.programmes import ExceptionEntry, ProgrammeSection
from facility.port import FacilityError
from facility.strategy import Strategy
from facility.wire import (
    CalendarDay,
    CalendarInfo,
    CalendarRule,
    ScheduleInfo,
    WrittenException,
    WrittenProgramme,
)
from facility.wire.schedules import RuleKind
from points.catalog import CatalogBook
from points.clock import Clock
from schedules.calendar import OUT_OF_PERIOD, WEEKLY, Programme, day_blocks, why
from schedules.civil import DAY, civil_day, instant_of
from schedules.sun import SunTime, minute_of_sun

MOST_DAYS = 400
CLOCK_WITHIN = 400  # days: a change of the clock that is further away is none
MOST_WATCHED = 8

Ruled = tuple[RuleKind, str, int | None]
"""What rules a day: kind, name, precedence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Months:
    """Looks at the programmes in force; changes nothing."""

    clock: Clock
    book: CatalogBook
    strategy: Strategy

    def weeks(self) -> list[ScheduleInfo]:
        """Every programme with its seven days from today."""
        strategy, now = self.strategy, self.clock.now()
        sections = {section.name: section for section in self.strategy.config.programmes}
        told = []
        for programme in strategy.programmes.values():
            policies = strategy.policies_following(programme.name)
            points = strategy.points_following(programme.name, self.book.current)
            info = views.schedule_info(programme, policies, len(points), now, strategy.zone)
            section = sections.get(programme.name)
            told.append(info if section is None else info.model_copy(update={"written": written(section)}))
        return told

    async def calendar(self, first: date, days: int) -> CalendarInfo:
        """So many days from the first on."""
        if not 1 <= days <= MOST_DAYS:
            raise FacilityError("bad-wish", f"A calendar has 1 to {MOST_DAYS} days, not {days}.")
        if not date.min + 2 * DAY <= first <= date.max - (CLOCK_WITHIN + days) * DAY:
            raise FacilityError("bad-wish", f"There is no calendar from {first} on.")
        programmes, zone = self.strategy.programmes, self.strategy.zone
        told = []
        for number in range(days):
            told.append(_day(programmes.values(), first + number * DAY, zone))
            await asyncio.sleep(0)
        now = max(first, civil_day(self.clock.now(), zone))  # what is over needs no watching
        left = max(0, days - (now - first).days)
        coming = told[len(told) - left :]
        watch = [*_clock_changes(now, zone), *_apart(coming, list(programmes)), *_ends(programmes, now, left)]
        watch += [*_sunless(programmes, now, left, zone), *_no_holidays(programmes)]
        return CalendarInfo(days=told, programmes=list(programmes), watch=watch[:MOST_WATCHED])


def written(section: ProgrammeSection) -> WrittenProgramme:
    """As its section says it; a day that says nothing itself, as its week does."""
    return WrittenProgramme(
        default=section.default,
        states=sorted(section.states),
        week=[list(section.day(weekday)) for weekday in range(7)],
        exceptions=[_exception(entry) for entry in section.exceptions],
        holiday_precedence=section.holiday_precedence,
    )


def ruled(programme: Programme, day: date) -> Ruled:
    """What rules the day."""
    name = why(programme, day)
    if name == OUT_OF_PERIOD:
        return "out", name, None
    found = [each for each in programme.exceptions if each.name == name and each.when.matches(day)]
    if found:
        return "exception", name, min(each.precedence for each in found)
    if name == programme.holidays.get(day):
        return "holiday", name, programme.holiday_precedence
    return "weekly", WEEKLY, None


def _exception(entry: ExceptionEntry) -> WrittenException:
    return WrittenException(
        name=entry.name,
        first=None if entry.first is None else entry.first.isoformat(),
        last=None if entry.last is None else entry.last.isoformat(),
        days=entry.days,
        calendar=entry.calendar,
        changes=list(entry.changes),
        precedence=entry.precedence,
    )


def _day(programmes: Collection[Programme], day: date, zone: ZoneInfo) -> CalendarDay:
    groups: defaultdict[Ruled, list[Programme]] = defaultdict(list)
    for programme in programmes:
        groups[ruled(programme, day)].append(programme)
    rules = [*_events(programmes, day, zone), *(_rule(by, them, day, zone) for by, them in groups.items())]
    rules.sort(key=lambda each: (each.kind in ("weekly", "out"), each.precedence or 0, each.name))
    return CalendarDay(
        date=day.isoformat(),
        holiday=next((p.holidays[day] for p in programmes if day in p.holidays), ""),
        clock=_clock(day, zone),
        rules=rules if any(rule.kind != "weekly" for rule in rules) else [],
    )


def _rule(by: Ruled, programmes: Sequence[Programme], day: date, zone: ZoneInfo) -> CalendarRule:
    kind, name, precedence = by
    hours = {_hours(programme, day, zone) for programme in programmes}
    return CalendarRule(
        kind=kind,
        name=name,
        precedence=precedence,
        hours=hours.pop() if len(hours) == 1 else "",
        follows=[programme.name for programme in programmes],
    )


def _events(programmes: Collection[Programme], day: date, zone: ZoneInfo) -> Iterator[CalendarRule]:
    begin, end = instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone)
    for programme in programmes:
        for event in programme.events:
            if event.begin < end and event.end > begin:
                since, until = (each.astimezone(zone) for each in (event.begin, event.end))
                hours = f"{event.state} {since:%H:%M} to {until:%a %H:%M}"
                follows = [programme.name]
                yield CalendarRule(kind="event", name=event.name, precedence=None, hours=hours, follows=follows)


def _hours(programme: Programme, day: date, zone: ZoneInfo) -> str:
    blocks = day_blocks(programme, day, zone)
    if len(blocks) == 1:
        return f"{blocks[0].state or 'nothing'} all day"
    changes = (f"{block.start // 60:02d}:{block.start % 60:02d} {block.state or 'nothing'}" for block in blocks[1:])
    return ", ".join(changes)


def _clock(day: date, zone: ZoneInfo) -> str:
    """What the clock does that day; "" nothing."""
    extra = instant_of(day + DAY, time(0), zone) - instant_of(day, time(0), zone) - DAY
    if not extra:
        return ""
    minutes = abs(extra) / timedelta(minutes=1)
    return f"the clock goes {'back' if extra > timedelta(0) else 'forward'} by {minutes:g} min"


def _clock_changes(first: date, zone: ZoneInfo) -> Iterator[str]:
    """The next one."""
    found = ((day, _clock(day, zone)) for day in (first + number * DAY for number in range(CLOCK_WITHIN)))
    change = next(((day, said) for day, said in found if said), None)
    if change is not None:
        yield f"{_named(change[0], year=True)}: {change[1]}."


def _apart(days: Sequence[CalendarDay], programmes: Sequence[str]) -> Iterator[str]:
    """Days on which some follow a holiday, or an exception that is also others', and the rest does not.

    Days on which the same do not follow are one line.
    """
    found: defaultdict[tuple[str, ...], dict[str, str]] = defaultdict(dict)  # who does not -> rule -> its first day
    for day in days:
        for rule in day.rules:
            shared = rule.kind == "holiday" or (rule.kind == "exception" and len(rule.follows) > 1)
            others = tuple(name for name in programmes if name not in rule.follows)
            if shared and others:
                found[others].setdefault(rule.name, f"{_named(date.fromisoformat(day.date))} {rule.name}")
    for others, rules in found.items():
        first, *more = rules.values()
        what = f"{first} and {len(more)} more" if more else first
        who = others[0] if len(others) == 1 else f"{others[0]} and {len(others) - 1} more"
        yield f"{what}: {who} {'does' if len(others) == 1 else 'do'} not follow. Intended?"


def _ends(programmes: Mapping[str, Programme], first: date, days: int) -> Iterator[str]:
    for name, programme in programmes.items():
        last = programme.effective.last
        if last is not None and first <= last < first + days * DAY:
            yield f"{_named(last)} is the last day of {name}: after it, it says nothing."


def _sunless(programmes: Mapping[str, Programme], first: date, days: int, zone: ZoneInfo) -> Iterator[str]:
    """Programmes that wait for a sun that does not rise or set."""
    for name, programme in programmes.items():
        place = programme.place
        suns = {entry.at for entry in programme.entries if isinstance(entry.at, SunTime)}
        if place is None or not suns:
            continue
        # the sun's year is smooth: a look at every fifth day finds every polar night and day
        missing = next(
            (
                (day, at)
                for day in (first + number * DAY for number in range(0, days, 5))
                for at in suns
                if minute_of_sun(at, day, place, zone) is None
            ),
            None,
        )
        if missing is not None:
            yield f"About {_named(missing[0])}: {missing[1]} does not come, for which {name} waits."


def _no_holidays(programmes: Mapping[str, Programme]) -> Iterator[str]:
    if programmes and not any(programme.holidays for programme in programmes.values()):
        yield "No public holidays are known: [site] names no country."


def _named(day: date, *, year: bool = False) -> str:
    return f"{day:%a} {day.day} {day:%b}{f' {day.year}' if year else ''}"
