"""Who is there: Who-Is in slices, repeated until nobody new answers.

Every I-Am counts, also two of one instance: a device is its network, address and instance.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator

from points.bacnet.port import Bacnet, IAm
from points.discovery.plan import DiscoveryPlan
from points.model import DeviceRef

# Sites number their devices by decades, so these slices hold comparable numbers of devices.
_SLICE_STARTS = (0, 1_000, 10_000, 100_000, 1_000_000)


async def search(bacnet: Bacnet, plan: DiscoveryPlan, heard: Callable[[int], None]) -> dict[DeviceRef, IAm]:
    """All I-Ams by device; `heard` is told how many after each slice."""
    found: dict[DeviceRef, IAm] = {}
    for number in range(plan.passes):
        before = len(found)
        for target in plan.targets:
            for low, high in slices(plan.ranges):
                for i_am in await bacnet.who_is(low, high, target=target, wait=plan.wait):
                    found[i_am.device] = i_am
                heard(len(found))
                await asyncio.sleep(0)
        if number and len(found) == before:  # the first Who-Is may have been lost altogether
            break
    return found


def slices(ranges: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """`ranges`, cut at the decades."""
    for low, high in ranges:
        starts = [low, *(start for start in _SLICE_STARTS if low < start <= high)]
        ends = [*(start - 1 for start in starts[1:]), high]
        yield from zip(starts, ends, strict=True)


def duplicates(devices: set[DeviceRef]) -> dict[int, list[DeviceRef]]:
    """The instances that more than one device claims, with all who do."""
    often = Counter(device.instance for device in devices)
    return {
        instance: sorted((d for d in devices if d.instance == instance), key=lambda d: (d.network, d.address))
        for instance, number in often.items()
        if number > 1
    }
