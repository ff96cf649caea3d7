"""The simulated hospital's critical rooms and what acts on them, in one process and on a clock that the test moves.

Everything is the agent's own, from the configuration to the writer, and the rooms are the simulator's, with their
priority arrays. Only the network between the two and the time are pretended: so every second can be looked at.
"""

import asyncio
import re
from collections import defaultdict
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from bacpypes3.primitivedata import Null, Real
from bacpypes3.vlan import VirtualNetwork
from manual_clock import ManualClock

from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.config.model import Config
from facility.courses import Courses
from facility.database import open_state
from facility.hands import PolicyHands
from facility.judgement import Judge
from facility.leases import Leases
from facility.profiles import Profiles
from facility.rooms import Rooms
from facility.shape import shape_of
from facility.simulation.critical_points import critical_rooms
from facility.simulation.critical_rooms import interior
from facility.simulation.running import _advance
from facility.simulation.site import Site
from facility.simulation.station import Station
from facility.strategy import Strategy
from facility.watcher import EnvelopeWatcher
from points.catalog import Catalog, CatalogBook
from points.errors import DeviceSilent
from points.events import Events
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Quality, Reading, Ref, Slots, Source
from points.store import PointStore
from schedules.planner import Planner
from schedules.policy import View

ROOMS = ("OR-1", "OR-2", "AII-1")  # their air handlers deliver what they take
TURNS = 30  # of the loop until whatever was woken has done what it does; there are no threads and no sockets
WIDE_STEP = 9.0  # s, while nothing of ours is under way; more would be taken for a step of the clock
_KINDS = {"analog": Kind.ANALOG, "binary": Kind.BINARY, "multi": Kind.MULTISTATE}


