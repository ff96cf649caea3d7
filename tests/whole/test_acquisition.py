"""Stack, discovery and freshness together, against the simulated hospital and a device nobody here wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import rusty_bacnet as rusty

from facility.simulation.process import simulated_hospital
from points.bacnet.stack import StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.clock import SystemClock
from points.discovery import DiscoveryPlan, discover, plain
from points.events import Events
from points.freshness import Freshness
from points.model import DeviceRef, EventKind, PointId, Quality, Source
from points.store import PointStore

PATIENCE = 45.0  # seconds; two cores may be busy with the rest of the suite
QUICKLY = DiscoveryPlan(ranges=((0, 99_999),), wait=0.3)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def test_the_hospital_is_found_and_kept_fresh() -> None:
    async with (
        simulated_hospital() as hospital,
        open_stack(StackSettings(address="127.0.0.1:0", foreign=hospital.bbmd)) as stack,
    ):
        found = await discover(
            stack, QUICKLY, Catalog(), describe=plain, progress=lambda _: None, now=datetime.now(UTC)
        )
        assert len(found.catalog.devices) == hospital.devices >= 25
        assert len(found.catalog.points) + found.skipped == hospital.points >= 900
        devices = found.catalog.devices.values()
        assert any(not device.reads_multiple for device in devices)
        assert any(device.max_apdu == 480 and device.segmentation == "no-segmentation" for device in devices)
        assert found.skipped > 0

        again = await discover(
            stack, QUICKLY, found.catalog, describe=plain, progress=lambda _: None, now=datetime.now(UTC)
        )
        assert (again.catalog, again.events) == (found.catalog, [])

        store, events = PointStore(), Events()
        book = CatalogBook(found.catalog)
        freshness = Freshness(stack, book, store, clock=SystemClock(), deadline=lambda _: 60.0, events=events)
        with events.listen() as listener:
            running = asyncio.create_task(freshness.run())
            await until(lambda: len(store.snapshot()) == len(found.catalog.points))
            await until(lambda: freshness.readings[Source.COV] > 500)
            refusal = await anext(aiter(listener))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert refusal.kind is EventKind.COV_REFUSED
        readings = list(store.snapshot().values())
        assert sum(reading.is_good for reading in readings) > 0.95 * len(readings)
        assert any(reading.quality is Quality.BAD and reading.reason == "nan" for reading in readings)
        assert not stack.protocol_errors


async def test_a_change_at_a_foreign_device_reaches_the_store_by_cov_and_its_death_is_noticed() -> None:
    server = rusty.BACnetServer(77, "Chiller", interface="127.0.0.1", port=0, broadcast_address="127.255.255.255")
    server.add_analog_input(1, "Chiller.CHWS", 62, 6.5)
    server.add_binary_output(1, "Chiller.Run")
    await server.start()
    ref = DeviceRef(network=0, address=await server.local_address(), instance=77)
    plan = DiscoveryPlan(targets=(), static=(ref,))
    async with open_stack(StackSettings(address="127.0.0.1:0", apdu_timeout=0.2, retries=0)) as stack:
        found = await discover(stack, plan, Catalog(), describe=plain, progress=lambda _: None, now=datetime.now(UTC))
        assert sorted(found.catalog.points) == ["chiller/chws", "chiller/run"]
        assert found.catalog.points[PointId("chiller/run")].commandable

        store, events = PointStore(), Events()
        freshness = Freshness(
            stack, CatalogBook(found.catalog), store, clock=SystemClock(), deadline=lambda _: 4.0, events=events
        )
        water = PointId("chiller/chws")
        with events.listen() as listener:
            running = asyncio.create_task(freshness.run())
            await until(lambda: freshness.readings[Source.COV] >= 2)
            sensor = rusty.ObjectIdentifier(rusty.ObjectType.ANALOG_INPUT, 1)
            await server.set_present_value_local(sensor, rusty.PropertyValue.real(7.25))
            await until(lambda: (reading := store.get(water)) and reading.value == 7.25)
            reading = store.get(water)
            assert reading
            assert reading.source is Source.COV

            await server.stop()
            await until(lambda: (reading := store.get(water)) and reading.quality is Quality.STALE)
            await until(lambda: (reading := store.get(water)) and reading.reason == "offline")
            lost = await anext(aiter(listener))
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        assert lost.kind is EventKind.DEVICE_LOST
        reading = store.get(water)
        assert reading
        assert reading.value == 7.25
