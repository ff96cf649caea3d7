"""Stories that can be played on the hospital, each a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bacpypes3.primitivedata import Real

from facility.simulation.network import Internetwork
from facility.simulation.site import Site
from facility.simulation.stories import STORIES

REBOOT_SECONDS = 10.0
OPERATING_ROOMS = tuple(f"OR-{number} Room Controller" for number in range(1, 5))
NIGHT_CASE_AFTER = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, and how."""

    tells: str
    happens: Callable[[Internetwork, Site], Coroutine[Any, Any, None]]


async def _fridge_door(_: Internetwork, site: Site) -> None:
    site.incidents.add("Blood Bank Refrigerator 1/door")


async def _or_pressure(_: Internetwork, site: Site) -> None:
    site.incidents.add("OR-2 Room Controller/supply")


async def _device_reboot(network: Internetwork, _: Site) -> None:
    station = network.stations["VAV-2-03"]
    station.unplug()
    station.power_cycle()
    await asyncio.sleep(REBOOT_SECONDS)
    station.plug_in()
    station.announce()


async def _device_silent(network: Internetwork, _: Site) -> None:
    network.stations["VAV-2-05"].unplug()


async def _holiday(_: Internetwork, site: Site) -> None:
    site.holiday = True


async def _or_vacant(_: Internetwork, site: Site) -> None:
    site.people |= dict.fromkeys(OPERATING_ROOMS, False)


async def _or_occupied(_: Internetwork, site: Site) -> None:
    site.people[OPERATING_ROOMS[0]] = True


async def _or_night_case(network: Internetwork, site: Site) -> None:
    await _or_vacant(network, site)
    site.later(NIGHT_CASE_AFTER, lambda: site.people.update({OPERATING_ROOMS[0]: True}))


async def _fan_seized(_: Internetwork, site: Site) -> None:
    site.incidents.add("AHU-1/fan")


async def _device_ignores(network: Internetwork, _: Site) -> None:
    network.stations["VAV-2-06"].ignore_commands()


async def _foreign_override(network: Internetwork, _: Site) -> None:
    """As if they had come over the network: a device keeps no record of who wrote."""
    for name, value, level in (("VAV-2-07", 18.0, 5), ("VAV-2-08", 23.0, 8)):
        setpoint = network.stations[name].faces["heating-setpoint"].object
        await setpoint.write_property("presentValue", Real(value), None, level)


_HAPPENS = {
    "fridge-door": _fridge_door,
    "or-pressure": _or_pressure,
    "device-reboot": _device_reboot,
    "device-silent": _device_silent,
    "holiday": _holiday,
    "or-vacant": _or_vacant,
    "or-occupied": _or_occupied,
    "or-night-case": _or_night_case,
    "fan-seized": _fan_seized,
    "device-ignores": _device_ignores,
    "foreign-override": _foreign_override,
}
SCENARIOS = {name: Scenario(tells, _HAPPENS[name]) for name, tells in STORIES.items()}


async def play(name: str, network: Internetwork, site: Site, after: float) -> None:
    """Waits, then lets the story begin."""
    await asyncio.sleep(after)
    await SCENARIOS[name].happens(network, site)
