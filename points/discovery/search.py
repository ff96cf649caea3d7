"""Who is there: Who-Is in slices, repeated until nobody new answers.

No Who-Is is unbounded, none follows the one before faster than the budget allows, and a slice with
more devices than a network can bear to hear at once is cut before it is asked again. Every I-Am
counts, also two of one instance: a device is its network, address and instance.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from random import Random

from points.bacnet.port import Bacnet, IAm
from points.discovery.plan import DiscoveryPlan
from points.model import Device, DeviceRef

# Sites number their devices by decades, so these slices hold comparable numbers of devices.
_SLICE_STARTS = (0, 1_000, 10_000, 100_000, 1_000_000)
_CROWD = 64  # I-Ams at once that neither a router's buffer nor an MS/TP trunk minds
_JITTER = 0.2  # so that several agents, or one agent and the site's own clockwork, do not march in step
_MINUTE_S = 60.0

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Searched:
    """Who answered, and whether that is everybody."""

    heard: dict[DeviceRef, IAm]
    who_is: int  # sent
    stable: bool  # the last pass brought nobody new
    ignored: int = 0  # devices beyond the most that are looked at


async def search(
    bacnet: Bacnet,
    plan: DiscoveryPlan,
    known: Collection[Device],
    *,
    heard: Callable[[IAm], None],
    sent: Callable[[int], None],
    random: Random,
) -> Searched:
    """All I-Ams by device. `heard` gets each device once, at once; `sent` the number of Who-Is until now."""
    wait = plan.wait if known else plan.first_wait
    expected = {target: _instances(target, known) for target in plan.targets}
    trusted = {device.ref for device in known}
    found: dict[DeviceRef, IAm] = {}
    ignored: set[DeviceRef] = set()
    number = 0
    for pass_ in range(plan.passes):
        before = len(found)
        course = [(target, *slice_) for target in plan.targets for slice_ in slices(plan.ranges, expected[target])]
        if pass_:
            random.shuffle(course)
        for target, low, high in course:
            if pass_ and number >= plan.who_is_most:
                return Searched(found, number, stable=False, ignored=len(ignored))
            number += 1
            sent(number)
            pause = max(_MINUTE_S / plan.who_is_per_minute, wait * random.uniform(1 - _JITTER, 1 + _JITTER))
            for i_am in await bacnet.who_is(low, high, target=target, wait=pause):
                if i_am.device in found:
                    continue
                if len(found) >= plan.devices_most and i_am.device not in trusted:
                    ignored.add(i_am.device)
                    continue
                found[i_am.device] = i_am
                expected[target].add(i_am.device.instance)
                heard(i_am)
        if pass_ and len(found) == before:  # the first Who-Is may have been lost altogether
            return Searched(found, number, stable=True, ignored=len(ignored))
    return Searched(found, number, stable=not plan.targets, ignored=len(ignored))


def slices(ranges: Iterable[Range], instances: Collection[int] = ()) -> Iterator[Range]:
    """`ranges`, cut at the decades and then so that none holds more than a crowd of `instances`."""
    ordered = sorted(instances)
    for low, high in ranges:
        for first, last in _cut(low, high, [start for start in _SLICE_STARTS if low < start <= high]):
            inside = ordered[bisect_left(ordered, first) : bisect_right(ordered, last)]
            yield from _cut(first, last, inside[_CROWD::_CROWD])


def _cut(low: int, high: int, starts: list[int]) -> Iterator[Range]:
    """[low, high] in pieces; each of `starts`, in order, begins a new one."""
    return zip([low, *starts], [*(start - 1 for start in starts), high], strict=True)


def _instances(target: str | None, known: Collection[Device]) -> set[int]:
    """The instances that are known to be where `target` reaches."""
    network, _, all_of_it = (target or "").partition(":")
    if all_of_it == "*":
        return {device.ref.instance for device in known if str(device.ref.network) == network}
    return {device.ref.instance for device in known}


def duplicates(devices: Collection[DeviceRef]) -> dict[int, list[DeviceRef]]:
    """The instances that more than one device claims, with all who do."""
    often = Counter(device.instance for device in devices)
    doubled: dict[int, list[DeviceRef]] = {}
    for device in sorted(devices, key=lambda each: (each.instance, each.network, each.address)):
        if often[device.instance] > 1:
            doubled.setdefault(device.instance, []).append(device)
    return doubled
