"""Who is there: Who-Is in slices, repeated until nobody new answers.

No Who-Is is unbounded, none follows the one before faster than the budget allows, and a slice with
more devices than a network can bear to hear at once is cut before it is asked again. Every I-Am
counts, also two of one instance: a device is its network, address and instance.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from points.bacnet.port import Bacnet, IAm
from points.discovery.plan import DiscoveryPlan
from points.errors import DeviceError
from points.model import Device, DeviceRef

# Sites number their devices by decades, so these slices hold comparable numbers of devices.
_SLICE_STARTS = (0, 1_000, 10_000, 100_000, 1_000_000)
_CROWD = 64  # I-Ams at once that neither a router's buffer nor an MS/TP trunk minds
_LATEST = 1.4  # times the shortest pause: several agents, or one and the site's own clockwork, do not march in step
_MINUTE_S = 60.0

Range = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Searched:
    """Who answered, and whether that is everybody."""

    heard: dict[DeviceRef, IAm]
    who_is: int  # sent
    stable: bool  # the last pass brought nobody new
    ignored: int  # devices beyond the most that are looked at
    refused: dict[str, str] = field(default_factory=dict)  # the targets that cannot be asked, and why


async def search(
    bacnet: Bacnet,
    plan: DiscoveryPlan,
    known: Collection[Device],
    *,
    heard: Callable[[IAm], None],
    sent: Callable[[int], None],
    random: Random,
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Searched:
    """All I-Ams by device. `heard` gets each device once, as it is heard; `sent` the number of Who-Is until now."""
    course = _Search(bacnet, plan, known, heard)
    number = 0
    for pass_ in range(plan.passes):
        before = len(course.found)
        questions = course.questions()
        if pass_:
            random.shuffle(questions)
        try:
            async with asyncio.TaskGroup() as listening:
                for question in questions:
                    if pass_ and number >= plan.who_is_most:
                        break
                    number += 1
                    sent(number)
                    listening.create_task(course.ask(*question))
                    await pause(_MINUTE_S / plan.who_is_per_minute * random.uniform(1.0, _LATEST))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # whoever catches it knows it by its name
        if pass_ and number >= plan.who_is_most:
            break
        if pass_ and len(course.found) == before:  # the first Who-Is may have been lost altogether
            return course.searched(number, stable=True)
    return course.searched(number, stable=not plan.targets)


class _Search:
    """Who was heard, and where how many are to be expected."""

    def __init__(
        self, bacnet: Bacnet, plan: DiscoveryPlan, known: Collection[Device], heard: Callable[[IAm], None]
    ) -> None:
        self._bacnet = bacnet
        self._plan = plan
        self._heard = heard
        self._wait = plan.wait if known else plan.first_wait
        self._known = {device.ref for device in known}
        self._expected = {target: _instances(target, known) for target in plan.targets}
        self._ignored: set[DeviceRef] = set()
        self._refused: dict[str, str] = {}
        self.found: dict[DeviceRef, IAm] = {}

    def questions(self) -> list[tuple[str | None, int, int]]:
        """One pass: the Who-Is that together reach everybody."""
        return [
            (target, low, high)
            for target in self._plan.targets
            if target not in self._refused
            for low, high in slices(self._plan.ranges, self._expected[target])
        ]

    async def ask(self, target: str | None, low: int, high: int) -> None:
        if target in self._refused:
            return
        try:
            heard = await self._bacnet.who_is(low, high, target=target, wait=self._wait)
        except DeviceError as error:
            if target is None:
                raise
            self._refused[target] = str(error)  # the others are asked all the same
            return
        for i_am in heard:
            self._hear(target, i_am)

    def searched(self, number: int, *, stable: bool) -> Searched:
        return Searched(self.found, number, stable, len(self._ignored), self._refused)

    def _hear(self, target: str | None, i_am: IAm) -> None:
        if i_am.device in self.found:
            return
        if len(self.found) >= self._plan.devices_most and i_am.device not in self._known:
            self._ignored.add(i_am.device)
            return
        self.found[i_am.device] = i_am
        self._expected[target].add(i_am.device.instance)
        self._heard(i_am)


def slices(ranges: Iterable[Range], instances: Collection[int] = ()) -> Iterator[Range]:
    """`ranges`, cut at the decades and then so that none holds more than a crowd of `instances`."""
    ordered = sorted(instances)
    for low, high in ranges:
        for first, last in _cut(low, high, [start for start in _SLICE_STARTS if low < start <= high]):
            inside = ordered[bisect_left(ordered, first) : bisect_right(ordered, last)]
            yield from _cut(first, last, inside[_CROWD::_CROWD])


def around(wanted: Iterable[int], there: Sequence[int]) -> list[Range]:
    """As few ranges as hold all that are wanted: none across a decade, none with a crowd of those that are `there`."""
    ranges: list[Range] = []
    for instance in sorted(wanted):
        if ranges:
            low, _ = ranges[-1]
            decade = bisect_right(_SLICE_STARTS, low) == bisect_right(_SLICE_STARTS, instance)
            if decade and bisect_right(there, instance) - bisect_left(there, low) <= _CROWD:
                ranges[-1] = (low, instance)
                continue
        ranges.append((instance, instance))
    return ranges


def within(outer: Iterable[Range], ranges: Iterable[Range]) -> tuple[Range, ...]:
    """What of `ranges` is in `outer`."""
    inner = list(ranges)
    cut = [(max(low, first), min(high, last)) for first, last in outer for low, high in inner]
    return tuple((low, high) for low, high in cut if low <= high)


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
