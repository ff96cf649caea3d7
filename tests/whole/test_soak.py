"""Two hours of acquisition in some seconds: what grows without end in a day shows itself here.

Devices that change, tell, fall silent, lose their subscriptions, refuse and restart; an agent that is started again
now and then. After a warm-up the memory, the open files and the tasks have to be the same at the end. The same of
the stack on real sockets: in one long life, and in many short ones.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

sys.path += [str(Path(__file__).parents[1] / folder) for folder in ("points", "awkward")]

import pytest
from device import BOTH, Device
from pretend import FINE, PretendBacnet, PretendClock, PretendDevice, a_device, a_point
from town import Router, town

from points.bacnet.port import Notification, Property, Query
from points.bacnet.stack import Stack, StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.errors import DeviceSilent
from points.events import Events
from points.freshness import Freshness
from points.history import History
from points.model import DeviceRef, EventKind, Ref, Source
from points.passport import Passports
from points.store import PointStore

STEP = 20  # virtual seconds between two interventions
WARM_UP, END = 1_200, 7_200  # virtual seconds
POINTS = 6
AGENT_RESTARTS = 1_800  # seconds between two

BEARABLE = 60_000  # octets; fewer than four for each reading that is taken in meanwhile


class Footprint(NamedTuple):
    memory: int
    files: int
    tasks: int


class Building:
    """Eight devices, each with a trouble of its own, and the agent's acquisition."""

    def __init__(self, folder: Path) -> None:
        self.clock = PretendClock()
        self.devices = [PretendDevice(number, address=f"10.0.0.{number}:47808") for number in range(1, 9)]
        self.devices[1].reads_multiple = False
        self.devices[2].most_at_once = 3
        self.devices[3].cov_room = 2
        points = [a_point(d, n, f"d-{d.ref.instance}", cov_increment=0.5) for d in self.devices for n in range(POINTS)]
        known = [a_device(d, f"d-{d.ref.instance}", serves_cov=d.ref.instance > 2) for d in self.devices]
        self.point = points[0].id
        self.bacnet = PretendBacnet(*self.devices)
        self.book = CatalogBook(Catalog.of(known, points))
        self.passports = Passports(now=self.clock.now)
        self.store = PointStore()
        self.events = Events()
        self.told: dict[EventKind, int] = {}
        self.history = History(folder / "history.sqlite", self.store, self.clock)
        self.freshness: Freshness | None = None
        self.readings = 0
        self._elapsed = 0

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """History and a listener run all the time; the events are counted only."""
        with self.events.listen() as listener, self.store.watch() as watch:

            async def hear() -> None:
                async for event in listener:
                    self.told[event.kind] = self.told.get(event.kind, 0) + 1

            async def look() -> None:
                while True:
                    self.readings += len(await watch.batch())

            tasks = [asyncio.create_task(work) for work in (hear(), look(), self.history.run())]
            while self.history.link().state != "ok":
                await asyncio.sleep(0.01)
            try:
                yield
                assert not any(task.done() for task in tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def live(self, until: int) -> None:
        """Up to that virtual second."""
        while self._elapsed < until:
            self.bacnet = PretendBacnet(*self.devices)  # its handlers are those of one agent
            self.freshness = Freshness(
                self.bacnet,
                self.book,
                self.store,
                clock=self.clock,
                deadline=lambda point: 20.0 if point.ref.instance == 1 else 60.0,
                events=self.events,
                passports=self.passports,
            )
            running = asyncio.create_task(self.freshness.run())
            for _ in range(min(AGENT_RESTARTS, until - self._elapsed) // STEP):
                await self._step()
            assert not running.done()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def _step(self) -> None:
        now = self._elapsed
        for device in self.devices:
            device.silent = device.ref.instance == 5 and now % 600 < 200  # an outage in every ten minutes
            told = device.ref.instance != 6 or now % 900 < 600  # sometimes its notifications are lost
            for number in range(POINTS):
                value = 20.0 + number + (now // STEP + number) % 7
                device.has("analog-input", number, present_value=value)
                if told and not device.silent and ("analog-input", number) in device.subscriptions:
                    self.bacnet.notify(device, "analog-input", number, status_flags=FINE)
            device.requests.clear()
            device.reads.clear()
        if now % 400 == 0:
            self._trouble()
        await self.clock.pass_(STEP)
        now_ = self.clock.now()
        await self.history.trend(self.point, now_ - timedelta(seconds=STEP), now_, 1)  # its thread keeps up
        self._elapsed += STEP

    def _trouble(self) -> None:
        """A device restarts, a stranger notifies, someone announces itself."""
        self.devices[6].subscriptions.clear()
        self.bacnet.announce(self.devices[6])
        stranger = Notification(
            device=self.devices[7].ref, process=99, object_type="analog-input", instance=4_000, properties={}
        )
        for handler in self.bacnet._notified:
            handler(stranger)


def footprint() -> Footprint:
    gc.collect()
    return Footprint(
        memory=tracemalloc.get_traced_memory()[0],
        files=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        tasks=len(asyncio.all_tasks()),
    )


async def test_two_hours_leave_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pretend.SETTLE", 6)  # turns of the loop; what takes more goes on while time passes
    tracemalloc.start()
    try:
        building = Building(tmp_path)
        async with building.watched():
            await building.live(WARM_UP)
            before, readings = footprint(), building.readings
            await building.live(END)
            after = footprint()
    finally:
        tracemalloc.stop()
    assert building.readings - readings > 10_000
    assert building.freshness is not None
    assert building.freshness.readings[Source.COV] > 500
    assert building.told[EventKind.DEVICE_LOST] >= 5  # it was no quiet afternoon
    assert building.told[EventKind.DEVICE_BACK] >= 5
    assert (after.files, after.tasks) == (before.files, before.tasks)
    assert after.memory - before.memory < BEARABLE


ON_THE_WIRE = StackSettings(
    address="127.0.0.1:0", apdu_timeout=5.0, requests_per_second=100_000, local_requests_per_second=100_000
)
FIRST, LAST = 400, 900  # turns in one life of a stack; in the first, what is remembered of silences becomes all of it
SHORT_LIVES, MORE_LIVES = 5, 25
PER_TURN, PER_LIFE = 40, 4_000  # octets: less than one number, and less than one socket, that is kept each time


def _of(device: DeviceRef) -> dict[str, object]:
    """Only who is gone is not waited for."""
    return {"timeout": 0.005, "retries": 0} if device.instance == 3 else {}


class Wire:
    """A device next to us that has much to tell, one behind a router, and one that is gone."""

    def __init__(self) -> None:
        self.near = Device(1, advertises_cov=True, segmentation=BOTH)
        for number in range(1, 121):  # its object list comes in segments
            self.near.analog(number)
        self.far = Device(2).analog(1)
        self.gone = Device(3, silent=True).analog(1)
        self.router = Router({11: {5: self.far}})
        self.heard = 0
        self.read = 0

    async def live(self, stack: Stack, turns: int) -> None:
        near, far, gone = (DeviceRef(network=d.network, address=d.address, instance=d.instance) for d in self._all())
        values = tuple(Property("analog-input", number, "present-value") for number in range(1, 11))
        queries = Query(near, values), Query(far, values[:1])
        watched = Ref(device=near, object_type="analog-input", instance=1)
        for turn in range(turns):
            for query in queries:
                self.read += len(await stack.read_many(query))
            assert await stack.read(near, values[turn % 10]) is not None
            await stack.subscribe(watched, process=1, lifetime=60, confirmed=bool(turn % 2))
            heard = self.heard
            self.near.change(1, float(turn))
            while self.heard == heard:
                await asyncio.sleep(0)
            await stack.unsubscribe(watched, process=1)
            if turn % 25 == 0:
                assert len(await stack.read(near, Property("device", 1, "object-list"))) == 121  # type: ignore[arg-type]
            if turn % 5 == 0:
                for silent in (stack.read(gone, values[0]), stack.read_many(Query(gone, values))):
                    with pytest.raises(DeviceSilent):
                        await silent
            for device in self._all():
                device.asked.clear()

    def hear(self, _: Notification) -> None:
        self.heard += 1

    def _all(self) -> tuple[Device, Device, Device]:
        return self.near, self.far, self.gone


@asynccontextmanager
async def traced() -> AsyncIterator[None]:
    tracemalloc.start()
    try:
        yield
    finally:
        tracemalloc.stop()


async def test_a_long_life_on_the_wire_leaves_nothing_behind() -> None:
    wire = Wire()
    async with traced(), town(wire.near, wire.gone, wire.router) as here:
        settings = replace(ON_THE_WIRE, foreign=here.bbmd)
        async with open_stack(settings, Passports(overrule=_of)) as stack:
            stack.on_notification(wire.hear)
            await wire.live(stack, FIRST)
            before = footprint()
            await wire.live(stack, LAST)
            after = footprint()
    assert wire.read > 10 * LAST
    assert (after.files, after.tasks) == (before.files, before.tasks)
    assert after.memory - before.memory < PER_TURN * LAST


async def test_a_stack_that_is_closed_leaves_nothing_behind() -> None:
    wire, passports = Wire(), Passports(overrule=_of)
    async with traced(), town(wire.near, wire.gone, wire.router) as here:
        settings = replace(ON_THE_WIRE, foreign=here.bbmd)

        async def lives(number: int) -> Footprint:
            for _ in range(number):
                async with open_stack(settings, passports) as stack:
                    stack.on_notification(wire.hear)
                    await wire.live(stack, 3)
            await asyncio.sleep(0.1)  # the sockets' transports end in turns of the loop
            return footprint()

        before = await lives(SHORT_LIVES)
        after = await lives(MORE_LIVES)
    assert (after.files, after.tasks) == (before.files, before.tasks)
    assert after.memory - before.memory < PER_LIFE * MORE_LIVES
