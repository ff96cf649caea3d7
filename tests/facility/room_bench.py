"""An operating room on the command desk's bench: its air follows the slots, and its pressure follows its air."""

import asyncio
import math
from dataclasses import replace
from datetime import timedelta

from desk_bench import Bench, make_point

from facility.courses import Courses
from facility.judgement import Judge
from facility.model import Command
from facility.profiles import Profiles
from facility.rooms import Rooms
from facility.watcher import EnvelopeWatcher
from points.catalog import Catalog
from points.model import Kind, Priority, Quality, Reading, Ref, Safety, Source, Space, SpaceId

OR = Space(id=SpaceId("or-1"), name="OR-1", type="operating_room")
AII = Space(id=SpaceId("aii-1"), name="AII-1", type="aii_isolation")
SUPPLY, EXTRACT = 667.0, 573.0  # l/s at rest
CRACKS = (SUPPLY - EXTRACT) / math.sqrt(8.0)  # l/s at 1 Pa: 8 Pa at rest


def room_point(name, space=OR, **changes):
    device = f"{space.id}-room-controller"
    changes = {"safety": Safety.CRITICAL, "space": space.id, "commandable": False, "low": None, "high": None} | changes
    point = make_point(name, device=device, **changes)
    return replace(
        point, ref=Ref(device=point.ref.device, object_type="analog-value", instance=sum(map(ord, name)) * 7)
    )


def flow_setpoint(name, space=OR):
    return room_point(
        name, space, point_class="airflow-setpoint", unit="liters-per-second", commandable=True, low=0.0, high=2000.0
    )


SUPPLY_SP, EXTRACT_SP = flow_setpoint("supply-airflow-setpoint"), flow_setpoint("exhaust-airflow-setpoint")
SUPPLY_FLOW = room_point("supply-airflow", point_class="flow", unit="liters-per-second")
EXTRACT_FLOW = room_point("exhaust-airflow", point_class="flow", unit="liters-per-second")
PRESSURE = room_point("room-pressure", point_class="room-pressure", unit="pascals")
OCCUPANCY = room_point("occupancy-sensor", point_class="occupancy", kind=Kind.BINARY, states=("Vacant", "Occupied"))
DOOR = room_point("door", point_class="door", kind=Kind.BINARY, states=("Closed", "Open"))
MODE = room_point(
    "room-mode", point_class="mode", kind=Kind.MULTISTATE, states=("Occupied", "Setback", "Purge"), commandable=True
)
AII_SUPPLY_SP, AII_EXTRACT_SP = (flow_setpoint(name, AII) for name in ("sup-flow-stpt", "exh-flow-stpt"))
AII_PRESSURE = room_point("room-press", AII, point_class="room-pressure", unit="pascals")
ROOM = (SUPPLY_SP, EXTRACT_SP, SUPPLY_FLOW, EXTRACT_FLOW, PRESSURE, OCCUPANCY, DOOR, MODE)
ISOLATION = (AII_SUPPLY_SP, AII_EXTRACT_SP, AII_PRESSURE)
DEFAULTS = {SUPPLY_SP.id: SUPPLY, EXTRACT_SP.id: EXTRACT, AII_SUPPLY_SP.id: 85.0, AII_EXTRACT_SP.id: 167.0, MODE.id: 1}


class RoomBench(Bench):
    """The bench with an operating and an isolation room, watched over."""

    def __init__(self, folder, points=()):
        super().__init__(folder, points=(*ROOM, *ISOLATION, *points))
        self.book.replace(Catalog.of([], (*ROOM, *ISOLATION, *points), [OR, AII]))
        self.profiles = Profiles.load()
        self.occupied, self.door = False, False
        self.ramp = 150.0  # percent a minute: six times the profile's, so that tests need a sixth of the steps
        self.quality = {}  # by point: what its sensor's word is worth
        self.pressures = []
        self.device.default_of = lambda ref: next((DEFAULTS.get(p.id) for p in self.points if p.ref == ref), None)
        read, write = self.device.read_slots, self.device.write

        async def read_slots(ref):
            slots = await read(ref)
            default = self.device.default_of(ref)
            return slots if default is None else replace(slots, default=default)

        async def written(ref, value, priority):
            await write(ref, value, priority)
            self.breathe()

        self.device.read_slots, self.device.write = read_slots, written

    @property
    def points(self):
        return self.book.current.points.values()

    def make_judge(self):
        self.rooms = Rooms(self.profiles, self.store, held=lambda point: bool(self.claims.of(point)))
        space = self.book.current.spaces

        def rule(point):
            known = self.profiles.command_rule(point, space.get(point.space))
            return known if known.ramp_per_minute is None else replace(known, ramp_per_minute=self.ramp)

        return Judge(self.book, self.store, self.claims, self.clock, limits=self._limits, rule=rule, room=self.rooms.of)

    async def start(self):
        await super().start()
        self.watcher = EnvelopeWatcher(self.rooms, self.desk, self.store, self.book, self.events, self.clock)
        self.courses = Courses(self.desk, self.clock)
        self.rooms.follow(self.book.current)
        self.rooms.watched = True
        self.breathe()
        return self

    def effective(self, point):
        return next((value for value in self.device.slots(point) if value is not None), DEFAULTS.get(point.id))

    def breathe(self):
        """What the room's sensors say now."""
        supply, extract = self.effective(SUPPLY_SP), self.effective(EXTRACT_SP)
        surplus = supply - extract
        pressure = math.copysign((surplus / CRACKS) ** 2, surplus)
        self.pressures.append(pressure)
        told = {SUPPLY_SP: supply, EXTRACT_SP: extract, SUPPLY_FLOW: supply, EXTRACT_FLOW: extract}
        told |= {PRESSURE: pressure, OCCUPANCY: self.occupied, DOOR: self.door, MODE: self.effective(MODE)}
        told |= {point: self.effective(point) for point in (AII_SUPPLY_SP, AII_EXTRACT_SP)}
        told |= {AII_PRESSURE: -6.0}
        for point, value in told.items():
            self.say(point, value)
        for space in self.rooms.spaces:
            self.rooms.look(space, self.clock.now())

    def say(self, point, value):
        now, quality = self.clock.now(), self.quality.get(point.id, Quality.GOOD)
        self.store.put(
            Reading(point=point.id, value=value, time=now, at=now, quality=quality, source=Source.POLL, reason="")
        )

    async def read_now(self, point, *, source):
        self.breathe()
        return self.store.get(point)

    async def pass_time(self, **delta):
        """The clock goes on in steps of a second; whatever sleeps is woken on its way."""
        left = timedelta(**delta).total_seconds()
        while left > 0:
            self.clock.advance(seconds=min(1.0, left))
            left -= 1.0
            self.breathe()
            for _ in range(3):
                await asyncio.sleep(0)

    def vacant_for(self, **delta):
        """As if nobody had been in for so long."""
        self.occupied = False
        self.breathe()
        self.clock.advance(**delta)
        self.breathe()


def air(point, value, by="policy:or-night", **changes):
    wish = Command(
        point=point.id,
        value=value,
        priority=Priority.OCCUPANCY if by.startswith("policy:") else Priority.OPERATOR,
        by=by,
        reason="nobody is in",
        lasts=timedelta(minutes=15),
        role="" if by.startswith("policy:") else "engineer",
    )
    return replace(wish, **changes)
