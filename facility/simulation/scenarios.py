"""Stories that can be played on the hospital, each a few lines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from facility.simulation.network import Internetwork
from facility.simulation.site import Site

REBOOT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens, and how."""

    tells: str
    happens: Callable[[Internetwork, Site], Awaitable[None]]


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


SCENARIOS = {
    "fridge-door": Scenario("the door of blood bank refrigerator 1 is left open; it warms past 6 C", _fridge_door),
    "or-pressure": Scenario("OR 2 loses supply air, and with it its positive pressure", _or_pressure),
    "device-reboot": Scenario("VAV-2-03 restarts: silent for 10 s, commands and subscriptions gone", _device_reboot),
    "device-silent": Scenario("VAV-2-05 stops answering for good", _device_silent),
    "holiday": Scenario("nobody comes to the offices", _holiday),
}


async def play(name: str, network: Internetwork, site: Site, after: float) -> None:
    """Waits, then lets the story begin."""
    await asyncio.sleep(after)
    await SCENARIOS[name].happens(network, site)
