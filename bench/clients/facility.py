"""Ours: the stack as the agent opens it, with prepared queries."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from bench.clients.common import Arrivals, Job, answer_questions, read_in_parallel, reader_plan, run
from facility.config.model import Config
from facility.settings import discovery_plan, stack_settings
from points.bacnet.port import Notification, Property, Query
from points.bacnet.stack import StackSettings, open_stack
from points.catalog import Catalog, CatalogBook
from points.clock import SystemClock
from points.discovery import Progress, discover, plain
from points.events import Events
from points.freshness import Freshness
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Ref, Source
from points.store import PointStore

FREE = 1e9  # requests a second: what the devices bear is measured here, so our own politeness is put aside


def settings(job: Job, **more: Any) -> StackSettings:
    known = {field.name for field in fields(StackSettings)}
    free = {"requests_per_second": FREE, "local_requests_per_second": FREE, "max_outstanding_per_network": 64}
    wanted = {"address": f"127.0.0.1:{job['port']}", **free, **more}
    return StackSettings(**{name: value for name, value in wanted.items() if name in known})


def devices(job: Job) -> list[DeviceRef]:
    return [
        DeviceRef(network=0, address=address, instance=instance)
        for address, instance in zip(job["devices"], job["instances"], strict=True)
    ]


async def rpm(job: Job) -> Job:
    each = job["in_flight"] // len(job["devices"])
    async with open_stack(settings(job, max_outstanding_per_device=each)) as stack:
        wanted = tuple(Property("analog-input", i, "present-value") for i in range(1, job["values"] + 1))

        def reader(device: DeviceRef) -> Any:
            query = Query(device, wanted)

            async def read() -> Sequence[Any]:
                return await stack.read_many(query)

            return read

        found = devices(job)
        return await read_in_parallel([reader(found[place]) for place in reader_plan(job)], job)


async def cov(job: Job) -> None:
    async with open_stack(settings(job)) as stack:
        arrivals = Arrivals()

        def note(notification: Notification) -> None:
            value = notification.properties["present-value"]
            if isinstance(value, float):
                arrivals.note(value)

        stack.on_notification(note)
        for device in devices(job):
            for instance in range(1, job["objects"] + 1):
                ref = Ref(device=device, object_type="analog-input", instance=instance)
                await stack.subscribe(ref, process=1, lifetime=3600)
        await answer_questions(arrivals, len(job["devices"]) * job["objects"])


async def cov_latency(job: Job) -> None:
    """The whole way of a change: from the wire through Freshness into the store, to who watches it."""
    refs = [
        Ref(device=device, object_type="analog-input", instance=instance)
        for device in devices(job)
        for instance in range(1, job["objects"] + 1)
    ]
    store, arrivals = PointStore(), Arrivals()
    async with open_stack(settings(job)) as stack:
        freshness = Freshness(
            stack, CatalogBook(_catalog(refs)), store, clock=SystemClock(), deadline=lambda _: 300.0, events=Events()
        )

        async def watch() -> None:
            with store.watch() as changes:
                async for reading in changes:
                    if reading.source is Source.COV and isinstance(reading.value, float):
                        arrivals.note(reading.value)

        tasks = [asyncio.create_task(watch()), asyncio.create_task(freshness.run())]
        for _ in range(300):
            await asyncio.sleep(0.1)
            if sum(status.cov for status in freshness.devices().values()) == len(refs):
                break
        await answer_questions(arrivals, sum(status.cov for status in freshness.devices().values()))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _catalog(refs: Sequence[Ref]) -> Catalog:
    devices_ = {
        ref.device: Device(
            id=DeviceId(str(ref.device.instance)),
            ref=ref.device,
            name=str(ref.device.instance),
            reads_multiple=True,
            serves_cov=True,
        )
        for ref in refs
    }
    points = [
        Point(
            id=PointId(f"{ref.device.instance}/{ref.instance}"),
            device=devices_[ref.device].id,
            ref=ref,
            name=f"{ref.device.instance}/{ref.instance}",
            kind=Kind.ANALOG,
        )
        for ref in refs
    ]
    return Catalog.of(devices_.values(), points)


async def discovery(job: Job) -> Job:
    """`discover` with the plan and the budgets of an agent of whose [bacnet] only the addresses are written."""
    address, door = f"127.0.0.1:{job['port']}", f"127.0.0.1:{job['door']}"
    config = Config(bacnet={"address": address, "foreign": door, "low": job["low"], "high": job["high"]})
    plan = discovery_plan(config)
    last = Progress()

    def note(progress: Progress) -> None:
        nonlocal last
        last = progress

    async with open_stack(stack_settings(config, patient=False)) as stack:
        started = time.perf_counter()
        found = await discover(stack, plan, Catalog.of([], []), describe=plain, progress=note, now=datetime.now(UTC))
        elapsed = time.perf_counter() - started
    named = sum(point.name.startswith("AHU") for point in found.catalog.points.values())
    allowed = config.bacnet.local_requests_per_second
    budget = {"who_is_per_minute": plan.who_is_per_minute, "requests_per_second": allowed}
    told = {"who_is": last.who_is, "requests": stack.traffic["requests"], **budget}
    return {"devices": len(found.catalog.devices), "objects": named, "seconds": elapsed, **told}


if __name__ == "__main__":
    import structlog

    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    run({"rpm": rpm, "cov": cov, "cov-latency": cov_latency, "discovery": discovery})
