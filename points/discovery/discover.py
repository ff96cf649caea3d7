"""Looks at a building: the whole of it, some devices, or those that somebody waits for."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from random import Random

from points.bacnet.port import Bacnet
from points.catalog import Catalog
from points.discovery.course import Course
from points.discovery.plan import Checkpoint, Describe, Discovered, DiscoveryPlan, Progress
from points.discovery.search import around, search, within
from points.model import DeviceId, DeviceRef
from points.passport import Passports

PASSES = 2  # of a small look: an I-Am may be lost


async def discover(
    bacnet: Bacnet,
    plan: DiscoveryPlan,
    known: Catalog,
    *,
    describe: Describe,
    progress: Callable[[Progress], None],
    now: datetime,
    passports: Passports | None = None,
    checkpoint: Checkpoint | None = None,
    read_already: Collection[DeviceRef] = (),
    random: Random | None = None,
) -> Discovered:
    """The building as it is now, and how it differs from `known`.

    `checkpoint` gets what was read, as it is read: a discovery that was broken off goes on from there when its
    `known` holds that. `read_already` are devices without a Database_Revision that need not be read once more.
    """
    course = Course(bacnet, plan, known, describe, progress, now, passports or Passports(), checkpoint)
    return await course.run(read_already, random or Random())


async def look_at(
    bacnet: Bacnet,
    plan: DiscoveryPlan,
    known: Catalog,
    devices: Collection[DeviceId],
    *,
    describe: Describe,
    now: datetime,
    passports: Passports | None = None,
) -> Discovered:
    """`known` with these devices as they are now. One that does not answer stays as it is: others tell of that."""
    course = Course(bacnet, plan, known, describe, lambda _: None, now, passports or Passports(), None)
    return await course.only(devices)


async def look_for(
    bacnet: Bacnet,
    plan: DiscoveryPlan,
    known: Catalog,
    instances: Collection[int],
    *,
    describe: Describe,
    now: datetime,
    passports: Passports | None = None,
    random: Random | None = None,
) -> Discovered | None:
    """`known` with the strangers that answer a search for these instances; None if there is none.

    Who has one of these instances, and what becomes of who had it before, is judged as in a whole look. A known
    device that does not answer stays as it is, unless a stranger has its instance.
    """
    devices = known.devices.values()
    there = sorted({device.ref.instance for device in devices} | set(instances))
    ranges = within(plan.ranges, around(instances, there))
    narrow = replace(plan, ranges=ranges, static=(), passes=min(plan.passes, PASSES))
    searched = await search(bacnet, narrow, devices, heard=_unheeded, sent=_unheeded, random=random or Random())
    familiar = {device.ref for device in devices}
    claimed = {ref.instance for ref in searched.heard if ref not in familiar}
    if not claimed:
        return None
    concerned = [device for device in devices if device.ref.instance in claimed]
    part = Catalog.of(concerned, [point for device in concerned for point in known.points_of(device.id)])
    others = known.devices.keys() - part.devices.keys()
    course = Course(bacnet, narrow, part, describe, _unheeded, now, passports or Passports(), None, taken=others)
    found = await course.heard({ref: i_am for ref, i_am in searched.heard.items() if ref.instance in claimed})
    whole = Catalog.of(
        {**known.devices, **found.catalog.devices}.values(),
        {**known.points, **found.catalog.points}.values(),
        known.spaces.values(),
    )
    return replace(found, catalog=whole)


def _unheeded(_: object) -> None:
    """Of a small look nobody wants to know how far it is."""
