"""Watches whether the networks may be asked as often as the deadlines of their points need, and tells when not.

A network that cannot keep up shows as stale values here and there, of which nobody could guess the cause.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

import structlog

from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.events import Events
from points.freshness.demand import Shortfall, demand_of, shortfalls
from points.model import Event, EventKind, Point
from points.passport import Passports

LOOK_EVERY_S = 60.0  # for another catalog
RECKON_EVERY = 10  # looks; then what was learned of the devices meanwhile is taken into account
DEVICES_AT_ONCE = 100  # a large site is reckoned in pieces: others have deadlines

log = structlog.get_logger(__name__)


class DemandWatch:
    """The service. `short` says which networks need more than they may have, the worst first."""

    name = "demand"

    def __init__(
        self,
        book: CatalogBook,
        *,
        deadline: Callable[[Point], float],
        passports: Passports,
        remote: float,
        local: float,
        events: Events,
        clock: Clock,
    ) -> None:
        """`remote`, `local`: requests a second that a network behind a router, and our own, may have."""
        self._book = book
        self._deadline = deadline
        self._passports = passports
        self._remote = remote
        self._local = local
        self._events = events
        self._clock = clock
        self._short: tuple[Shortfall, ...] = ()

    @property
    def short(self) -> tuple[Shortfall, ...]:
        return self._short

    async def run(self) -> None:
        looks, reckoned = 0, None
        while True:
            if self._book.current is not reckoned or looks % RECKON_EVERY == 0:
                reckoned = self._book.current
                await self._reckon(reckoned)
            looks += 1
            await self._clock.sleep(LOOK_EVERY_S)

    async def _reckon(self, catalog: Catalog) -> None:
        needs: defaultdict[int, float] = defaultdict(float)
        for number, device in enumerate(catalog.devices.values(), 1):
            deadlines = map(self._deadline, catalog.points_of(device.id))
            needs[device.ref.network] += demand_of(device, deadlines, self._passports)
            if number % DEVICES_AT_ONCE == 0:
                await asyncio.sleep(0)
        before = {each.network for each in self._short}
        self._short = tuple(shortfalls(needs, remote=self._remote, local=self._local))
        for short in self._short:
            if short.network not in before:
                self._tell(short)

    def _tell(self, short: Shortfall) -> None:
        log.warning("deadlines cannot be kept", network=short.network, needs=round(short.needs, 1), budget=short.budget)
        about = f"network {short.network}"
        self._events.tell(Event(kind=EventKind.SYSTEM, time=self._clock.now(), about=about, text=str(short)))
