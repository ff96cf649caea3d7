"""A planner with devices that take their time, on a loop whose time passes only when nobody has anything left to do."""

import asyncio
from collections import defaultdict
from datetime import timedelta

from pretend_office import BERLIN, NOON, catalog, point
from scripted_policy import Scripted

from facility.accelerated.timeline import VirtualClock, VirtualLoop, VirtualWakeups
from points.catalog import Catalog
from points.model import Priority
from points.store import PointStore
from schedules.plan import Standing
from schedules.planner import Planner
from schedules.policy import Demand, View

LEVEL = Priority.SCHEDULE


def points_of(device, count):
    return [point(f"{device}/sp-{number}", "heating-setpoint") for number in range(count)]


class Wishes(Scripted):
    """Wants what it is told to want, in that order."""

    name = "wishes"

    def __init__(self):
        self.wants = {}  # value by point

    def demands(self, looked):
        assert looked.feeds  # so that it is asked again when somebody says that there is something to hear
        for about, value in self.wants.items():
            yield Demand(point=about, value=value, priority=LEVEL, policy=self.name, reason="a wish")


class SlowHands:
    """What is asked of a device comes to pass after its time."""

    def __init__(self, clock):
        self._clock = clock
        self.takes = defaultdict(float)  # seconds for one hold or release, by device
        self.becomes = {}  # what the slot then holds, where that is not what was asked for, by point
        self.leases = []  # how long each hold is to last
        self.refuses = {}  # what comes of it instead, by point
        self.standing = {}
        self.begun = []  # instant, point, value; None lets go
        self.done = []
        self.visited = []  # devices, now
        self.most = 0  # at a time

    def held(self):
        now = self._clock.now()
        return {slot: standing for slot, standing in self.standing.items() if standing.until > now}

    async def hold(self, demand, until):
        self.leases.append(until - self._clock.now())
        await self._reach(demand.point, demand.value)
        value = self.becomes.get(demand.point, demand.value)
        self.standing[demand.point, demand.priority] = Standing(value=value, policy=demand.policy, until=until)

    async def release(self, point_id, priority, _reason):
        await self._reach(point_id, None)
        self.standing.pop((point_id, priority), None)

    async def settle(self):
        """Who is cancelled has done nothing."""

    async def _reach(self, point_id, value):
        device = point_id.split("/")[0]
        assert device not in self.visited
        self.visited.append(device)
        self.most = max(self.most, len(self.visited))
        self.begun.append((self._clock.now(), point_id, value))
        try:
            await self._clock.sleep(self.takes[device])
        finally:
            self.visited.remove(device)
        if point_id in self.refuses:
            raise self.refuses[point_id]
        self.done.append((self._clock.now(), point_id, value))

    def values(self):
        return {point_id: standing.value for (point_id, _), standing in self.held().items()}


class SlowSite:
    """Open it with `with`; time passes in `pass_`. What the planner raises is raised there."""

    def __init__(self, *points):
        self._loop = VirtualLoop()
        self.clock = VirtualClock(self._loop, NOON)
        self.catalog = catalog(*points) if points else Catalog.of([], [])
        self.policy, self.hands, self.store = Wishes(), SlowHands(self.clock), PointStore()
        self.rounds = []  # when each began
        self.planner = Planner(
            policies=self._policies,
            view=self._view,
            store=self.store,
            hands=self.hands,
            clock=self.clock,
            tell=lambda _: None,
            wakeups=VirtualWakeups(self.clock),
        )
        self._in_force = [self.policy]

    def __enter__(self):
        self._task = self._loop.create_task(self.planner.run())
        return self

    def __exit__(self, *_):
        self.stop()
        self._loop.close()

    def want(self, wants):
        """These from now on."""
        self.policy.wants = dict(wants)
        self.planner.hear()

    def pass_(self, seconds):
        self._loop.run_until_complete(asyncio.wait({self._task}, timeout=seconds))
        if self._task.done():
            self._task.result()

    def stop(self):
        if not self._task.done():
            self._task.cancel()
            self._loop.run_until_complete(asyncio.wait({self._task}))
            assert not asyncio.all_tasks(self._loop)

    def at(self, instant):
        """Seconds since the beginning."""
        return (instant - NOON) / timedelta(seconds=1)

    def _policies(self):
        return self._in_force

    def _view(self):
        self.rounds.append(self.clock.now())
        return View(now=self.clock.now(), zone=BERLIN, catalog=self.catalog, readings=self.store.snapshot())
