"""A building that keeps account of every promise: who wrote what where, and what became of the rooms.

One agent with all services that act (leases, envelope, ramps, the planner's hands), on a clock that only the test
moves, a disk that answers at once, and devices that can be told to misbehave. What it finds broken is in `broken`,
because an exception in a service is caught and tried again by that service.
"""

import asyncio
import contextlib
import math
import shutil
import tempfile
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from desk_bench import EMPTY, Crash, make_point
from manual_clock import ManualClock
from room_bench import (
    AII_EXTRACT_SP,
    AII_PRESSURE,
    AII_SUPPLY_SP,
    DEFAULTS,
    DOOR,
    EXTRACT_FLOW,
    EXTRACT_SP,
    MODE,
    OCCUPANCY,
    PRESSURE,
    SUPPLY_FLOW,
    SUPPLY_SP,
    RoomBench,
)

from facility.claims import is_ours
from facility.database import open_state
from facility.hands import PolicyHands
from facility.profiles import Profiles
from points.catalog import Catalog
from points.errors import DeviceRefused, DeviceSilent, PointsError, ProtocolError
from points.model import Access, DeviceId, Kind, Quality, Safety, Slots

LEAST = 2.5  # Pa, either way: ASHRAE 170's, and the profiles'
OR_CRACKS = (DEFAULTS[SUPPLY_SP.id] - DEFAULTS[EXTRACT_SP.id]) / math.sqrt(8.0)  # l/s at 1 Pa: 8 Pa at rest
AII_CRACKS = (DEFAULTS[AII_EXTRACT_SP.id] - DEFAULTS[AII_SUPPLY_SP.id]) / math.sqrt(6.0)
AIRWAYS = (SUPPLY_SP, EXTRACT_SP, AII_SUPPLY_SP, AII_EXTRACT_SP)
OFFICE = make_point("office-sp")
FAN = make_point("fan", kind=Kind.BINARY, low=None, high=None)
STEAM = make_point("steam-valve")
VENTILATOR = make_point("ventilator", safety=Safety.MEDICAL)
DETECTOR = make_point("smoke-damper", safety=Safety.LIFE_SAFETY)
NOBODY_KNOWS = make_point("mystery", safety=Safety.UNKNOWN)
LOCKED = make_point("locked-sp", locked=True)
SENSOR = make_point("space-temp", commandable=False)
OUTSIDE_OF_US = (VENTILATOR, DETECTOR, NOBODY_KNOWS, LOCKED, SENSOR)
ORDINARY = (OFFICE, FAN, STEAM)
THEIRS = 77.25  # no wish of ours is ever for it
SHORT_VACANCY = """
[operating_room.turndown]
vacant_minutes = 1
"""


@cache
def profiles():
    """The shipped ones, but a room is vacant after a minute: twenty are as many seconds of the test's time."""
    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "profiles.toml"
        site.write_text(SHORT_VACANCY)
        return Profiles.load(site)


