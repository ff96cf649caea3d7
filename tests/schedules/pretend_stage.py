"""A planner on a stage: pretend hands, and time that passes only when the test lets it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from pretend_office import (
    BERLIN,
    catalog,
    reading,
)

from points.events import Events
from points.store import PointStore
from schedules.plan import Standing
from schedules.planner import Planner
from schedules.policy import View


class VirtualTime:
    """Clock and wake-ups at once: time passes only where the planner waits, and only when the test lets it."""

    def __init__(self, now):
        self.present = now
        self.allowed = now
        self.jumps = []
        self.at_work = lambda: False  # hands that have done it before anybody could wait for them
        self._moved = asyncio.Condition()
        self._rung = False
        self.waits = 0

    def now(self):
        return self.present

    async def sleep(self, seconds):
        end = self.present + timedelta(seconds=seconds)
        while self.at_work():
            await asyncio.sleep(0)
        await self._pass(end, may_ring=False)

    async def wait(self, until, at_most_s):
        end = self.present + timedelta(seconds=at_most_s)
        self.waits += 1
        await self._pass(end if until is None else max(self.present, min(until, end)), may_ring=True)
        self._rung = False
        return self.jumps.pop() if self.jumps else None

    def ring(self):
        self._rung = True
        self._nudge = asyncio.ensure_future(self._notify())

    async def _notify(self):
        async with self._moved:
            self._moved.notify_all()

    async def _pass(self, end, *, may_ring):
        async with self._moved:
            await self._moved.wait_for(lambda: self.allowed >= end or (may_ring and self._rung))
            self.present = max(self.present, min(end, self.allowed))

    async def until(self, instant):
        """Lets time pass up to `instant` and waits until nothing is left to do before it."""
        async with self._moved:
            self.allowed = instant
            self._moved.notify_all()
        idle = 0
        while idle < 20:  # twenty turns of the loop in which the planner went nowhere
            before = (self.present, self.waits)
            await asyncio.sleep(0)
            idle = idle + 1 if (self.present, self.waits) == before else 0

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


class PretendHands:
    def __init__(self, clock):
        self._clock = clock
        self.standing = {}
        self.deeds = []
        self.refuses = {}
        self.hangs = set()
        self.under_way = set()
        self.at_once = 0  # devices that are just about to answer
        clock.at_work = lambda: self.at_once > 0

    def held(self):
        now = self._clock.now()
        return {slot: standing for slot, standing in self.standing.items() if standing.until > now}

    async def hold(self, demand, until):
        await self._reach(demand.point)
        self.standing[(demand.point, demand.priority)] = Standing(value=demand.value, policy=demand.policy, until=until)
        self.deeds.append((self._clock.now(), demand.point, demand.priority, demand.value))

    async def release(self, point_id, priority, reason):
        await self._reach(point_id)
        self.standing.pop((point_id, priority), None)
        self.deeds.append((self._clock.now(), point_id, priority, reason))

    async def settle(self):
        while self.under_way:
            await asyncio.wait(self.under_way)

    async def _reach(self, point_id):
        self.at_once += 1
        await asyncio.sleep(0)
        self.at_once -= 1
        if point_id in self.hangs:
            await asyncio.get_running_loop().create_future()
        if point_id in self.refuses:
            raise self.refuses[point_id]

    def values(self):
        return {slot: standing.value for slot, standing in self.held().items()}


class Stage:
    def __init__(self, now, policies, building=None):
        self.time = VirtualTime(now)
        self.hands = PretendHands(self.time)
        self.store = PointStore()
        self.events = Events()
        self.told = []
        self.policies = list(policies)
        self.building = building or catalog()
        self.planner = Planner(
            policies=lambda: self.policies,
            view=self.view,
            store=self.store,
            hands=self.hands,
            clock=self.time,
            tell=self.told.append,
            wakeups=self.time,
        )

    def view(self):
        return View(now=self.time.now(), zone=BERLIN, catalog=self.building, readings=self.store.snapshot())

    def read(self, about, value, **rest):
        self.store.put(reading(about, value, at=self.time.now(), **rest))

    async def settle(self):
        await self.time.until(self.time.allowed)


@asynccontextmanager
async def running(stage):
    async with asyncio.timeout(30):
        task = asyncio.create_task(stage.planner.run())
        try:
            await stage.settle()
            yield stage
        finally:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.result()
