"""Schedules and calendars of devices' own are noted, are no points, and cost nothing when nothing has changed."""

from __future__ import annotations

from dataclasses import replace

from controllers import add, an_ahu, found

from points.catalog import Catalog
from points.model import DeviceId


async def test_a_device_is_known_by_its_own_schedules() -> None:
    ahu = an_ahu()
    add(ahu, "schedule", 1, "Hours")
    add(ahu, "calendar", 7, "Holidays")
    catalog = (await found(ahu)).catalog
    (device,) = catalog.devices.values()
    assert device.schedules == ("schedule,1", "calendar,7")
    assert not [point for point in catalog.points.values() if point.ref.object_type in ("schedule", "calendar")]
    again = (await found(ahu, known=catalog)).catalog
    assert again.devices[device.id].schedules == device.schedules


async def test_a_device_that_was_known_before_they_were_looked_for_is_read_once_more() -> None:
    ahu = an_ahu()
    catalog = (await found(ahu)).catalog
    assert catalog.devices[DeviceId("ahu-1")].schedules == ()
    of_old = [replace(device, schedules=None) for device in catalog.devices.values()]
    known = Catalog.of(of_old, catalog.points.values(), catalog.spaces.values())
    assert (await found(ahu, known=known)).catalog.devices[DeviceId("ahu-1")].schedules == ()
