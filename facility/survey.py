"""Looks through the building: at the first start, when asked, and once in a while; at a device when it has changed.
Who announces itself and is not known, and who does not answer any more, is looked for by instance.

What is stored is what the network said. The catalog in use is that, shaped: classified, then corrected
by what the site says. So neither a restart nor a change of the site's rules needs a look at the network.
A look that was broken off goes on, the next time, from where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum, auto

import structlog

from facility import survey_rows
from facility.catalog_rows import load_catalog, save_catalog
from facility.database import StateDatabase, StateUnavailable
from facility.shape import Shape
from facility.wire import Discovery
from points.bacnet.port import Bacnet, IAm
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.discovery import (
    Discovered,
    DiscoveryPlan,
    Likeness,
    Lookout,
    Progress,
    approve,
    as_told,
    discover,
    likeness,
    look_at,
    look_for,
    plain,
    replaced,
)
from points.events import Events
from points.model import Device, DeviceId, DeviceRef, Event, EventKind
from points.passport import Passports

EMPTY_AGAIN = timedelta(minutes=1)  # a building of which nothing is known yet is looked for again so soon
SETTLED_AFTER = timedelta(seconds=30)  # who changes a device's configuration is rarely done with one change
LOOKED_OUT_EVERY = timedelta(seconds=30)  # for strangers and for the lost; several devices rarely start at once
SETTLED_AT_MOST = timedelta(minutes=10)  # between two looks at a device that does not answer
RESUMED_WITHIN = timedelta(hours=1)  # what an unfinished look has read is believed so long
NEWS_KEPT = 200  # sentences of the latest look that can be asked for

log = structlog.get_logger(__name__)


def _merged(catalog: Catalog, parts: Sequence[Catalog]) -> Catalog:
    devices, points = dict(catalog.devices), dict(catalog.points)
    for part in parts:
        devices |= part.devices
        points |= part.points
    return Catalog.of(devices.values(), points.values(), catalog.spaces.values())


class Next(Enum):
    """What it is time for."""

    WHOLE = auto()  # a look through the building
    REVISED = auto()  # changed devices have settled
    SOUGHT = auto()  # there are instances to look for


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
        lost: Callable[[], Iterable[DeviceId]] = tuple,
    ) -> None:
        """`lost` says which devices do not answer now."""
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
        self._strangers: dict[DeviceId, Device] = {}  # as they stand where others were known, until approved
        self._revised: set[DeviceId] = set()
        self._settled_after = SETTLED_AFTER
        self._lost = lost
        self._lookout = Lookout(plan)
        self._known: set[DeviceRef] = set()
        self._sought: set[int] = set()  # instances
        self._seeking = False
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
        bacnet.on_i_am(self._announced)

    async def restore(self) -> None:
        """Puts the stored catalog into use, shaped by today's rules."""
        self._raw = await load_catalog(self._db)
        since = self._clock.now() - RESUMED_WITHIN
        read = await survey_rows.read_already(self._db)
        self._unfinished = bool(read)
        self._read_already = {ref for ref, time in read.items() if time >= since}
        self._known = {device.ref for device in self._raw.devices.values()}
        if self._raw.points:
            self._book.replace(await asyncio.to_thread(self._shape, self._raw))

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
        self._settled_after = SETTLED_AFTER
        self._put_back({device})

    def _put_back(self, devices: Collection[DeviceId]) -> None:
        """They are still to be looked at."""
        if devices:
            self._revised |= set(devices)
            self._something_revised.set()

    async def approve(self, device: DeviceId) -> None:
        """Ends the device's quarantine; stored when this returns, and told. Raises `NotApprovable`."""
        async with self._using:
            sentence = self._raw.devices[device].quarantine if device in self._raw.devices else ""
            await self._use(approve(self._raw, device))
            self._approved[device] = sentence
            self._strangers.pop(device, None)
        text = f"{self._raw.devices[device].name} is approved: it may be commanded again"
        self._events.tell(Event(kind=EventKind.DEVICE_BACK, time=self._clock.now(), about=device, text=text))

    async def reshape(self) -> None:
        """The same building, seen with what the rules are now."""
        async with self._using:
            if self._raw.points:
                self._book.replace(await asyncio.to_thread(self._shape, self._raw))
                self._changed()

    async def met(self, device: DeviceId, told: Mapping[str, str]) -> bool:
        """Whether what tells this of itself is the device; another is in quarantine when this returns."""
        async with self._using:
            known = self._raw.devices.get(device)
            alike = likeness(known, told) if known is not None else Likeness.UNSURE
            if known is None or alike is Likeness.SAME:
                return known is not None
            self.revised(device)
            if alike is Likeness.UNSURE:
                return False
            sentence = replaced(known, as_told(known, told))
            stranger = replace(as_told(known, told), quarantine=sentence, database_revision=None)
            self._strangers[device] = stranger
            self._approved.pop(device, None)
            await self._use(_merged(self._raw, [Catalog.of([stranger], [])]))
            self._passports.forget(known.ref)
        text = f"{known.name} {sentence}"
        self._events.tell(Event(kind=EventKind.DEVICE_REPLACED, time=self._clock.now(), about=device, text=text))
        return False

    async def run(self) -> None:
        if not self._book.current.points or self._state.error or self._unfinished:
            self.ask()
        due = self._due()
        while True:
            match await self._until(due):
                case Next.WHOLE:
                    await self.look()
                    due = self._due()
                case Next.REVISED:
                    await self.look_at_revised()
                case Next.SOUGHT:
                    await self.look_for_sought()

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
            self._sought.clear()
            self._lookout.looked(finished)

    async def look_at_revised(self) -> None:
        """A look at the devices that say they have changed, and at no other."""
        revised, self._revised = self._revised, set()
        self._settled_after = min(2 * self._settled_after, SETTLED_AT_MOST)  # until somebody else has changed
        self._something_revised.clear()
        self._approved.clear()
        try:
            await self._look_at(revised)
        except Exception:
            self._put_back(revised)
            raise

    async def _look_at(self, revised: set[DeviceId]) -> None:
        found = await look_at(
            self._bacnet,
            self._plan,
            self._raw,
            revised,
            describe=plain,
            now=self._clock.now(),
            passports=self._passports,
        )
        self._put_back(found.silent)
        if found.silent and found.silent == revised & self._raw.devices.keys():
            return  # nothing is known that was not before
        log.info("changed devices were looked at", devices=sorted(revised), news=len(found.events))
        async with self._using:
            await self._use(self._with_strangers(self._with_approvals(found.catalog)))
        self._tell(found)

    async def look_for_sought(self) -> None:
        """Who has the instances that are looked for, and nobody else. Most often there is nothing new."""
        sought, self._sought = self._sought, set()
        self._approved.clear()
        self._seeking = True
        try:
            found = await look_for(
                self._bacnet,
                self._plan,
                _merged(self._raw, self._parts),
                sought,
                describe=plain,
                now=self._clock.now(),
                passports=self._passports,
            )
        finally:
            self._seeking = False
        log.info("devices were looked for", instances=sorted(sought), news=len(found.events) if found else 0)
        if found is not None:
            async with self._using:
                await self._use(self._with_strangers(self._with_approvals(found.catalog)))
            self._tell(found)

    def _announced(self, i_am: IAm) -> None:
        """An I-Am. Those that come while we look are answers to us."""
        if not (self._state.running or self._seeking):
            self._lookout.announced(i_am.device, self._known, self._clock.now())

    def _due(self) -> datetime | None:
        """When to look without being asked."""
        every = self._every if self._book.current.points else EMPTY_AGAIN
        return None if every is None else self._clock.now() + every

    async def _until(self, due: datetime | None) -> Next:
        """Waits for the next thing to do."""

        async def settled() -> None:
            await self._something_revised.wait()
            await self._clock.sleep(self._settled_after.total_seconds())

        waits = [(self._asked.wait(), Next.WHOLE), (settled(), Next.REVISED), (self._look_out(), Next.SOUGHT)]
        if due is not None:
            waits.append((self._clock.sleep(max(0.0, (due - self._clock.now()).total_seconds())), Next.WHOLE))
        tasks = {asyncio.ensure_future(wait): next_ for wait, next_ in waits}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return min((tasks[task] for task in done), key=lambda next_: next_.value)
        finally:
            for task in tasks:
                task.cancel()

    async def _look_out(self) -> None:
        """Until there is somebody to look for."""
        while not self._sought:
            await self._clock.sleep(LOOKED_OUT_EVERY.total_seconds())
            devices = self._raw.devices
            lost = [devices[id_] for id_ in self._lost() if id_ in devices]
            self._sought = self._lookout.wanted(lost, self._known, self._clock.now())

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
            shaped = await self._use(self._with_strangers(self._with_approvals(found.catalog)))
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
        self._known = {device.ref for device in raw.devices.values()}
        self._book.replace(shaped)
        self._changed()
        return shaped

    def _with_strangers(self, found: Catalog) -> Catalog:
        """Who was read before another came to its place is not taken for that one."""
        mistaken = [
            replace(
                found.devices[id_],
                name=stranger.name,
                vendor=stranger.vendor,
                model=stranger.model,
                serial=stranger.serial,
                database_revision=None,
                quarantine=stranger.quarantine,
            )
            for id_, stranger in self._strangers.items()
            if id_ in found.devices and not found.devices[id_].quarantine
        ]
        return _merged(found, [Catalog.of(mistaken, [])]) if mistaken else found

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
        self._known |= {device.ref for device in part.devices.values()}
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
