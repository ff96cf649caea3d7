"""What reports are made of, fetched piece by piece: the history's quarters, the audit's holds, the calendar.

Every piece is small and is fetched in the database's own thread; between two of them everybody else has his turn.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import isfinite

from facility.audit.holds import Line, PastHolds
from facility.claims import Claims
from facility.config.model import Config
from facility.config.programmes import HolidayEntry
from facility.energy.inforce import LOOK_BACK, Held, held
from facility.port import FacilityError
from facility.profiles.conversion import convert
from points.catalog import Catalog
from points.clock import Clock
from points.errors import PointsError
from points.history import History, Quarter
from points.history.rows import to_ms
from points.model import PointId
from schedules.civil import civil_day, instant_of
from schedules.holiday_dates import holidays_of

SLICE = timedelta(days=31)
LONGEST_DAYS = 366
HALF_AN_HOUR = 2
"""Quarters of an hour whose outdoor temperature must be known for that of the hour to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where reports look."""

    config: Config
    clock: Clock
    history: History | None
    claims: Claims
    past: PastHolds
    holidays: Callable[[], Iterable[HolidayEntry]] | None = None  # the site's own now; None: those of `config`

    def kept(self) -> History:
        if self.history is None:
            raise FacilityError("unknown", "No history is kept: history.enabled is false.")
        return self.history

    def span(self, days: int) -> tuple[datetime, datetime]:
        """From the local midnight that begins so many days, today included, to the latest quarter that is rolled up."""
        if not 1 <= days <= LONGEST_DAYS:
            raise FacilityError("bad-wish", f"A report is of 1 to {LONGEST_DAYS} days.")
        until, zone = self.kept().settled, self.config.site.tz
        first = civil_day(self.clock.now(), zone) - timedelta(days=days - 1)
        since = instant_of(first, time(0), zone)
        return since, max(until, since)

    async def quarters(
        self, points: Iterable[PointId], since: datetime, until: datetime
    ) -> dict[PointId, list[Quarter]]:
        """In slices of a month."""
        history, wanted = self.kept(), list(points)
        found: dict[PointId, list[Quarter]] = {point: [] for point in wanted}
        at = since
        while at < until:
            end = min(at + SLICE, until)
            try:
                for point, some in (await history.quarters(wanted, at, end)).items():
                    found[point] += some
            except PointsError as error:
                raise FacilityError("busy", str(error)) from None
            await asyncio.sleep(0)
            at = end
        return found

    async def holds(self, since: datetime, until: datetime) -> tuple[list[Line], list[Held]]:
        """The audit's lines about slots, and what policies held, from `since` on."""
        try:
            lines = await self.past.between(since - LOOK_BACK, until)
        except PointsError as error:
            raise FacilityError("busy", str(error)) from None
        standing = self.claims.standing()
        return lines, await asyncio.to_thread(held, lines, standing, since - LOOK_BACK)

    def is_holiday(self) -> Callable[[date], bool]:
        """By the site's country and its own list, for as far back as reports go."""
        site, year = self.config.site, self.clock.now().year
        public = holidays_of(site.country, site.subdivision, range(year - 2, year + 2)) if site.country else {}
        own = self.config.holidays if self.holidays is None else self.holidays()
        return frozenset({*public, *(entry.day for entry in own)}).__contains__


def outdoor_hours(quarters: Sequence[Quarter], unit: str) -> Mapping[int, float]:
    """Hour -> its mean outdoor temperature, in degrees Celsius."""
    found: dict[int, list[float]] = defaultdict(list)
    for quarter in quarters:
        celsius = convert(quarter.mean, unit, "degrees-celsius")
        if celsius is not None and isfinite(celsius):
            found[quarter.start - quarter.start % 3_600_000].append(celsius)
    return {hour: sum(known) / len(known) for hour, known in found.items() if len(known) >= HALF_AN_HOUR}


def unit_of(catalog: Catalog, point: PointId | None) -> str:
    known = catalog.points.get(point) if point is not None else None
    return known.unit if known else ""


def ms(time: datetime) -> int:
    return to_ms(time)
