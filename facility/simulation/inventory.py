"""All devices of the hospital. The order is the order of the physics: rooms, air handlers, plant, meters."""

from __future__ import annotations

from facility.simulation.offices import offices
from facility.simulation.spec import DeviceSpec


def hospital() -> list[DeviceSpec]:
    return [*offices()]
