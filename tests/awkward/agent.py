"""The agent's acquisition as it is put together in earnest, in a town of awkward devices, and everything it learned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from device import Device
from town import Town

from points.bacnet.stack import Stack, StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.clock import Clock, SystemClock
from points.discovery import DiscoveryPlan, discover, plain
from points.events import Events
from points.freshness import Freshness
from points.model import DeviceId, DeviceRef, Event, EventKind, PointId, Reading
from points.passport import Passport, Passports
from points.store import PointStore

PATIENCE = 30.0  # seconds; a busy machine
SETTINGS = StackSettings(address="127.0.0.1:0", apdu_timeout=0.2, retries=1)
QUICKLY = DiscoveryPlan(ranges=((0, 9_999),), wait=0.05, first_wait=0.05, who_is_per_minute=6_000, passes=2)
DEADLINE = 60.0  # seconds


class HurriedClock:
    """A clock that runs `speed` times as fast as the wall's, so that what takes minutes can be seen in a test."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._begun = datetime.now(UTC)
        self._zero = asyncio.get_running_loop().time()

    def now(self) -> datetime:
        return self._begun + timedelta(seconds=(asyncio.get_running_loop().time() - self._zero) * self._speed)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._speed)


class RememberingStore(PointStore):
    """Keeps every reading that was ever put."""

    def __init__(self) -> None:
        super().__init__()
        self.history: list[Reading] = []

    def put(self, reading: Reading) -> None:
        self.history.append(reading)
        super().put(reading)


class Agent:
    """What runs, and what a test may look at."""

    def __init__(self, stack: Stack, passports: Passports, clock: Clock, deadline: float) -> None:
        self.stack = stack
        self.passports = passports
        self.clock = clock
        self.store = RememberingStore()
        self.book = CatalogBook()
        self.told: list[Event] = []
        self.revised: list[DeviceId] = []
        self.events = Events()
        self.freshness = Freshness(
            stack,
            self.book,
            self.store,
            clock=clock,
            deadline=lambda _: deadline,
            events=self.events,
            passports=passports,
            revised=self.revised.append,
        )

    async def discover(self, plan: DiscoveryPlan = QUICKLY) -> Catalog:
        """Looks for devices; what is found becomes the catalog."""
        found = await discover(
            self.stack,
            plan,
            self.book.current,
            describe=plain,
            progress=lambda _: None,
            now=self.clock.now(),
            passports=self.passports,
        )
        for event in found.events:
            self.events.tell(event)
        self.book.replace(found.catalog)
        return found.catalog

    def point(self, device: Device, object_name: str = "AI 1") -> PointId:
        for point in self.book.current.points.values():
            if point.ref.device == ref(device) and point.name == object_name:
                return point.id
        raise AssertionError(f"{device.name} has no point {object_name}: {sorted(self.book.current.points)}")

    def reading(self, device: Device, object_name: str = "AI 1") -> Reading | None:
        """The present reading of an object of the device; None if it was never read."""
        return self.store.get(self.point(device, object_name))

    def value(self, device: Device, object_name: str = "AI 1") -> object:
        """The value, if it is good."""
        reading = self.reading(device, object_name)
        return reading.value if reading is not None and reading.is_good else None

    def passport(self, device: Device) -> Passport:
        return self.passports.of(ref(device))

    def past(self, point: PointId) -> list[Reading]:
        return [reading for reading in self.store.history if reading.point == point]

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.told]

    def complete(self) -> bool:
        """Whether every point has been read."""
        return len(self.store.snapshot()) == len(self.book.current.points) > 0


def ref(device: Device) -> DeviceRef:
    return DeviceRef(network=device.network, address=device.address, instance=device.instance)


async def until(condition: Callable[[], object], *, within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def agent_in(
    town: Town,
    *,
    settings: StackSettings = SETTINGS,
    passports: Passports | None = None,
    known: Catalog | None = None,
    speed: float | None = None,
    deadline: float = DEADLINE,
    runs: bool = True,
) -> AsyncIterator[Agent]:
    """An agent that is registered with the town's BBMD. It has discovered nothing yet, but keeps what is `known`."""
    passports = passports or Passports()
    settings = replace(settings, foreign=town.bbmd)
    async with open_stack(settings, passports) as stack:
        agent = Agent(stack, passports, SystemClock() if speed is None else HurriedClock(speed), deadline)
        if known is not None:
            agent.book.replace(known)
        with agent.events.listen() as listener:

            async def hear() -> None:
                async for event in listener:
                    agent.told.append(event)

            tasks = [asyncio.create_task(hear())]
            if runs:
                tasks.append(asyncio.create_task(agent.freshness.run()))
            try:
                yield agent
                for task in tasks:
                    assert not task.done(), task.exception()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
