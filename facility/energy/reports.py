"""The door to demand and reports: one at a time, and kept until there is something new to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from facility.energy.accounting import energy_report
from facility.energy.gathering import Sources
from facility.energy.live import Shedding, demand_now
from facility.energy.rooms import compliance_report
from facility.profiles import Profiles
from facility.wire import ComplianceReport, DemandInfo, EnergyReport
from points.catalog import Catalog, CatalogBook
from points.store import PointStore

KEPT = 4  # reports, the latest that were asked for

T = TypeVar("T")
Key = tuple[str, int]
Stamp = tuple[datetime, Catalog]


@dataclass(slots=True, kw_only=True)
class Reports:
    """Answers from the history and the audit; changes nothing."""

    sources: Sources
    book: CatalogBook
    store: PointStore
    profiles: Profiles
    shedding: Callable[[], Shedding | None]
    _kept: dict[Key, tuple[Stamp, object]] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def demand(self) -> DemandInfo:
        """The demand interval that is under way."""
        return await demand_now(self.sources, self.store, self.book.current, self.shedding())

    async def energy(self, days: int) -> EnergyReport:
        """Use and savings of so many days, today included. Raises `FacilityError`."""
        return await self._made(("energy", days), lambda catalog: energy_report(self.sources, catalog, days))

    async def compliance(self, days: int) -> ComplianceReport:
        """How long every space was in range, out, unknown. Raises `FacilityError`."""
        profiles = self.profiles
        return await self._made(
            ("compliance", days), lambda catalog: compliance_report(self.sources, catalog, profiles, days)
        )

    async def _made(self, key: Key, make: Callable[[Catalog], Awaitable[T]]) -> T:
        async with self._one_at_a_time:
            catalog = self.book.current
            settled = self.sources.kept().settled
            if (kept := self._kept.get(key)) is not None and kept[0][0] == settled and kept[0][1] is catalog:
                return cast(T, kept[1])
            report = await make(catalog)
            self._kept.pop(key, None)
            self._kept[key] = ((settled, catalog), report)
            while len(self._kept) > KEPT:
                self._kept.pop(next(iter(self._kept)))
            return report
