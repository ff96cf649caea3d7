"""The compliance report: minutes in range, out and unknown, of every space that is counted, day by day.

Roll-ups say most of it; where they cannot, the readings themselves are asked, as long as they are kept. Space after
space: the database and the event loop have their turns between.

A room where patients sleep is judged by the limits of an empty one for as long as a policy held its setpoints: the
guard let it do so only while every bed was free. When beds were free and nothing was held, the audit does not tell.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from facility.compliance import watched_spaces
from facility.energy.comfort import NOTHING, UNKNOWN, Part, Seconds, at_worst, exactly, part, together
from facility.energy.gathering import Sources, ms
from facility.energy.inforce import Held, spans
from facility.energy.intervals import QUARTER_MS
from facility.port import FacilityError
from facility.profiles import Abnormal, Limit, Profile, Profiles
from facility.standing import Watched
from facility.wire import ComplianceDay, ComplianceReport
from points.catalog import Catalog
from points.errors import PointsError
from points.history import History, Stretch
from points.history.rows import from_ms
from points.model import PointId, Priority, Space, SpaceId
from schedules.writable import BED_CLASSES, is_bed_space

AT_ONCE = 96
"""Quarters of an hour whose readings are fetched at once: as many as a day has."""
NOTE = "Limits are those of today's profiles, also for days on which others held."
NOTE_BEDS = "Rooms that were set back because their beds were free are judged by the limits of empty ones meanwhile."

Quarters = dict[int, Seconds]


@dataclass(frozen=True, slots=True)
class Emptied:
    """When a room was set back because its beds were free, and the limits of its points that have others then."""

    limits: Mapping[PointId, Limit]
    spans: Sequence[tuple[int, int]]

    def rule(self, watched: Watched, *, is_empty: bool) -> Limit | Abnormal:
        return self.limits.get(watched.point.id, watched.rule) if is_empty else watched.rule

    def pieces(self, start: int) -> Iterator[tuple[int, int, bool]]:
        """A quarter of an hour, cut where the room was set back or was so no more."""
        at, end = start, start + QUARTER_MS
        first = bisect_right(self.spans, start, key=lambda span: span[1])
        for since, until in self.spans[first:]:
            if since >= end:
                break
            if at < since:
                yield at, since, False
            at = min(until, end)
            yield max(since, start), at, True
        if at < end:
            yield at, end, False

    def share(self, start: int) -> float:
        """Of a quarter of an hour."""
        if not self.spans:
            return 0.0
        return sum(right - left for left, right, is_empty in self.pieces(start) if is_empty) / QUARTER_MS


NEVER = Emptied({}, ())


async def compliance_report(sources: Sources, catalog: Catalog, profiles: Profiles, days: int) -> ComplianceReport:
    """Of the last `days`, today included. Raises `FacilityError`."""
    since, until = sources.span(days)
    zone = sources.config.site.tz
    starts = range(ms(since), ms(until), QUARTER_MS)
    told: list[ComplianceDay] = []
    empty = await _set_back(sources, catalog, since, until)
    for space, profile, members in watched_spaces(catalog, profiles):
        wider = {w.point.id: limit for w in members if (limit := profiles.vacated_limits(w.point, space)) is not None}
        while_empty = Emptied(wider, empty.get(space.id, [])) if wider else NEVER
        counted = await _space(sources, profile, members, starts, while_empty)
        told += await asyncio.to_thread(_days, space, profile, counted, zone)
    told.sort(key=lambda day: (day.day, not day.critical, day.space))
    notes = [NOTE, NOTE_BEDS] if empty else [NOTE]
    return ComplianceReport(since=since, until=until, zone=sources.config.site.zone, days=told, notes=notes)


async def _set_back(
    sources: Sources, catalog: Catalog, since: datetime, until: datetime
) -> dict[SpaceId, list[tuple[int, int]]]:
    """When a policy held the temperature setpoints of rooms where patients sleep."""
    rooms = {space.id for space in catalog.spaces.values() if is_bed_space(space)}
    places = {str(point.id): point.space for point in catalog.points.values() if point.point_class in BED_CLASSES}
    if rooms.isdisjoint(places.values()):
        return {}
    of_room: dict[SpaceId, list[Held]] = defaultdict(list)
    for one in (await sources.holds(since, until))[1]:
        place = places.get(one.point)
        if place in rooms and place is not None and one.priority == Priority.OCCUPANCY:
            of_room[place].append(one)
    found = {room: spans(holds, ms(since), ms(until)) for room, holds in of_room.items()}
    return {room: stretches for room, stretches in found.items() if stretches}


async def _space(
    sources: Sources, profile: Profile, members: Sequence[Watched], starts: range, empty: Emptied
) -> Quarters:
    present = {watched.point.point_class for watched in members}
    missing = any(limit.needed and name not in present for name, limit in profile.limits.items())
    if not members:
        return dict.fromkeys(starts, UNKNOWN)
    points = [watched.point.id for watched in members]
    read = await sources.quarters(points, from_ms(starts.start), from_ms(starts.stop))
    found = {point: {quarter.start: quarter for quarter in quarters} for point, quarters in read.items()}

    def first_look() -> tuple[Quarters, dict[int, list[Part]]]:
        sure: Quarters = {}
        unsure: dict[int, list[Part]] = {}
        for start in starts:
            share = empty.share(start)
            parts = [part(empty.rule(w, is_empty=share >= 1), found[w.point.id].get(start)) for w in members]
            told = together(parts)
            if told is None or (0 < share < 1 and told.outside):  # out by the usual limits, for a part of it by others
                unsure[start] = parts
            else:
                sure[start] = told
        return sure, unsure

    told, unsure = await asyncio.to_thread(first_look)
    told |= await _closer(sources.kept(), members, unsure, empty)
    return {start: _without(seconds) for start, seconds in told.items()} if missing else told


def _without(seconds: Seconds) -> Seconds:
    """A reading that must be there is missing: what is not out is unknown."""
    return Seconds(0.0, seconds.outside, seconds.unknown + seconds.inside)


async def _closer(
    history: History, members: Sequence[Watched], unsure: Mapping[int, list[Part]], empty: Emptied
) -> Quarters:
    raw_from = ms(history.raw_since)
    told = {start: at_worst(parts) for start, parts in unsure.items() if start < raw_from}
    points = [watched.point.id for watched in members]
    rest = [start for start in sorted(unsure) if start >= raw_from]
    for first in range(0, len(rest), AT_ONCE):
        some = rest[first : first + AT_ONCE]
        wanted = [(from_ms(run[0]), from_ms(run[-1] + QUARTER_MS)) for run in _runs(some)]
        try:
            known = await history.known(points, wanted)
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None
        told |= await asyncio.to_thread(_exact, members, known, some, empty)
    return told


def _exact(
    members: Sequence[Watched], known: Mapping[PointId, Sequence[Stretch]], run: Iterable[int], empty: Emptied
) -> Quarters:
    of_point: dict[str, Sequence[Stretch]] = {str(point): stretches for point, stretches in known.items()}
    rules = [
        {str(watched.point.id): empty.rule(watched, is_empty=is_empty) for watched in members}
        for is_empty in (False, True)
    ]
    found: Quarters = {}
    for start in run:
        found[start] = NOTHING
        for left, right, is_empty in empty.pieces(start):
            found[start] = found[start].plus(exactly(rules[is_empty], of_point, left, right))
    return found


def _runs(starts: Sequence[int]) -> list[list[int]]:
    """Neighbours together."""
    runs: list[list[int]] = [[start] for start in starts[:1]]
    for before, start in pairwise(starts):
        if start - before == QUARTER_MS:
            runs[-1].append(start)
        else:
            runs.append([start])
    return runs


def _days(space: Space, profile: Profile, counted: Quarters, zone: ZoneInfo) -> list[ComplianceDay]:
    days: dict[str, Seconds] = {}
    for start in sorted(counted):
        day = datetime.fromtimestamp(start / 1000, UTC).astimezone(zone).date().isoformat()
        days[day] = days.get(day, NOTHING).plus(counted[start])
    return [
        ComplianceDay(
            day=day,
            space=space.id,
            name=space.name,
            type=space.type,
            group=profile.group,
            critical=profile.critical,
            in_range=round(seconds.inside / 60, 2),
            out=round(seconds.outside / 60, 2),
            unknown=round(seconds.unknown / 60, 2),
        )
        for day, seconds in days.items()
    ]
