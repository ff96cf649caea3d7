"""What is written into a device's own Schedule and Calendar objects. Only the desk's hand for schedules uses this.

A ValueError, for a value or a period that cannot be written, comes before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence

from points.bacnet.batches import TOO_BIG
from points.bacnet.port import Constructed, Property
from points.bacnet.wire import schedules as codec
from points.errors import DeviceRefused
from points.model import DeviceRef
from points.schedule_objects import Dates, DateSpan, Day, SpecialEvent


async def write_week(bacnet: Constructed, device: DeviceRef, instance: int, week: Sequence[Day]) -> None:
    """Whole, or day by day where that is too long for the device."""
    days = [codec.encode_week([day]) for day in week]
    try:
        await bacnet.write_as(device, Property("schedule", instance, "weekly-schedule"), b"".join(days))
    except DeviceRefused as refused:
        if refused.code not in TOO_BIG:
            raise
        for index, day in enumerate(days, 1):
            await bacnet.write_as(device, Property("schedule", instance, "weekly-schedule", index), day)


async def write_exceptions(
    bacnet: Constructed, device: DeviceRef, instance: int, exceptions: Sequence[SpecialEvent]
) -> None:
    """Whole or not at all: a list of which a part is still another's would say what nobody wants."""
    octets = codec.encode_exceptions(exceptions)
    await bacnet.write_as(device, Property("schedule", instance, "exception-schedule"), octets)


async def write_period(bacnet: Constructed, device: DeviceRef, instance: int, period: DateSpan) -> None:
    await bacnet.write_as(device, Property("schedule", instance, "effective-period"), codec.encode_span(period))


async def write_dates(bacnet: Constructed, device: DeviceRef, instance: int, dates: Sequence[Dates]) -> None:
    await bacnet.write_as(device, Property("calendar", instance, "date-list"), codec.encode_dates(dates))
