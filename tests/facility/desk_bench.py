"""A command desk on a real state database and a pretend device that can be told to misbehave."""

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta

from manual_clock import ManualClock
from sqlalchemy import text

from facility.accelerated.timeline import AtOnce
from facility.audit import Audit
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.database import open_state
from facility.judgement import Judge, unlimited
from facility.leases import Leases
from facility.model import Command
from points.bacnet.port import IAm
from points.catalog import Catalog, CatalogBook
from points.errors import DeviceSilent
from points.events import Events
from points.model import (
    DeviceId,
    DeviceRef,
    Kind,
    Point,
    PointId,
    Priority,
    Quality,
    Reading,
    Ref,
    Safety,
    Slots,
    Source,
)
from points.store import PointStore

EMPTY = (None,) * 16


def make_point(name, device="ahu-1", **changes):
    number = sum(map(ord, name))
    where = DeviceRef(network=0, address=f"10.0.0.{sum(map(ord, device)) % 250}", instance=sum(map(ord, device)))
    point = Point(
        id=PointId(f"{device}/{name}"),
        device=DeviceId(device),
        ref=Ref(device=where, object_type="analog-value", instance=number),
        name=name,
        kind=Kind.ANALOG,
        low=0.0,
        high=100.0,
        commandable=True,
        safety=Safety.COMFORT,
    )
    return replace(point, **changes)


SETPOINT = make_point("sp")
FAN = make_point("fan", kind=Kind.BINARY, low=None, high=None)
ELSEWHERE = make_point("sp", device="vav-9")
OVERRIDE = Command(
    point=SETPOINT.id,
    value=18.0,
    priority=Priority.OPERATOR,
    by="user:mchen",
    reason="too warm",
    lasts=timedelta(hours=2),
)
RELEASE = replace(OVERRIDE, value=None, lasts=None)


class Crash(BaseException):
    """The process ends here: nothing of it may run any more."""


class PretendDevice:
    """Every slot of every object, and what goes wrong next. Checks that no write comes without its record."""

    def __init__(self, bench):
        self.bench = bench
        self.arrays = {}
        self.default = 20.0
        self.writes = []
        self.i_am_handlers = []
        self.silent = set()  # device instances that do not answer at all
        self.faults = []  # for the next writes: functions of (ref, value, priority) that do or raise something

    def slots(self, point):
        return self.arrays.get(point.ref, EMPTY)

    def put(self, point, value, priority=8):
        self._store(point.ref, value, priority)

    def reboot(self):
        self.arrays.clear()

    def on_i_am(self, handler):
        self.i_am_handlers.append(handler)

    def announce(self, point):
        for handler in self.i_am_handlers:
            handler(IAm(device=point.ref.device, max_apdu=1476, segmentation="no-segmentation", vendor_id=999))

    async def write(self, ref, value, priority):
        self.bench.step()
        assert priority in (8, 10, 12, 13, 14, 15)
        self._check_record(ref, value, priority)
        self._answer(ref)
        self.writes.append((value, priority))
        fault = self.faults.pop(0) if self.faults else self._store
        fault(ref, value, priority)
        self.bench.step()

    async def read_slots(self, ref):
        self.bench.step()
        self._answer(ref)
        return Slots(values=self.arrays.get(ref, EMPTY), default=self.default)

    def _answer(self, ref):
        if ref.device.instance in self.silent:
            raise DeviceSilent(f"{ref.device} does not answer")

    def _store(self, ref, value, priority):
        array = list(self.arrays.get(ref, EMPTY))
        array[priority - 1] = value
        self.arrays[ref] = tuple(array)

    def late(self, ref, value, priority):
        """Does it, but the answer is lost."""
        self._store(ref, value, priority)
        raise DeviceSilent("no answer in 3 s")

    def deaf(self, _ref, _value, _priority):
        raise DeviceSilent("no answer in 3 s")

    def ignore(self, _ref, _value, _priority):
        """Acknowledges and does nothing."""

    def refuse(self, error):
        def fault(_ref, _value, _priority):
            raise error

        return fault

    def clamp(self, limit):
        return lambda ref, value, priority: self._store(ref, min(value, limit), priority)

    def then_silent(self, ref, value, priority):
        """Does it, and is gone before it can be asked."""
        self._store(ref, value, priority)
        self.silent.add(ref.device.instance)

    def taken(self, other):
        """Somebody else writes the slot right after us."""
        return lambda ref, _value, priority: self._store(ref, other, priority)

    def _check_record(self, ref, value, priority):
        """Another connection, so that only what was committed counts."""
        query = text("SELECT target, value, priority FROM audit WHERE kind = 'intent' ORDER BY seq DESC LIMIT 1")
        target, recorded, level = self.bench.db.run_now(lambda connection: connection.execute(query).one())
        assert self.bench.book.current.point(target).ref == ref
        assert (None if recorded is None else json.loads(recorded)) == value
        assert level == priority


class Bench:
    """One agent's worth of acting; `restart` is what a new process finds."""

    def __init__(self, folder, points=(SETPOINT, FAN, ELSEWHERE)):
        self.stack = ExitStack()
        self.db = self.stack.enter_context(open_state(folder, AtOnce()))  # no thread is waited for
        self.clock = ManualClock()
        self.device = PretendDevice(self)
        self.book = CatalogBook(Catalog.of([], points))
        self.store = PointStore()
        self.limits = unlimited
        self.stranger = False  # it is another device that stands there
        self.told = []
        self.steps = 0
        self.crash_at = None
        self.reader_error = None
        self.frozen = None  # what the present value is, whatever is commanded

    def close(self):
        self.stack.close()

    def step(self):
        """Every disk access and packet passes here, before and after: the places where a process can die."""
        self.steps += 1
        if self.steps == self.crash_at:
            raise Crash

    async def run(self, work):
        self.step()
        outcome = await self.db.run(work)
        self.step()
        return outcome

    async def start(self):
        self.claims = await Claims.load(self)
        self.audit = Audit(self, self.clock)
        self.events = Events()
        tell = self.events.tell
        self.events.tell = lambda event: (self.told.append(event.text), tell(event))
        self.device.i_am_handlers.clear()
        self.desk = CommandDesk(
            bacnet=self.device,
            reader=self,
            catalog=self.book,
            store=self.store,
            claims=self.claims,
            audit=self.audit,
            events=self.events,
            clock=self.clock,
            judge=self.make_judge(),
            recognises=self._recognises,
        )
        self.leases = Leases(self.desk, self.audit, self.clock, events=self.events, bacnet=self.device)
        return self

    def make_judge(self):
        return Judge(self.book, self.store, self.claims, self.clock, limits=self._limits)

    async def _recognises(self, _device):
        return not self.stranger

    def _limits(self, point):
        return self.limits(point)

    async def restart(self):
        self.crash_at = None
        await self.start()
        await self.leases.reconcile()
        return self

    async def read_now(self, point, *, source):
        assert source in (Source.READBACK, Source.POLL)
        if self.reader_error is not None:
            raise self.reader_error
        array = self.device.slots(self.book.current.point(point))
        value = next((value for value in array if value is not None), self.device.default)
        value = value if self.frozen is None else self.frozen
        now = self.clock.now()
        reading = Reading(point=point, value=value, time=now, at=now, quality=Quality.GOOD, source=source)
        self.store.put(reading)
        return reading

    def slot(self, point=SETPOINT, priority=8):
        return self.device.slots(point)[priority - 1]

    async def results(self):
        return [record.result for record in await self.audit.records()]
