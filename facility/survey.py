"""Looks through the building: at the first start, when asked, and once in a while; at a device when it has changed.

What is stored is what the network said. The catalog in use is that, shaped: classified, then corrected
by what the site says. So neither a restart nor a change of the site's rules needs a look at the network.
A look that was broken off goes on, the next time, from where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from facility import survey_rows
from facility.catalog_rows import load_catalog, save_catalog
from facility.database import StateDatabase, StateUnavailable
from facility.wire import Discovery
from points.bacnet.port import Bacnet
from points.catalog import Catalog, CatalogBook
from points.classify import classified
from points.clock import Clock
from points.discovery import Discovered, DiscoveryPlan, Progress, approve, discover, look_at, plain
from points.events import Events
from points.model import Device, DeviceId, DeviceRef, Event, EventKind, Point, PointId, Space, SpaceId
from points.passport import Passports
from points.site_rules import PointRule, SpaceRule, apply

EMPTY_AGAIN = timedelta(minutes=1)  # a building of which nothing is known yet is looked for again so soon
SETTLED_AFTER = timedelta(seconds=30)  # who changes a device's configuration is rarely done with one change
RESUMED_WITHIN = timedelta(hours=1)  # what an unfinished look has read is believed so long
NEWS_KEPT = 200  # sentences of the latest look that can be asked for

log = structlog.get_logger(__name__)

Shape = Callable[[Catalog], Catalog]


def _same(one: object, other: object) -> bool:
    return one is other or one == other  # of a large site, most things are the very same


def shape_of(point_rules: Sequence[PointRule], space_rules: Sequence[SpaceRule]) -> Shape:
    """What makes the catalog of the agent from that of the network."""
    before: dict[PointId, tuple[Point, Device, Point, Space | None]] = {}

    def judged(point: Point, device: Device) -> tuple[Point, Space | None]:
        """Most points are what they were at the latest look: then so is what is thought of them."""
        if (known := before.get(point.id)) is not None and _same(known[0], point) and _same(known[1], device):
            return known[2:]
        shaped, space = classified(point, device)
        shaped = replace(shaped, quarantined=True) if device.quarantine else shaped
        before[point.id] = (point, device, shaped, space)
        return shaped, space

    def shape(raw: Catalog) -> Catalog:
        spaces: dict[SpaceId, Space] = {}
        points = []
        for point in raw.points.values():
            known, space = judged(point, raw.devices[point.device])
            points.append(known)
            if space is not None:
                spaces.setdefault(space.id, space)
        ruled, named = apply(points, point_rules, space_rules, spaces.values())
        return Catalog.of(raw.devices.values(), ruled, named)

    return shape


def _merged(catalog: Catalog, parts: Sequence[Catalog]) -> Catalog:
    devices, points = dict(catalog.devices), dict(catalog.points)
    for part in parts:
        devices |= part.devices
        points |= part.points
    return Catalog.of(devices.values(), points.values(), catalog.spaces.values())


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
        passports: Passports | None = None,
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
        self._passports = passports or Passports()
        self._raw = Catalog()
        self._unfinished = False  # a look was broken off
        self._parts: list[Catalog] = []  # what it has read, beside what was known, and when not long ago, of whom
        self._read_already: set[DeviceRef] = set()
        self._approved: dict[DeviceId, str] = {}  # and what was approved, since the look under way began
        self._revised: set[DeviceId] = set()
        self._asked = asyncio.Event()
        self._something_revised = asyncio.Event()
        self._using = asyncio.Lock()
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
        since = self._clock.now() - RESUMED_WITHIN
        read = await survey_rows.read_already(self._db)
        self._unfinished = bool(read)
        self._read_already = {ref for ref, time in read.items() if time >= since}
        if self._raw.points:
            self._book.replace(self._shape(self._raw))

    def state(self) -> Discovery:
        return self._state

    def ask(self) -> Discovery:
        """Starts a look, unless one is under way."""
        if not self._state.running:
            afresh = {"running": True, "started": self._clock.now(), "news": [], "error": ""}
            begun = {"phase": "", "who_is": 0, "devices_found": 0, "devices_described": 0, "devices_to_go": 0}
            resumed = len(self._read_already)
            self._state = self._state.model_copy(update={**afresh, **begun, "resumed": resumed})
            self._asked.set()
        return self._state

    def revised(self, device: DeviceId) -> None:
        """The device says that its configuration is another one: it is looked at when that has settled."""
        self._revised.add(device)
        self._something_revised.set()

    async def approve(self, device: DeviceId) -> None:
        """Ends the device's quarantine; stored when this returns, and told. Raises `NotApprovable`."""
        async with self._using:
            sentence = self._raw.devices[device].quarantine if device in self._raw.devices else ""
            await self._use(approve(self._raw, device))
            self._approved[device] = sentence
        text = f"{self._raw.devices[device].name} is approved: it may be commanded again"
        self._events.tell(Event(kind=EventKind.DEVICE_BACK, time=self._clock.now(), about=device, text=text))

    async def run(self) -> None:
        if not self._book.current.points or self._state.error or self._unfinished:
            self.ask()
        due = self._due()
        while True:
            if await self._until(due):
                await self.look()
                due = self._due()
            else:
                await self.look_at_revised()

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

    async def look_at_revised(self) -> None:
        """A look at the devices that say they have changed, and at no other."""
        revised, self._revised = self._revised, set()
        self._something_revised.clear()
        self._approved.clear()
        found = await look_at(
            self._bacnet,
            self._plan,
            self._raw,
            revised,
            describe=plain,
            now=self._clock.now(),
            passports=self._passports,
        )
        log.info("changed devices were looked at", devices=sorted(revised), news=len(found.events))
        async with self._using:
            await self._use(self._with_approvals(found.catalog))
        self._tell(found)

    def _due(self) -> datetime | None:
        """When to look without being asked."""
        every = self._every if self._book.current.points else EMPTY_AGAIN
        return None if every is None else self._clock.now() + every

    async def _until(self, due: datetime | None) -> bool:
        """Waits; True if it is time for a whole look, False if changed devices have settled."""

        async def settled() -> None:
            await self._something_revised.wait()
            await self._clock.sleep(SETTLED_AFTER.total_seconds())

        waits: list[Coroutine[Any, Any, object]] = [settled(), self._asked.wait()]
        if due is not None:
            waits.append(self._clock.sleep(max(0.0, (due - self._clock.now()).total_seconds())))
        small, *whole = [asyncio.create_task(wait) for wait in waits]
        try:
            await asyncio.wait({small, *whole}, return_when=asyncio.FIRST_COMPLETED)
            return any(task.done() for task in whole)
        finally:
            for task in (small, *whole):
                task.cancel()

    async def _look(self) -> None:
        self._approved.clear()
        found = await discover(
            self._bacnet,
            self._plan,
            _merged(self._raw, self._parts),
            describe=plain,
            progress=self._progress,
            now=self._clock.now(),
            passports=self._passports,
            checkpoint=self._keep,
            read_already=frozenset(self._read_already),
        )
        async with self._using:
            shaped = await self._use(self._with_approvals(found.catalog))
            await survey_rows.finished(self._db)
        self._unfinished, self._parts, self._read_already = False, [], set()
        self._tell(found)
        text = f"{len(shaped.devices)} devices, {len(shaped.points)} points"
        log.info("discovery finished", devices=len(shaped.devices), points=len(shaped.points), news=len(found.events))
        self._events.tell(Event(kind=EventKind.SYSTEM, time=self._clock.now(), about="discovery", text=text))
        self._state = self._state.model_copy(
            update={"points": len(shaped.points), "news": [event.text for event in found.events[:NEWS_KEPT]]}
        )

    async def _use(self, raw: Catalog) -> Catalog:
        """Stores a catalog and puts it into use."""
        await save_catalog(self._db, raw)
        shaped = await asyncio.to_thread(self._shape, raw)  # seconds for a large site, and readings come in meanwhile
        self._raw = raw
        self._book.replace(shaped)
        self._changed()
        return shaped

    def _with_approvals(self, found: Catalog) -> Catalog:
        """What somebody approved while the look went on stays approved; what the look brought up does not."""
        for device, sentence in self._approved.items():
            if found.devices[device].quarantine == sentence and not found.devices[device].duplicate:
                found = approve(found, device)
        return found

    async def _keep(self, part: Catalog) -> None:
        """Keeps what was read for the case that this look does not come to its end."""
        self._unfinished = True
        self._parts.append(part)
        self._read_already |= {device.ref for device in part.devices.values()}
        try:
            await survey_rows.save_part(self._db, part, self._clock.now())
        except StateUnavailable as error:  # the end of the look says so again, and then it matters
            log.warning("what discovery has read so far is not stored", error=str(error))

    def _tell(self, found: Discovered) -> None:
        for event in found.events:
            if event.kind is EventKind.DEVICE_REPLACED:
                self._passports.forget(self._raw.devices[DeviceId(event.about)].ref)
            self._events.tell(event)

    def _progress(self, progress: Progress) -> None:
        self._state = self._state.model_copy(
            update={
                "devices_found": progress.devices_found,
                "devices_described": progress.devices_described,
                "points": progress.points,
                "now": progress.current,
                "phase": progress.phase.value,
                "who_is": progress.who_is,
                "devices_to_go": progress.to_go,
            }
        )
