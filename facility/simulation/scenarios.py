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


SCENARIOS = {
    "fridge-door": Scenario("the door of blood bank refrigerator 1 is left open; it warms past 6 C", _fridge_door),
    "or-pressure": Scenario("OR 2 loses supply air, and with it its positive pressure", _or_pressure),
    "device-reboot": Scenario("VAV-2-03 restarts: silent for 10 s, commands and subscriptions gone", _device_reboot),
    "device-silent": Scenario("VAV-2-05 stops answering for good", _device_silent),
    "holiday": Scenario("nobody comes to the offices", _holiday),
    "or-vacant": Scenario("nobody is in the operating rooms, and their doors stay shut", _or_vacant),
    "or-occupied": Scenario("somebody enters OR 1", _or_occupied),
    "or-night-case": Scenario(
        "the operating rooms are vacant; after half an hour somebody enters OR 1", _or_night_case
    ),
    "fan-seized": Scenario("the supply fan of AHU-1 stands, whatever it is told", _fan_seized),
    "device-ignores": Scenario("VAV-2-06 acknowledges every command and does nothing", _device_ignores),
    "foreign-override": Scenario(
        "somebody else commands two heating setpoints: VAV-2-07 at level 5, VAV-2-08 at level 8", _foreign_override
    ),
}


async def play(name: str, network: Internetwork, site: Site, after: float) -> None:
    """Waits, then lets the story begin."""
    await asyncio.sleep(after)
    await SCENARIOS[name].happens(network, site)