class Wakeups:
    """As `schedules.wakeups`, on that clock."""

    def __init__(self, clock):
        self._clock = clock
        self._rung = asyncio.Event()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    def ring(self):
        self._rung.set()

    async def wait(self, until, at_most_s):
        seconds = at_most_s if until is None else min(at_most_s, (until - self._clock.now()).total_seconds())
        pauses = [asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._rung.wait())]
        try:
            await asyncio.wait(pauses, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pause in pauses:
                pause.cancel()
        self._rung.clear()


class AtOnce:
    """The state database, without its thread."""

    def __init__(self, db):
        self._db = db

    async def run(self, work):
        return self._db.run_now(work)

    def __getattr__(self, name):
        return getattr(self._db, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Second:
    """What somebody who stands in the room sees."""

    time: datetime
    pressure: float
    supply: float
    extract: float
    occupied: bool
    door: bool


class Theatre:
    """The rooms, the agent's parts, and a record of both."""

    def __init__(self, folder, now, programmes, policies):
        self._stack = ExitStack()
        self._db = AtOnce(self._stack.enter_context(open_state(folder)))
        self._policies, self._programmes = policies, programmes
        self.clock, self.site = ManualClock(now), Site(now, seed=1)
        self.others = []  # policies that no configuration could ask for
        self.writes = []  # time, point, value, priority
        self.seconds = defaultdict(list)  # of each operating room
        self.stale, self.cut_off = set(), set()  # sensors that say nothing, devices that do not answer
        self.touched = set()  # every slot that anybody but the room's own controller has ever held

    @asynccontextmanager
    async def running(self):
        self._build()
        await self._assemble()
        await _advance(self._stations, self.site, 60)  # until the rooms have their pressure
        self._breathe()
        tasks = [asyncio.create_task(part.run()) for part in (self.watcher, self.courses, self.leases, self.planner)]
        try:
            await self._settle()
            yield self
        finally:
            for task in tasks[::-1]:
                task.cancel()
            while not all(task.done() for task in tasks):
                await self._pass(1.0)  # letting go takes the time that the air takes
            self._stack.close()
            VirtualNetwork._networks.pop("theatre")
        for task in tasks:
            assert task.cancelled(), task.exception()

    async def wait(self, **span):
        """A second at a time."""
        for _ in range(int(timedelta(**span).total_seconds())):
            await self._pass(1.0)

    async def idle(self, **span):
        """In wider steps; the rooms are at rest and so are we."""
        for _ in range(int(timedelta(**span).total_seconds() / WIDE_STEP)):
            await self._pass(WIDE_STEP)

    def people(self, room, present):
        self.site.people[f"{room} Room Controller"] = present

    def fall_silent(self, point, *, on):
        """A sensor that still has its last value, and does not tell any more."""
        (self.stale.add if on else self.stale.discard)(PointId(point))

    def warm(self, room, celsius):
        self.room(room).zone = interior(celsius)

    def room(self, name):
        """Its equipment."""
        return next(each.spec.equipment for each in self._stations if each.spec.name == f"{name} Room Controller")

    def values(self):
        """What anybody but their own controllers commands, by point and level, as the rooms' arrays say."""
        return {
            (point_id, level): value
            for point_id, face in self._faces.items()
            if face.commandable and face.commanded_at is not None
            for level, value in enumerate(_array(face)[:15], 1)
            if value is not None
        }

    async def _pass(self, seconds):
        self.clock.advance(seconds=seconds)
        await _advance(self._stations, self.site, int(seconds))
        self._breathe()
        await self._settle()
        self.touched |= self.values().keys()

    async def _settle(self):
        for _ in range(TURNS):
            await asyncio.sleep(0)

    def _build(self):
        VirtualNetwork("theatre")
        self._stations = [Station(spec, "theatre") for spec in critical_rooms() if spec.name.startswith(ROOMS)]
        self._faces, self._by_ref, devices, points = {}, {}, [], []
        for station in self._stations:
            where = DeviceRef(network=10, address=str(station.spec.instance), instance=station.spec.instance)
            device = Device(id=DeviceId(station.spec.name.split()[0].lower()), ref=where, name=station.spec.name)
            devices.append(device)
            for role, face in station.faces.items():
                points.append(_point(device, role, face))
                self._faces[points[-1].id] = face
                self._by_ref[points[-1].ref] = points[-1].id
        self.book = CatalogBook(shape_of((), ())(Catalog.of(devices, points)))

    async def _assemble(self):
        """As `facility.assembly` does it."""
        config = Config(site={"zone": "UTC"}, programmes=self._programmes, policies=self._policies)
        strategy = Strategy(config, self.clock.now().date())
        profiles, self.store, self.events = Profiles.load(), PointStore(), Events()
        catalog = self.book.current

        def rule(point):
            return profiles.command_rule(point, catalog.spaces.get(point.space))

        claims = await Claims.load(self._db)
        rooms = Rooms(profiles, self.store, held=lambda point: bool(claims.of(point)))
        judge = Judge(self.book, self.store, claims, self.clock, rule=rule, room=rooms.of)
        audit = Audit(self._db, self.clock)
        self.desk = CommandDesk(
            bacnet=self,
            reader=self,
            catalog=self.book,
            store=self.store,
            claims=claims,
            audit=audit,
            events=self.events,
            clock=self.clock,
            judge=judge,
        )
        self.watcher = EnvelopeWatcher(rooms, self.desk, self.store, self.book, self.events, self.clock)
        self.courses = Courses(self.desk, self.clock)
        self.leases = Leases(self.desk, audit, self.clock, events=self.events, bacnet=self)
        self.planner = Planner(
            policies=lambda: [*strategy.policies, *self.others],
            view=lambda: View(
                now=self.clock.now(), zone=config.site.tz, catalog=catalog, readings=self.store.snapshot()
            ),
            store=self.store,
            hands=PolicyHands(self.desk, self.clock),
            clock=self.clock,
            tell=self.events.tell,
            wakeups=Wakeups(self.clock),
        )

    def _breathe(self):
        """Every change is told at once, and somebody looks at the rooms."""
        for point_id, face in self._faces.items():
            value, known = _value(face), self.store.get(point_id)
            quality = Quality.STALE if point_id in self.stale else Quality.GOOD
            if known is None or known.value != value or known.quality is not quality:
                self.store.put(self._reading(point_id, value, quality))
        for station in self._stations:
            if station.spec.name.startswith("OR-"):
                self.seconds[station.spec.name.split()[0]].append(self._second(station))

    def _second(self, station):
        faces, room = station.faces, station.spec.equipment
        return Second(
            time=self.clock.now(),
            pressure=room.pressure,
            supply=_value(faces["supply-flow"]),
            extract=_value(faces["extract-flow"]),
            occupied=_value(faces["occupancy"]),
            door=_value(faces["door"]),
        )

    def _reading(self, point_id, value, quality=Quality.GOOD):
        now = self.clock.now()
        return Reading(point=point_id, value=value, time=now, at=now, quality=quality, source=Source.COV)

    # what the desk knows of the network

    def on_i_am(self, _handler):
        return None

    async def write(self, ref, value, priority):
        point_id = self._by_ref[ref]
        self._answer(point_id)
        self.writes.append((self.clock.now(), point_id, value, priority))
        sent = Null(()) if value is None else Real(value)
        await self._faces[point_id].object.write_property("presentValue", sent, None, priority)

    async def read_slots(self, ref):
        point_id = self._by_ref[ref]
        self._answer(point_id)
        face = self._faces[point_id]
        return Slots(values=tuple(_array(face)), default=float(face.object.relinquishDefault))

    async def read_now(self, point, *, source):
        self._answer(point)
        reading = self._reading(point, _value(self._faces[point]))
        self.store.put(reading)
        return reading

    def _answer(self, point_id):
        if point_id.split("/")[0] in self.cut_off:
            raise DeviceSilent("no answer in 3 s")


def _point(device, role, face):
    spec, (object_type, instance) = face.spec, face.object.objectIdentifier
    return Point(
        id=PointId(f"{device.id}/{role}"),
        device=device.id,
        ref=Ref(device=device.ref, object_type=str(object_type), instance=instance),
        name=spec.name,
        description=spec.description,
        kind=_KINDS[spec.kind.split("-")[0]],
        unit=re.sub(r"(?<=[a-z])([A-Z])", lambda word: f"-{word[0].lower()}", spec.unit),
        states=spec.states,
        low=spec.low,
        high=spec.high,
        commandable=face.commandable,
    )


def _value(face):
    match face.spec.kind.split("-")[0]:
        case "analog":
            return face.effective
        case "binary":
            return bool(face.effective)
        case _:
            return int(face.effective)


def _array(face):
    """Sixteen values, None where a slot is empty; of a state, that there is one."""
    slots = [face.object.priorityArray[number] for number in range(16)]
    return [None if slot.null is not None else slot.real if slot.real is not None else True for slot in slots]
