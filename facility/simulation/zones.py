"""Rooms fed by variable-air-volume boxes: the box's own controller, and the room that answers to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from facility.simulation.physics import AIR_DENSITY, AIR_HEAT_CAPACITY, Zone, approach, clamp, travel
from facility.simulation.site import Site
from facility.simulation.spec import Value

PERSON = 75.0  # W of sensible heat
DAMPER_STROKE = 90.0  # s
VALVE_STROKE = 60.0
FULL_BAND = 0.6  # K beyond the setpoint at which the box is wide open
REHEAT_RISE = 22.0  # K at full valve and hot water of 65 C
DESIGN_HOT_WATER = 65.0
LITRES = 1000.0  # in a cubic metre
LEAST_SHARE = 0.05  # of its air; with less, a box opens its damper wide
EXHALED = 5200.0  # ppm l/s of carbon dioxide of one person


def at_work(site: Site, who: int) -> bool:
    return site.at_work(who)


def always(site: Site, who: int) -> bool:
    return True


def in_bed(site: Site, who: int) -> bool:
    """Three patient rooms in four are taken; for some hours of the afternoon some are out of bed and room."""
    return who % 4 != 0 and not (who % 2 and 14.0 <= site.hour < 15.0)


Occupied = Callable[[Site, int], bool]


@dataclass(slots=True, kw_only=True)
class VavRoom:
    """A box that keeps a room between its heating and its cooling setpoint."""

    air_handler: str
    number: int
    occupied: Occupied
    smallest_flow: float = 30.0  # l/s
    largest_flow: float = 180.0
    equipment_gain: float = 150.0  # W
    zone: Zone = field(default_factory=Zone)
    damper: float = 40.0  # percent
    valve: float = 0.0
    humidity: float = 45.0
    carbon_dioxide: float = 600.0
    discharge: float = 16.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        someone = self.occupied(site, self.number)
        cooling = clamp((self.zone.air - now["cooling-setpoint"]) / FULL_BAND, 0.0, 1.0)
        heating = clamp((now["heating-setpoint"] - self.zone.air) / FULL_BAND, 0.0, 1.0)
        flow_setpoint = self.smallest_flow + max(cooling, 0.4 * heating) * (self.largest_flow - self.smallest_flow)
        share = site.fan_share(self.air_handler)
        asked_damper = 100.0 * min(flow_setpoint / self.largest_flow / max(share, LEAST_SHARE), 1.0)
        self.damper = travel(self.damper, now.get("damper", asked_damper), seconds, DAMPER_STROKE)
        self.valve = travel(self.valve, now.get("valve", 100.0 * heating), seconds, VALVE_STROKE)
        flow = self.damper / 100.0 * self.largest_flow * share
        supply = site.supply_temperature.get(self.air_handler, 14.0)
        rise = self.valve / 100.0 * REHEAT_RISE * site.hot_water / DESIGN_HOT_WATER
        self.discharge = approach(self.discharge, supply + rise, seconds, 30.0)
        gains = self.equipment_gain + PERSON * someone if someone else 0.3 * self.equipment_gain
        self.zone = self.zone.after(
            seconds,
            outside=site.outdoor_temperature,
            supply=self.discharge,
            flow=flow / LITRES,
            gains=gains + 0.5 * site.daylight,
        )
        settled_carbon_dioxide = 420.0 + (EXHALED / max(flow, 5.0) if someone else 0.0)
        self.carbon_dioxide = approach(self.carbon_dioxide, settled_carbon_dioxide, seconds, 1200.0)
        self.humidity = approach(self.humidity, 44.0 + 4.0 * someone, seconds, 3600.0)
        site.take_air(self.air_handler, flow / LITRES, self.zone.air)
        site.heating_load += flow / LITRES * AIR_DENSITY * AIR_HEAT_CAPACITY * rise
        return {
            "zone-temperature": self.zone.air,
            "flow": flow,
            "flow-setpoint": flow_setpoint,
            "damper": asked_damper,
            "damper-position": self.damper,
            "valve": 100.0 * heating,
            "discharge-temperature": self.discharge,
            "occupancy": someone,
            "humidity": self.humidity,
            "carbon-dioxide": self.carbon_dioxide,
            "cooling-loop": 100.0 * cooling,
            "heating-loop": 100.0 * heating,
            "effective-setpoint": clamp(self.zone.air, now["heating-setpoint"], now["cooling-setpoint"]),
            "mode": 2 if heating > 0 else 3 if cooling > 0 else 1,
        }
