"""A running Freshness over pretend devices, with everything around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from pretend import PretendBacnet, PretendClock, PretendDevice, a_device, settle

from points.catalog import Catalog, CatalogBook
from points.events import Events
from points.freshness import DeviceStatus, Freshness
from points.model import DeviceId, Event, EventKind, Point, PointId, Reading
from points.passport import Passports
from points.store import PointStore

DEADLINE = 60.0


class Bench:
    """A running Freshness with everything around it."""

    def __init__(
        self, devices: list[PretendDevice], catalog: Catalog, deadline: Callable[[Point], float], passports: Passports
    ) -> None:
        self.clock = PretendClock()
        self.bacnet = PretendBacnet(*devices)
        self.book = CatalogBook(catalog)
        self.store = PointStore()
        self.events = Events()
        self.told: list[Event] = []
        self.passports = passports
        self.revised: list[DeviceId] = []
        self.identities: list[tuple[DeviceId, Mapping[str, str]]] = []
        self.freshness = Freshness(
            self.bacnet,
            self.book,
            self.store,
            clock=self.clock,
            deadline=deadline,
            events=self.events,
            passports=passports,
            revised=self.revised.append,
            told=lambda device, identity: self.identities.append((device, identity)),
        )

    def reading(self, point: str = "ahu-1/ai-1") -> Reading:
        reading = self.store.get(PointId(point))
        assert reading is not None
        return reading

    def status(self, device: str = "ahu-1") -> DeviceStatus:
        return self.freshness.devices()[DeviceId(device)]

    def kinds(self) -> list[EventKind]:
        return [event.kind for event in self.told]


@asynccontextmanager
async def kept(
    *devices: PretendDevice,
    points: list[Point],
    deadline: float | Callable[[Point], float] = DEADLINE,
    passports: Passports | None = None,
    **device: object,
) -> AsyncIterator[Bench]:
    catalog = Catalog.of([a_device(d, p.device, **device) for d, p in _one_each(devices, points)], points)
    deadlines = deadline if callable(deadline) else lambda _: deadline
    bench = Bench(list(devices), catalog, deadlines, passports or Passports())
    with bench.events.listen() as listener:

        async def hear() -> None:
            async for event in listener:
                bench.told.append(event)

        tasks = [asyncio.create_task(bench.freshness.run()), asyncio.create_task(hear())]
        await settle()
        try:
            yield bench
            for task in tasks:
                assert not task.done(), task.exception()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _one_each(devices: tuple[PretendDevice, ...], points: list[Point]) -> list[tuple[PretendDevice, Point]]:
    return [(device, next(p for p in points if p.ref.device == device.ref)) for device in devices]
