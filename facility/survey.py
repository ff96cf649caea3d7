"""Looks through the building: at the first start, when asked, and once in a while.

What is stored is what the network said. The catalog in use is that, shaped: classified, then corrected
by what the site says. So neither a restart nor a change of the site's rules needs a look at the network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

import structlog

from facility.catalog_rows import load_catalog, save_catalog
from facility.database import StateDatabase
from facility.wire import Discovery
from points.bacnet.port import Bacnet
from points.catalog import Catalog, CatalogBook
from points.classify import classified
from points.clock import Clock
from points.discovery import DiscoveryPlan, Progress, discover, plain
from points.events import Events
from points.model import Event, EventKind, Space, SpaceId
from points.site_rules import PointRule, SpaceRule, apply

EMPTY_AGAIN = timedelta(minutes=1)  # a building of which nothing is known yet is looked for again so soon
NEWS_KEPT = 200  # sentences of the latest look that can be asked for

log = structlog.get_logger(__name__)

Shape = Callable[[Catalog], Catalog]


def shape_of(point_rules: Sequence[PointRule], space_rules: Sequence[SpaceRule]) -> Shape:
    """What makes the catalog of the agent from that of the network."""

    def shape(raw: Catalog) -> Catalog:
        spaces: dict[SpaceId, Space] = {}
        points = []
        for point in raw.points.values():
            known, space = classified(point, raw.devices[point.device])
            points.append(known)
            if space is not None:
                spaces.setdefault(space.id, space)
        ruled, named = apply(points, point_rules, space_rules, spaces.values())
        return Catalog.of(raw.devices.values(), ruled, named)

    return shape


class Survey:
    """Keeps the catalog up to date, and its copy on disk."""

    name = "discovery"

    def __init__(
        self,
        *,
        bacnet: Bacnet,
        plan: DiscoveryPlan,
        book: CatalogBook,
        db: StateDatabase,
        shape: Shape,
        events: Events,
        clock: Clock,
        every: timedelta | None,
        changed: Callable[[], None],
    ) -> None:
        self._bacnet = bacnet
        self._plan = plan
        self._book = book
        self._db = db
        self._shape = shape
        self._events = events
        self._clock = clock
        self._every = every
        self._changed = changed
        self._raw = Catalog()
        self._asked = asyncio.Event()
        self._state = Discovery(
            running=False,
            started=None,
            finished=None,
            devices_found=0,
            devices_described=0,
            points=0,
            now="",
            news=[],
        )

    async def restore(self) -> None:
        """Puts the stored catalog into use, shaped by today's rules."""
        self._raw = await load_catalog(self._db)
        if self._raw.points:
            self._book.replace(self._shape(self._raw))

    def state(self) -> Discovery:
        return self._state

    def ask(self) -> Discovery:
        """Starts a look, unless one is under way."""
        if not self._state.running:
            afresh = {"running": True, "started": self._clock.now(), "news": [], "error": ""}
            self._state = self._state.model_copy(update=afresh)
            self._asked.set()
        return self._state

    async def run(self) -> None:
        if not self._book.current.points or self._state.error:
            self.ask()
        while True:
            await self._until_due()
            await self.look()

    async def look(self) -> None:
        """One look through the building, from the first Who-Is to the stored catalog."""
        self.ask()
        self._asked.clear()
        try:
            await self._look()
        except Exception as error:
            self._state = self._state.model_copy(update={"error": str(error) or type(error).__name__})
            raise
        finally:
            finished = self._clock.now()
            self._state = self._state.model_copy(update={"running": False, "finished": finished, "now": ""})

    async def _until_due(self) -> None:
        every = self._every if self._book.current.points else EMPTY_AGAIN
        if every is None:
            await self._asked.wait()
            return
        waiting = asyncio.create_task(self._asked.wait())
        pause = asyncio.create_task(self._clock.sleep(every.total_seconds()))
        try:
            await asyncio.wait({waiting, pause}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            pause.cancel()

    async def _look(self) -> None:
        found = await discover(
            self._bacnet, self._plan, self._raw, describe=plain, progress=self._progress, now=self._clock.now()
        )
        await save_catalog(self._db, found.catalog)
        self._raw, shaped = found.catalog, self._shape(found.catalog)
        self._book.replace(shaped)
        self._changed()
        for event in found.events:
            self._events.tell(event)
        text = f"{len(shaped.devices)} devices, {len(shaped.points)} points"
        log.info("discovery finished", devices=len(shaped.devices), points=len(shaped.points), news=len(found.events))
        self._events.tell(Event(kind=EventKind.SYSTEM, time=self._clock.now(), about="discovery", text=text))
        self._state = self._state.model_copy(
            update={"points": len(shaped.points), "news": [event.text for event in found.events[:NEWS_KEPT]]}
        )

    def _progress(self, progress: Progress) -> None:
        self._state = self._state.model_copy(
            update={
                "devices_found": progress.devices_found,
                "devices_described": progress.devices_described,
                "points": progress.points,
                "now": progress.current,
            }
        )
