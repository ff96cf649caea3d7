"""A network that may not be asked often enough is told once, as long as it is so."""

import asyncio
from dataclasses import replace

import pytest
from manual_clock import ManualClock
from session_bench import DEVICES, WARM

from facility.demand import LOOK_EVERY_S, RECKON_EVERY, DemandWatch
from points.catalog import Catalog, CatalogBook
from points.events import Events
from points.model import Device, EventKind
from points.passport import Passports


def site(devices):
    refs = [replace(DEVICES[0].ref, network=11, address=str(each), instance=each) for each in range(devices)]
    all_devices = [Device(id=f"d-{ref.instance}", ref=ref, name="", serves_cov=False) for ref in refs]
    points = [
        replace(WARM, id=f"{device.id}/p-{each}", device=device.id, ref=replace(WARM.ref, device=device.ref))
        for device in all_devices
        for each in range(5)
    ]
    return Catalog.of(all_devices, points)


class Bench:
    def __init__(self):
        self.book = CatalogBook()
        self.passports = Passports()
        self.events = Events()
        self.clock = ManualClock()
        self.told = []
        self.events.tell = self.told.append
        self.watch = DemandWatch(
            self.book,
            deadline=lambda _: 10.0,
            passports=self.passports,
            remote=20.0,
            local=2000.0,
            events=self.events,
            clock=self.clock,
        )

    async def settled(self):
        for _ in range(20):
            await asyncio.sleep(0)

    async def look(self):
        self.clock.advance(seconds=LOOK_EVERY_S)
        await self.settled()


@pytest.fixture
async def bench():
    bench = Bench()
    service = asyncio.create_task(bench.watch.run())
    await bench.settled()
    yield bench
    service.cancel()
    await asyncio.gather(service, return_exceptions=True)


async def test_without_anything_known_nothing_is_short(bench):
    assert (bench.watch.short, bench.told) == ((), [])


async def test_a_network_that_is_found_too_slow_is_told_once(bench):
    bench.book.replace(site(250))
    await bench.look()
    (short,) = bench.watch.short
    (event,) = bench.told
    assert (event.kind, event.about, event.text) == (EventKind.SYSTEM, "network 11", str(short))
    assert event.text.startswith("network 11 needs about 50 requests/s for its deadlines, its budget is 20")
    bench.book.replace(site(251))
    await bench.look()
    assert bench.watch.short[0].needs > short.needs
    assert len(bench.told) == 1


async def test_what_is_mended_is_not_short_any_more_and_is_told_when_it_comes_again(bench):
    for devices, short, told in ((250, 1, 1), (50, 0, 1), (250, 1, 2)):
        bench.book.replace(site(devices))
        await bench.look()
        assert (len(bench.watch.short), len(bench.told)) == (short, told)


async def test_what_was_learned_of_the_devices_counts_after_a_while(bench):
    catalog = site(80)
    bench.book.replace(catalog)
    await bench.look()
    assert bench.watch.short == ()
    for device in catalog.devices.values():
        bench.passports.learn(device.ref, rpm_limit=2)
    for _ in range(RECKON_EVERY):
        await bench.look()
    assert [short.network for short in bench.watch.short] == [11]
