"""A building that keeps account of every promise: who wrote what where, and what became of the rooms.

One agent with all services that act (leases, envelope, ramps, the planner's hands), on a clock that only the test
moves, a disk that answers at once, and devices that can be told to misbehave. What it finds broken is in `broken`,
because an exception in a service is caught and tried again by that service.
"""

import asyncio
import atexit
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
    room_point,
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
THEATRE, ISOLATION = (SUPPLY_SP, EXTRACT_SP), (AII_EXTRACT_SP, AII_SUPPLY_SP)  # what makes the pressure comes first
LAMP = room_point("surgical-light", point_class="lighting-level", unit="percent")
FOLLOWS = {SUPPLY_SP: 3.0, EXTRACT_SP: 2.0}  # s, the time constants of the flows
MOST, MOST_S = 60.0, 3.0  # Pa, and for how long more than that is borne: what the profile holds for a sane reading
DELAY = timedelta(seconds=7)  # a request may be under way for so long
CALM = timedelta(seconds=60)  # after a disturbance: then what the room is like is our doing again
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
    atexit.register(shutil.rmtree, folder)
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
        super().__init__(folder, points=(*ORDINARY, *OUTSIDE_OF_US, LAMP))
        self.profiles = profiles()
        self.clock = SetClock()
        self.broken = []
        self.theirs = {}  # by ref and level: what somebody else wrote there
        self.flows = {point: DEFAULTS[point.id] for point in FOLLOWS}
        self.flowed_at = self.clock.time
        self.disturbed_at = None  # when something happened to the theatre's air that is not our doing
        self.high_since = None
        self.forgotten = False  # what a new process does not know: what flowed at rest
        self.unread = {}  # by device: until when nobody reads it, and what was read of it stands
        self.stale = set()  # points that say nothing new, alone
        self.no_default = set()  # devices whose relinquish defaults cannot be read
        self.under_way = []  # what is late: when it arrives, and what then happens
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
        await self.carry_out(self.leases.reconcile())
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
        self.disturb()
        self.forgotten = any(self.claims.of(point.id) for point in THEATRE)
        for _, arrive in self.under_way:  # before anything runs again
            arrive()
        self.under_way.clear()
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
            await self._tick(at_once)

    async def carry_out(self, work):
        """To its end, however much time that takes; cut short if the process dies."""
        task = asyncio.create_task(in_vain(work))
        await self.rest()
        for _ in range(400):
            if task.done() or self.dead:
                break
            await self._tick(0.5)
        else:
            raise AssertionError("a command never ends")
        if task.done():
            await task

    async def _tick(self, seconds):
        self.clock.advance(seconds=seconds)
        for arrival in [arrival for arrival in self.under_way if arrival[0] <= self.clock.time]:
            self.under_way.remove(arrival)
            arrival[1]()
        self.breathe()
        await self.rest()

    async def _recognises(self, device):
        return device not in self.strangers

    # what the rooms are like

    def breathe(self):
        """Sensors of both rooms; an open door takes the pressure."""
        self._flow()
        told = {point: self.effective(point) for point in (*AIRWAYS, MODE)}
        told |= {SUPPLY_FLOW: self.flows[SUPPLY_SP], EXTRACT_FLOW: self.flows[EXTRACT_SP], LAMP: 0.0}
        told |= {OCCUPANCY: self.occupied, DOOR: self.door, AII_PRESSURE: self.isolation()}
        told |= {PRESSURE: self.measured() * (0.1 if self.door else 1.0)}
        for point, value in told.items():
            if point in self.stale or not self._answers(point):
                self._say_stale(point)
            elif self.unread.get(point.device, self.clock.time) <= self.clock.time:
                self.say(point, value)

    def _flow(self):
        """The flows follow their setpoints; what the pressure has been meanwhile is looked at."""
        passed = (self.clock.time - self.flowed_at).total_seconds()
        self.flowed_at = self.clock.time
        for point, constant in FOLLOWS.items():
            goal = float(self.effective(point))
            self.flows[point] = goal + (self.flows[point] - goal) * math.exp(-passed / constant)
        pressure = self.measured()
        if self._is_disturbed():
            self.high_since = None
            return
        if pressure < LEAST:
            self.broken.append(f"(b) the air of OR-1 came to {pressure:.2f} Pa")
        if self.forgotten and not any(point in THEATRE for point, _, _ in self.slots_of_ours()):
            self.forgotten = False
            self.disturb()
        if pressure <= MOST or self.forgotten:
            self.high_since = None
            return
        self.high_since = self.high_since or self.clock.time
        if self.clock.time - self.high_since > timedelta(seconds=MOST_S):
            self.broken.append(f"(b) the air of OR-1 stayed at {pressure:.0f} Pa")

    def disturb(self):
        self.disturbed_at = self.clock.time

    def _is_disturbed(self):
        """What happens to the air is not, or not only, our doing."""
        device = SUPPLY_SP.device
        doubted = any(point.quarantined for point in self.points if point.device == device)
        foreign = any(ref in (SUPPLY_SP.ref, EXTRACT_SP.ref) for ref, _ in self.theirs)
        if foreign or doubted or device in self.strangers or not self._answers(SUPPLY_SP):
            self.disturb()
        return self.disturbed_at is not None and self.clock.time - self.disturbed_at < CALM

    def _answers(self, point):
        return point.ref.device.instance not in self.device.silent

    def _say_stale(self, point):
        known = self.store.get(point.id)
        if known is not None:
            self.store.put(replace(known, quality=Quality.STALE, at=self.clock.now()))

    def measured(self):
        return _pressure(self.flows[SUPPLY_SP] - self.flows[EXTRACT_SP], OR_CRACKS)

    def pressure(self):
        """Of the theatre, once its air has followed its setpoints."""
        return _pressure(self.effective(SUPPLY_SP) - self.effective(EXTRACT_SP), OR_CRACKS)

    def isolation(self):
        return _pressure(self.effective(AII_SUPPLY_SP) - self.effective(AII_EXTRACT_SP), AII_CRACKS)

    def without_us(self, room):
        """The pressure, in the direction that the room wants, if nothing of ours stood in its air."""
        main, minor = (self._theirs_alone(point) for point in room)
        return _pressure(main - minor, OR_CRACKS if room == THEATRE else AII_CRACKS)

    def _theirs_alone(self, point):
        levels = (self.theirs.get((point.ref, level)) for level in range(1, 17))
        return next((value for value in levels if value is not None), DEFAULTS[point.id])

    async def read_now(self, point, *, source):
        self.step()
        known = self.book.current.point(point)
        self.device._answer(known.ref)
        self.breathe()
        if known in (SUPPLY_FLOW, EXTRACT_FLOW):
            self.say(known, self.flows[SUPPLY_SP if known == SUPPLY_FLOW else EXTRACT_SP])
        else:
            self.say(known, self.effective(known))
        return self.store.get(point)

    # what is written

    async def _read(self, ref):
        self.step()
        self.device._answer(ref)
        point = self.by_ref[ref]
        default = None if point.device in self.no_default else DEFAULTS.get(point.id, 20.0)
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
        self.device.writes.append((point.id, value, priority))
        if not self.device.faults:
            self._store(ref, value, priority)
        else:
            if point in THEATRE:
                self.disturb()
            self.device.faults.pop(0)(ref, value, priority)
        self.step()

    def _store(self, ref, value, priority):
        point = self.by_ref[ref]
        self._flow()
        before = self.pressure(), -self.isolation()
        self.device._store(ref, value, priority)
        self._check_air(point, value, before)

    def _check_place(self, point, priority):
        if self.book.current.point(point.id).access is Access.MONITOR_ONLY:
            self.broken.append(f"(a) {point.id} is monitor-only and was written")
        if priority not in (8, 10, 12, 13, 14, 15):
            self.broken.append(f"(a) {point.id} was written at level {priority}")

    def _check_ours(self, ref, value, priority):
        if (ref, priority) in self.theirs:
            self.broken.append(f"(d) {value} was written over {self.theirs[ref, priority]} at {ref} {priority}")

    def _check_air(self, point, value, before):
        room = THEATRE if point in THEATRE else ISOLATION
        if point not in room:
            return
        at = 0 if room == THEATRE else 1
        was, become = before[at], (self.pressure(), -self.isolation())[at]
        if become >= LEAST or become >= was:
            return
        lays_bare = value is None and point == room[0] and self.without_us(room) < LEAST
        if not lays_bare:
            self.broken.append(f"(b) {value} at {point.id} took its room from {was:.2f} to {become:.2f} Pa")

    # what somebody else does, and what goes wrong

    def foreign(self, point, value, priority):
        array = list(self.device.slots(point))
        array[priority - 1] = value
        self.device.arrays[point.ref] = tuple(array)
        self.theirs.pop((point.ref, priority), None)
        if value is not None:
            self.theirs[point.ref, priority] = value

    def reboot(self, device):
        self._flow()
        if device == SUPPLY_SP.device:
            self.disturb()
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
            self._store(ref, value, priority)
            raise DeviceSilent("no answer in 3 s")

        def deaf(_ref, _value, _priority):
            raise DeviceSilent("no answer in 3 s")

        def garbled(ref, value, priority):
            self._store(ref, value, priority)
            raise ProtocolError("garbage")

        def refusing(_ref, _value, _priority):
            raise DeviceRefused("not now", "device-busy")

        def ignoring(_ref, _value, _priority):
            """Acknowledges and does nothing."""

        def clamping(ref, value, priority):
            """Goes half of the way from where it was."""
            at = self._known_effective(ref)
            halves = isinstance(value, float) and at is not None and self.by_ref[ref] not in AIRWAYS
            self._store(ref, (at + value) / 2 if halves else value, priority)

        def gone(ref, value, priority):
            """Does it, and is silent before it can be asked."""
            self._store(ref, value, priority)
            device.silent.add(ref.device.instance)

        def rebooting(ref, value, priority):
            self._store(ref, value, priority)
            self.reboot(self.by_ref[ref].device)

        def taken(ref, value, priority):
            """Somebody else writes the slot right after us, and not on the way from what it was to what we wrote."""
            point, at = self.by_ref[ref], self._known_effective(ref)
            self._store(ref, value, priority)
            if point.kind is Kind.BINARY and value is not None:
                claim = self.claims[point.id, priority]
                if claim is None or not is_ours(claim, not value):  # else nobody could tell
                    self.foreign(point, not value, priority)
            elif point.kind is Kind.ANALOG:
                self.foreign(point, max(float(at or 0.0), float(value or 0.0)) + 50.25, priority)

        def delayed(ref, value, priority):
            """Given up by whoever sent it, and arrives seconds later, unless somebody else was there first."""

            def arrive():
                if (ref, priority) not in self.theirs and ref.device.instance not in self.device.silent:
                    self._store(ref, value, priority)

            self.under_way.append((self.clock.time + DELAY, arrive))
            raise DeviceSilent("no answer in 3 s")

        device.faults.append(locals()[kind])

    def _known_effective(self, ref):
        """What the array says that applies; None where the default is needed and cannot be read."""
        point, array = self.by_ref[ref], self.device.arrays.get(ref, EMPTY)
        default = None if point.device in self.no_default else DEFAULTS.get(point.id, 20.0)
        return next((found for found in array if found is not None), default)

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
        self.stale.clear()
        self.unread.clear()
        self.no_default.clear()
        self._catalog(lambda _: False)

    # what must be so whenever the agent rests

    def slots_of_ours(self):
        """Whatever stands at any level and was not written by somebody else."""
        for ref, array in self.device.arrays.items():
            for level, value in enumerate(array, 1):
                if value is not None and (ref, level) not in self.theirs:
                    yield self.by_ref[ref], level, value

    def must_stay(self):
        """What of ours has to outlast its end: without it, what somebody else does would turn the pressure."""
        return [room[1] for room in (THEATRE, ISOLATION) if self.without_us(room) < self._nearly_at_rest(room)]

    def _nearly_at_rest(self, room):
        return 0.81 * (8.0 if room == THEATRE else 6.0)

    def give_up_the_air(self):
        """Whoever else held something in the air of a room lets go of it."""
        for point in AIRWAYS:
            for level in [level for ref, level in self.theirs if ref == point.ref]:
                self.foreign(point, None, level)

    def check(self):
        for (ref, level), value in self.theirs.items():
            if self.device.arrays.get(ref, EMPTY)[level - 1] != value:
                self.broken.append(f"(d) {value} at {ref} {level} has gone")
        for point, level, value in self.slots_of_ours():
            claim = self.claims[point.id, level]
            if claim is None or not is_ours(claim, value):
                self.broken.append(f"(c) {value} stands at {point.id} {level}, and nobody will let go of it")
        assert self.broken == [], self.broken[0]


def _pressure(surplus, cracks):
    return math.copysign((surplus / cracks) ** 2, surplus)


async def in_vain(work):
    """What is refused, silent or cut short by a crash is no fault here."""
    with contextlib.suppress(PointsError, Crash):
        await work


DEVICES = (DeviceId("ahu-1"), SUPPLY_SP.device, AII_SUPPLY_SP.device)
