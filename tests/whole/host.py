"""What runs on one host of a network of namespaces: a real device, or the agent's acquisition.

host.py device INSTANCE ADDRESS BROADCAST [bbmd]     a rusty-bacnet device whose value never rests
host.py agent ADDRESS/PREFIX DEVICES [BBMD]          finds that many, listens, prints what it learned as JSON
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import defaultdict
from datetime import UTC, datetime
from itertools import count

PATIENCE = 40.0  # seconds
CHANGES = 3  # by notification, of each device
SENSOR = "Sensor"


async def device(instance: int, address: str, broadcast: str, *, bbmd: bool) -> None:
    import rusty_bacnet as rusty  # noqa: PLC0415 - the agent needs none of it

    server = rusty.BACnetServer(
        instance,
        f"Host {instance}",
        interface=address,
        broadcast_address=broadcast,
        bbmd=rusty.Bbmd(accept_foreign_devices=True) if bbmd else None,
    )
    server.add_analog_input(1, SENSOR, 62, 0.0)
    await server.start()
    print("ready", flush=True)  # noqa: T201 - whoever started us waits for it
    sensor = rusty.ObjectIdentifier(rusty.ObjectType.ANALOG_INPUT, 1)
    for value in count(1):
        await asyncio.sleep(0.1)
        await server.set_present_value_local(sensor, rusty.PropertyValue.real(float(value)))


async def agent(address: str, devices: int, bbmd: str | None) -> dict[str, object]:
    from points.bacnet.stack import StackSettings, open_stack  # noqa: PLC0415 - the devices need none of it
    from points.catalog import Catalog, CatalogBook  # noqa: PLC0415
    from points.clock import SystemClock  # noqa: PLC0415
    from points.discovery import DiscoveryPlan, discover, plain  # noqa: PLC0415
    from points.events import Events  # noqa: PLC0415
    from points.freshness import Freshness  # noqa: PLC0415
    from points.model import Source  # noqa: PLC0415
    from points.store import PointStore  # noqa: PLC0415

    told: dict[str, set[object]] = defaultdict(set)

    class Store(PointStore):
        def put(self, reading) -> None:
            if reading.source is Source.COV:
                told[reading.point].add(reading.value)
            super().put(reading)

    plan = DiscoveryPlan(ranges=((0, 9_999),), wait=0.3, first_wait=0.3, passes=3)
    async with open_stack(StackSettings(address=address, foreign=bbmd)) as stack:
        found = await discover(stack, plan, Catalog(), describe=plain, progress=lambda _: None, now=datetime.now(UTC))
        book = CatalogBook(found.catalog)
        freshness = Freshness(stack, book, Store(), clock=SystemClock(), deadline=lambda _: 60.0, events=Events())
        running = asyncio.create_task(freshness.run())
        try:
            async with asyncio.timeout(PATIENCE):
                while sum(len(values) >= CHANGES for values in told.values()) < devices:
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass  # what was learned until now says what is missing
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return {
            "devices": {d.ref.instance: d.ref.address for d in found.catalog.devices.values()},
            "changes": {point: len(values) for point, values in told.items()},
            "errors": dict(stack.protocol_errors),
        }


if __name__ == "__main__":
    role, *words = sys.argv[1:]
    if role == "device":
        asyncio.run(device(int(words[0]), words[1], words[2], bbmd="bbmd" in words[3:]))
    else:
        print(json.dumps(asyncio.run(agent(words[0], int(words[1]), words[2] if words[2:] else None))))  # noqa: T201
