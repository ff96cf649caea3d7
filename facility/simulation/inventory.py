"""All devices of the hospital. The order is the order of the physics: rooms, air handlers, plant, meter."""

from __future__ import annotations

from facility.simulation.air_handlers import air_handlers
from facility.simulation.cold_storage import cold_storage
from facility.simulation.critical_points import critical_rooms
from facility.simulation.lighting import lighting
from facility.simulation.medical_gas import medical_gas
from facility.simulation.plant import plant, weather
from facility.simulation.power import electricity_meter, standby_power
from facility.simulation.rooms import ordinary_rooms
from facility.simulation.spec import DeviceSpec
from facility.simulation.special import mri_chiller, rooftop_unit
from facility.simulation.submeters import submeters


def hospital() -> list[DeviceSpec]:
    """A fresh one at each call: equipment has a memory."""
    return [
        weather(),
        *ordinary_rooms(),
        *critical_rooms(),
        *air_handlers(),
        *plant(),
        *lighting(),
        *medical_gas(),
        *cold_storage(),
        *standby_power(),
        mri_chiller(),
        rooftop_unit(),
        submeters(),
        electricity_meter(),
    ]