@cache
def empty_state():
    """A state folder as the newest migration leaves it, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="promises-"))
    with open_state(folder):
        pass
    return folder


class SetClock(ManualClock):
    """A clock that somebody can set: whoever sleeps sleeps on."""

    def __init__(self):
        super().__init__()
        self.offset = timedelta(0)

    def now(self):
        return self.time + self.offset


class PromisesBench(RoomBench):
    def __init__(self, folder):
        shutil.copytree(empty_state(), folder, dirs_exist_ok=True)
        super().__init__(folder, points=(*ORDINARY, *OUTSIDE_OF_US))
        self.profiles = profiles()
        self.clock = SetClock()
        self.broken = []
        self.theirs = {}  # by ref and level: what somebody else wrote there
        self.excused = False  # somebody else has meddled with the air of a room
        self.dead = False
        self.services = []
        self.strangers = set()
        self.by_ref = {point.ref: point for point in self.points}
        self.device.write, self.device.read_slots = self._written, self._read

    def close(self):
        super().close()
        self.stack.close()

    def step(self):
        if self.dead:
            raise Crash
        try:
            super().step()
        except Crash:
            self.dead = True
            raise

    async def run(self, work):
        """On disk before anything else can happen, without a thread: the test alone says what comes next."""
        self.step()
        outcome = self.db.run_now(work)
        self.step()
        return outcome

    async def start(self):
        await super().start()
        self.hands = PolicyHands(self.desk, self.clock)
        await self.leases.reconcile()
        self.rooms.watched = False
        self.services = [asyncio.create_task(service.run()) for service in (self.leases, self.watcher, self.courses)]
        await self.rest()
        return self

    async def restart(self):
        """The process is gone: nothing of it runs on, and nothing but disk and devices is left."""
        self.dead = True
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, *self.services, return_exceptions=True)
        self.dead, self.crash_at = False, None
        self.store = type(self.store)()
        return await self.start()

    async def rest(self):
        """Until nobody has anything to do before the clock moves."""
        ready = asyncio.get_running_loop()._ready
        for _ in range(100_000):
            await asyncio.sleep(0)
            if not ready:
                return
        raise AssertionError("the agent never rests")

    async def pass_time(self, seconds, *, at_once=1.0):
        for _ in range(math.ceil(seconds / at_once)):
            if self.dead:
                return
            self.clock.advance(seconds=at_once)
            self.breathe()
            await self.rest()

    async def _recognises(self, device):
        return device not in self.strangers

    # what the rooms are like

    def breathe(self):
        """Sensors of both rooms; an open door takes the pressure."""
        flows = {point: float(self.effective(point)) for point in AIRWAYS}
        told = {point: value for point, value in flows.items() if self._answers(point)}
        told |= {SUPPLY_FLOW: flows[SUPPLY_SP], EXTRACT_FLOW: flows[EXTRACT_SP], MODE: self.effective(MODE)}
        told |= {OCCUPANCY: self.occupied, DOOR: self.door}
        told |= {PRESSURE: self.pressure() * (0.1 if self.door else 1.0), AII_PRESSURE: self.isolation()}
        for point, value in told.items():
            if self._answers(point):
                self.say(point, value)
            else:
                self._say_stale(point)

    def _answers(self, point):
        return point.ref.device.instance not in self.device.silent

    def _say_stale(self, point):
        known = self.store.get(point.id)
        if known is not None:
            self.store.put(replace(known, quality=Quality.STALE, at=self.clock.now()))

    def pressure(self):
        return _pressure(self.effective(SUPPLY_SP) - self.effective(EXTRACT_SP), OR_CRACKS)

    def isolation(self):
        return _pressure(self.effective(AII_SUPPLY_SP) - self.effective(AII_EXTRACT_SP), AII_CRACKS)

    async def read_now(self, point, *, source):
        self.step()
        known = self.book.current.point(point)
        self.device._answer(known.ref)
        self.breathe()
        if known not in AIRWAYS:
            self.say(known, self.effective(known))
        return self.store.get(point)

    # what is written

    async def _read(self, ref):
        self.step()
        self.device._answer(ref)
        default = DEFAULTS.get(self.by_ref[ref].id, 20.0)
        return Slots(values=self.device.arrays.get(ref, EMPTY), default=default)

    async def _written(self, ref, value, priority):
        self.step()
        point = self.by_ref[ref]
        self._check_place(point, priority)
        self._check_ours(ref, value, priority)
        try:
            self.device._check_record(ref, value, priority)
        except AssertionError:
            self.broken.append(f"(e) {point.id} was written without its record")
        self.device._answer(ref)
        before = self.pressure(), self.isolation()
        self.device.writes.append((point.id, value, priority))
        fault = self.device.faults.pop(0) if self.device.faults else self.device._store
        try:
            fault(ref, value, priority)
        finally:
            self._check_air(point, before)
        self.step()

    def _check_place(self, point, priority):
        if self.book.current.point(point.id).access is Access.MONITOR_ONLY:
            self.broken.append(f"(a) {point.id} is monitor-only and was written")
        if priority not in (8, 10, 12, 13, 14, 15):
            self.broken.append(f"(a) {point.id} was written at level {priority}")

    def _check_ours(self, ref, value, priority):
        if (ref, priority) in self.theirs:
            self.broken.append(f"(d) {value} was written over {self.theirs[ref, priority]} at {ref} {priority}")

    def _check_air(self, point, before):
        if point not in AIRWAYS or self.excused:
            return
        now = self.pressure(), -self.isolation()
        for space, was, become in zip(("OR-1", "AII-1"), (before[0], -before[1]), now, strict=True):
            if become < LEAST and become < was:
                self.broken.append(f"(b) a write to {point.id} took {space} from {was:.2f} to {become:.2f} Pa")

    # what somebody else does, and what goes wrong

    def foreign(self, point, value, priority):
        array = list(self.device.slots(point))
        array[priority - 1] = value
        self.device.arrays[point.ref] = tuple(array)
        self.theirs.pop((point.ref, priority), None)
        if value is not None:
            self.theirs[point.ref, priority] = value
        self.excused = self.excused or point in AIRWAYS

    def reboot(self, device):
        for point in self.points:
            if point.device == device:
                self.device.arrays.pop(point.ref, None)
                for key in [key for key in self.theirs if key[0] == point.ref]:
                    del self.theirs[key]

    def fault(self, kind):
        """What the next write meets; None: nothing in particular."""
        device = self.device
        if kind is None:
            return

        def late(ref, value, priority):
            device._store(ref, value, priority)
            raise DeviceSilent("no answer in 3 s")

        def deaf(_ref, _value, _priority):
            raise DeviceSilent("no answer in 3 s")

        def garbled(ref, value, priority):
            device._store(ref, value, priority)
            raise ProtocolError("garbage")

        def refusing(_ref, _value, _priority):
            raise DeviceRefused("not now", "device-busy")

        def ignoring(_ref, _value, _priority):
            """Acknowledges and does nothing."""

        def clamping(ref, value, priority):
            clamped = isinstance(value, float) and self.by_ref[ref] not in AIRWAYS
            device._store(ref, min(value, 21.5) if clamped else value, priority)

        def gone(ref, value, priority):
            """Does it, and is silent before it can be asked."""
            device._store(ref, value, priority)
            device.silent.add(ref.device.instance)

        def rebooting(ref, value, priority):
            device._store(ref, value, priority)
            self.reboot(self.by_ref[ref].device)

        def taken(ref, value, priority):
            """Somebody else writes the slot right after us; an analog value would be taken for ours, clamped."""
            device._store(ref, value, priority)
            if self.by_ref[ref].kind is Kind.BINARY and value is not None:
                self.foreign(self.by_ref[ref], not value, priority)

        device.faults.append(locals()[kind])

    def goes_or_comes(self, device):
        """Falls silent, or answers again: then True."""
        instance = next(point.ref.device.instance for point in self.points if point.device == device)
        self.device.silent ^= {instance}
        return instance not in self.device.silent

    def quarantine(self, device):
        """It is doubted who it is, or somebody has approved it."""
        self._catalog(lambda point: point.quarantined != (point.device == device))

    def _catalog(self, quarantined):
        points = [replace(point, quarantined=quarantined(point)) for point in self.points]
        self.book.replace(Catalog.of([], points, list(self.book.current.spaces.values())))

    def heal(self):
        """Every device answers again, as itself."""
        self.device.silent.clear()
        self.device.faults.clear()
        self.strangers.clear()
        self._catalog(lambda _: False)

    # what must be so whenever the agent rests

    def slots_of_ours(self):
        """Whatever stands at any level and was not written by somebody else."""
        for ref, array in self.device.arrays.items():
            for level, value in enumerate(array, 1):
                if value is not None and (ref, level) not in self.theirs:
                    yield self.by_ref[ref], level, value

    def check(self):
        for (ref, level), value in self.theirs.items():
            if self.device.arrays.get(ref, EMPTY)[level - 1] != value:
                self.broken.append(f"(d) {value} at {ref} {level} has gone")
        for point, level, value in self.slots_of_ours():
            claim = self.claims[point.id, level]
            if claim is None or not is_ours(claim, value):
                self.broken.append(f"(c) {value} stands at {point.id} {level}, and nobody will let go of it")
        assert self.broken == []


def _pressure(surplus, cracks):
    return math.copysign((surplus / cracks) ** 2, surplus)


async def in_vain(work):
    """What is refused, silent or cut short by a crash is no fault here."""
    with contextlib.suppress(PointsError, Crash):
        await work


DEVICES = (DeviceId("ahu-1"), SUPPLY_SP.device, AII_SUPPLY_SP.device)
