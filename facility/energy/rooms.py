"""The compliance report: minutes in range, out and unknown, of every space that is counted, day by day.

Roll-ups say most of it; where they cannot, the readings themselves are asked, as long as they are kept. Space after
space: the database and the event loop have their turns between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from facility.compliance import watched_spaces
from facility.energy.comfort import NOTHING, UNKNOWN, Part, Seconds, at_worst, exactly, part, together
from facility.energy.gathering import Sources, ms
from facility.energy.intervals import QUARTER_MS
from facility.port import FacilityError
from facility.profiles import Abnormal, Limit, Profile, Profiles
from facility.standing import Watched
from facility.wire import ComplianceDay, ComplianceReport
from points.catalog import Catalog
from points.errors import PointsError
from points.history import History, Stretch
from points.history.rows import from_ms
from points.model import PointId, Space

AT_ONCE = 96
"""Quarters of an hour whose readings are fetched at once: as many as a day has."""
NOTE = "Limits are those of today's profiles, also for days on which others held."

Quarters = dict[int, Seconds]


async def compliance_report(sources: Sources, catalog: Catalog, profiles: Profiles, days: int) -> ComplianceReport:
    """Of the last `days`, today included. Raises `FacilityError`."""
    since, until = sources.span(days)
    zone = sources.config.site.tz
    starts = range(ms(since), ms(until), QUARTER_MS)
    told: list[ComplianceDay] = []
    for space, profile, members in watched_spaces(catalog, profiles):
        counted = await _space(sources, profile, members, starts)
        told += await asyncio.to_thread(_days, space, profile, counted, zone)
    told.sort(key=lambda day: (day.day, not day.critical, day.space))
    return ComplianceReport(since=since, until=until, zone=sources.config.site.zone, days=told, notes=[NOTE])


async def _space(sources: Sources, profile: Profile, members: Sequence[Watched], starts: range) -> Quarters:
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
            parts = [part(watched.rule, found[watched.point.id].get(start)) for watched in members]
            told = together(parts)
            if told is None:
                unsure[start] = parts
            else:
                sure[start] = told
        return sure, unsure

    told, unsure = await asyncio.to_thread(first_look)
    told |= await _closer(sources.kept(), members, unsure)
    return {start: _without(seconds) for start, seconds in told.items()} if missing else told


def _without(seconds: Seconds) -> Seconds:
    """A reading that must be there is missing: what is not out is unknown."""
    return Seconds(0.0, seconds.outside, seconds.unknown + seconds.inside)


async def _closer(history: History, members: Sequence[Watched], unsure: Mapping[int, list[Part]]) -> Quarters:
    raw_from = ms(history.raw_since)
    told = {start: at_worst(parts) for start, parts in unsure.items() if start < raw_from}
    rules = {str(watched.point.id): watched.rule for watched in members}
    points = [watched.point.id for watched in members]
    rest = [start for start in sorted(unsure) if start >= raw_from]
    for first in range(0, len(rest), AT_ONCE):
        some = rest[first : first + AT_ONCE]
        spans = [(from_ms(run[0]), from_ms(run[-1] + QUARTER_MS)) for run in _runs(some)]
        try:
            known = await history.known(points, spans)
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None
        told |= await asyncio.to_thread(_exact, rules, known, some)
    return told


def _exact(
    rules: Mapping[str, Limit | Abnormal], known: Mapping[PointId, Sequence[Stretch]], run: Iterable[int]
) -> Quarters:
    of_point: dict[str, Sequence[Stretch]] = {str(point): stretches for point, stretches in known.items()}
    return {start: exactly(rules, of_point, start) for start in run}


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
