"""Finds what others have written into the slots of the points that we know, slowly and for ever.

Every point with a priority array is looked at once in a round, monitor-only ones too, in turns over the devices:
one request at a time, with a rest after each, never urgent. A device that does not answer holds up nobody; what
was known of it stays, with the time when it was last seen. Points that are held by hand or out of service say
so in their readings, and cost no request.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from facility.audit import Audit
from facility.claims import Claims
from facility.database import StateDatabase
from facility.foreign_reads import Reads
from facility.foreign_rows import ForeignBook
from facility.overrides import (
    FLAGS,
    OURS,
    SLOTS,
    Found,
    Look,
    doubtful,
    foreign_in,
    infos,
    says_of_flags,
    strongest_first,
)
from facility.wire import OverrideInfo
from points.bacnet.port import Bacnet, Property
from points.bacnet.values import priority_array
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.errors import DeviceError
from points.events import Events
from points.model import Device, DeviceId, Point, PointId, Priority, Slots, Value
from points.passport import Passports
from points.store import PointStore
from points.units import show

AT_ONCE = 8  # points of a device in one turn; two requests where answers are short
FIRST_ROUND = timedelta(minutes=3)  # what stands at the start is to be known soon
SHORTEST_REST = 0.05  # seconds between two turns, however many points there are
SILENCE = timedelta(minutes=1)  # that a device which did not answer is left alone
SETTLING = 2.0  # seconds in which a write of ours has become what the books say of it
FOLLOWED_EVERY = timedelta(seconds=10)  # a building that is being discovered changes with every device
FLAGS_EVERY = 1.0  # seconds

log = structlog.get_logger(__name__)


class ForeignSweep:
    """Looks, and keeps what it finds. Writes to no device."""

    name = "foreign"

    def __init__(
        self,
        *,
        bacnet: Bacnet,
        book: CatalogBook,
        store: PointStore,
        claims: Claims,
        db: StateDatabase,
        audit: Audit,
        events: Events,
        clock: Clock,
        every: timedelta | None,
        lost: Callable[[], Collection[DeviceId]] = tuple,
        passports: Passports | None = None,
    ) -> None:
        """`every` is how long a round takes; None: none is made. `lost` are the devices that do not answer."""
        self._book = book
        self._store = store
        self._claims = claims
        self._clock = clock
        self._every = every
        self._lost = lost
        self._reads = Reads(bacnet, passports if passports is not None else Passports())
        self._found = ForeignBook(db, audit, events, self._in_words)
        self._sights: dict[PointId, Look] = {}
        self._sighted = asyncio.Event()
        self._turn = asyncio.Lock()  # one device at a time
        self._silent: dict[DeviceId, datetime] = {}  # when they were
        self._standing: tuple[int, list[Found]] = (0, [])

    async def run(self) -> None:
        await self._found.load()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_flags())
            tasks.create_task(self._look_twice())
            if self._every is not None:
                tasks.create_task(self._rounds(self._every))

    def saw(self, point: PointId, slots: Slots, now: datetime) -> None:
        """Somebody has read the slots of a point just now, for a purpose of their own."""
        found = foreign_in(point, slots.values, self._claims.__getitem__)
        if found or not SLOTS.isdisjoint(self._found.of(point)):
            self._sights[point] = Look(point=point, levels=SLOTS, found=found, at=now)
            self._sighted.set()

    def of(self, point: PointId) -> Mapping[int, Found]:
        """What is known to hold a point, by level."""
        return self._found.of(point)

    def slots(self) -> int:
        """How many slots hold a value that somebody has written and that is not ours."""
        return sum(each.level in SLOTS for each in self._by_people())

    def count(self) -> int:
        """The same, and what is held by hand."""
        return len(self._by_people())

    def strongest(self, most: int) -> list[OverrideInfo]:
        """Of those so many, the strongest in front."""
        return self._infos(self._by_people()[:most])

    def overrides(self) -> list[OverrideInfo]:
        """Everything that is foreign, what a device does by itself too, the strongest in front."""
        return self._infos(self._strongest_first())

    def _infos(self, found: Sequence[Found]) -> list[OverrideInfo]:
        return infos(
            found,
            self._book.current,
            known=self._found.known,
            ours=self._claims.standing() if found else (),
            value_of=self._value_of,
        )

    def _by_people(self) -> list[Found]:
        return [each for each in self._strongest_first() if each.is_override]

    def _strongest_first(self) -> list[Found]:
        changes, standing = self._standing
        if changes != self._found.changes:
            everything = (each for levels in self._found.known.values() for each in levels.values())
            self._standing = (self._found.changes, standing := strongest_first(everything))
        return standing

    async def _rounds(self, every: timedelta) -> None:
        lasts = min(every, FIRST_ROUND)
        while True:
            await self._round(lasts.total_seconds())
            lasts = every

    async def _round(self, lasts: float) -> None:
        turns, followed = _Turns(self._book.current, self._at_once), self._clock.now()
        taken = 0
        while True:
            if not turns.whole:
                turns.follow(await self._book.changed())
                continue
            if turns.catalog is not self._book.current and abs(self._clock.now() - followed) >= FOLLOWED_EVERY:
                turns.follow(self._book.current)
                followed = self._clock.now()
            points = turns.next(self._unreachable())
            if points is None and taken >= turns.whole:
                return  # only those are left that do not answer
            if points is not None and await self._visit(points):
                turns.done(points)
            taken += 1
            await self._clock.sleep(max(lasts / turns.whole, SHORTEST_REST))

    def _unreachable(self) -> set[DeviceId]:
        now = self._clock.now()
        self._silent = {device: since for device, since in self._silent.items() if abs(now - since) < SILENCE}
        return {*self._lost(), *self._silent}

    async def _visit(self, points: Sequence[Point]) -> bool:
        """Looks at points of one device; False if it does not answer."""
        async with self._turn:
            looks = await self._look(points)
            if looks is None:
                return False
            unsure = {look.point for look in looks if doubtful(look.found, self._found.of(look.point))}
            if unsure:  # perhaps ours, and written or released meanwhile: then another look shows it
                await self._clock.sleep(SETTLING)
                again = await self._look([point for point in points if point.id in unsure])
                looks = [look for look in looks if look.point not in unsure]
                looks += [look for look in again or () if not self._is_being_written(look)]
            await self._found.note(looks)
            return True

    async def _look(self, points: Sequence[Point]) -> list[Look] | None:
        device = self._book.current.devices.get(points[0].device)
        if device is None:
            return None
        wanted = [Property(point.ref.object_type, point.ref.instance, "priority-array") for point in points]
        try:
            answers = await self._reads.of(device).read(wanted)
        except DeviceError as error:
            log.debug("slots not read", device=device.id, error=str(error))
            self._silent[device.id] = self._clock.now()
            return None
        now = self._clock.now()
        looks = []
        for point, answer in zip(points, answers, strict=True):
            values = priority_array(answer)
            if values is not None:
                found = foreign_in(point.id, values, self._claims.__getitem__)
                looks.append(Look(point=point.id, levels=SLOTS, found=found, at=now))
        return looks

    def _is_being_written(self, look: Look) -> bool:
        """Whether a claim of ours on a slot that holds something else is not proven yet: the desk finds out."""
        claims = (self._claims[look.point, Priority(level)] for level in look.found if level in OURS)
        return any(claim is not None and not claim.confirmed for claim in claims)

    async def _look_twice(self) -> None:
        """Takes what others have seen. Where it may have been ours a moment ago, it is looked at again."""
        while True:
            await self._sighted.wait()
            self._sighted.clear()
            sights, self._sights = self._sights, {}
            for look in sights.values():
                if not doubtful(look.found, self._found.of(look.point)):
                    await self._found.note([look])
                elif (point := self._known(look.point)) is not None:
                    await self._visit([point])

    async def _watch_flags(self) -> None:
        with self._store.watch() as watch:
            while True:
                looks = []
                for reading in await watch.batch():
                    found = says_of_flags(reading, self._found.of(reading.point))
                    if found is not None:
                        looks.append(Look(point=reading.point, levels=FLAGS, found=found, at=reading.time))
                await self._found.note(looks)
                await self._clock.sleep(FLAGS_EVERY)

    def _at_once(self, device: Device) -> int:
        return AT_ONCE if self._reads.of(device).reads_multiple else 1

    def _known(self, point: PointId) -> Point | None:
        known = self._book.current.points.get(point)
        return known if known is not None and known.device in self._book.current.devices else None

    def _in_words(self, point: PointId, value: Value) -> str:
        known = self._book.current.points.get(point)
        return str(value) if known is None else show(known, value)

    def _value_of(self, point: PointId) -> Value | None:
        reading = self._store.get(point)
        return None if reading is None else reading.value


class _Turns:
    """What a round has still to look at, a few points of one device after a few of another."""

    def __init__(self, catalog: Catalog, at_once: Callable[[Device], int]) -> None:
        self._at_once = at_once
        self._done: set[PointId] = set()
        self.follow(catalog)

    def follow(self, catalog: Catalog) -> None:
        """The building is another now: what was looked at is not looked at again."""
        self.catalog = catalog
        self.whole = 0  # turns of a round
        waves: list[list[tuple[Point, ...]]] = []
        for device, points in _by_device(catalog):
            whole = -(-len(points) // self._at_once(device))
            self.whole += whole
            left = [point for point in points if point.id not in self._done]
            some = -(-len(points) // whole)
            for wave, first in enumerate(range(0, len(left), some)):
                if wave == len(waves):
                    waves.append([])
                waves[wave].append(tuple(left[first : first + some]))
        self._left = deque(turn for wave in waves for turn in wave)

    def next(self, unreachable: Collection[DeviceId]) -> tuple[Point, ...] | None:
        """Whose turn it is; None if nobody is left, or nobody who could be asked."""
        for _ in range(len(self._left)):
            points = self._left.popleft()
            self._left.append(points)
            if points[0].device not in unreachable:
                return points
        return None

    def done(self, points: Sequence[Point]) -> None:
        """They were the latest that `next` has given."""
        self._left.pop()
        self._done.update(point.id for point in points)


def _by_device(catalog: Catalog) -> Iterable[tuple[Device, list[Point]]]:
    for device in catalog.devices.values():
        points = [point for point in catalog.points_of(device.id) if point.commandable and point.present]
        if points:
            yield device, points
