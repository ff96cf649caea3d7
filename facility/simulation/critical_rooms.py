"""Rooms whose pressure keeps a patient safe: the balance of supply, extract, cracks and doors.

The room's own controller computes what it wants to supply and to extract, and asks for it at priority 16 of its two
flow setpoints. Whoever commands a setpoint from above decides that flow alone: this device, like most, does not keep
the offset between them for anybody. Both valves are fast, as venturi valves of critical rooms are: a setpoint that is
let go of is back in the room within seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from facility.simulation.physics import (
    AIR_DENSITY,
    AIR_HEAT_CAPACITY,
    CLOSED_SINGLE_DOOR,
    OPEN_DOOR,
    Zone,
    approach,
    clamp,
    leakage,
    room_pressure,
    travel,
)
from facility.simulation.site import Site
from facility.simulation.spec import Value

DOOR_SECONDS = 8.0  # one passes
AIR_VALVE_STROKE = 4.0  # s: high-speed actuators of venturi valves; ordinary ones take a minute or more
REHEAT_STROKE = 60.0
REHEAT_RISE = 18.0
PRESSURE_SENSOR = 2.0  # s
LOST_SUPPLY = 0.6  # share of the air that is left when a supply valve fails
SETBACK_SHARE = 0.3  # of the supply: 20 air changes become 6
TEMPERATURE_BAND = 1.0  # K
ALARM_PRESSURE = 2.5  # Pa, the least difference of a critical room
ALARM_DELAY = 60.0  # s
LITRES = 1000.0


def interior(temperature: float) -> Zone:
    """A room inside the building that has been at its temperature for long."""
    return Zone(air=temperature, mass=temperature, air_to_outside=0.5, mass_to_outside=0.2)


@dataclass(slots=True, kw_only=True)
class PressureRoom:
    """A room kept above (or, with a negative setpoint, below) the pressure of its neighbour."""

    name: str  # what scenarios call it
    air_handler: str
    volume: float  # m3
    air_changes: float  # an hour, of supply for a positive and of extract for a negative room
    usual_pressure: float  # Pa
    leak: float = CLOSED_SINGLE_DOOR  # m2 with the doors closed
    doors_per_hour: float = 6.0
    gains: float = 600.0  # W
    humidity: float = 45.0
    busy: bool = True  # somebody is there by day
    zone: Zone = field(default_factory=lambda: interior(20.5))
    supply_valve: float = 80.0  # percent
    extract_valve: float = 80.0
    reheat: float = 20.0
    pressure: float = 0.0
    discharge: float = 14.0
    door_left: float = 0.0  # s until the door closes
    out_of_range: float = 0.0  # s

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        wanted = now.get("pressure-setpoint", self.usual_pressure)
        share = SETBACK_SHARE if now.get("mode", 1.0) == 2.0 else 1.0
        own_supply, own_extract = (float(round(LITRES * flow)) for flow in self.flows(wanted, share))
        supply_setpoint = now.get("supply-flow-setpoint", own_supply) / LITRES
        extract_setpoint = now.get("extract-flow-setpoint", own_extract) / LITRES
        full_supply, full_extract = (1.25 * flow for flow in self.flows(wanted, 1.0))
        asked_supply = clamp(100.0 * supply_setpoint / full_supply, 0.0, 100.0)
        asked_extract = clamp(100.0 * extract_setpoint / full_extract, 0.0, 100.0)
        supply_command, extract_command = now.get("supply-valve", asked_supply), now.get("extract-valve", asked_extract)
        self.supply_valve = travel(self.supply_valve, supply_command, seconds, AIR_VALVE_STROKE)
        self.extract_valve = travel(self.extract_valve, extract_command, seconds, AIR_VALVE_STROKE)
        supply = self.supply_valve / 100.0 * full_supply * site.fan_share(self.air_handler)
        if site.broken(f"{self.name}/supply"):
            supply *= LOST_SUPPLY
        extract = self.extract_valve / 100.0 * full_extract
        door = self._door(seconds, site)
        area = self.leak + (OPEN_DOOR if door else 0.0)
        self.pressure = approach(self.pressure, room_pressure(supply, extract, area), seconds, PRESSURE_SENSOR)
        alarm = self._alarm(seconds, wanted)
        self._climate(seconds, now, site, supply)
        site.take_air(self.air_handler, supply, self.zone.air)
        return {
            "pressure": self.pressure + site.noise(0.1),
            "supply-flow": supply * LITRES,
            "supply-flow-setpoint": own_supply,
            "extract-flow": extract * LITRES,
            "extract-flow-setpoint": own_extract,
            "air-changes": max(supply, extract) * 3600.0 / self.volume,
            "supply-valve": asked_supply,
            "extract-valve": asked_extract,
            "temperature": self.zone.air,
            "humidity": self.humidity + site.noise(0.1),
            "discharge-temperature": self.discharge,
            "reheat-valve": self._asked_reheat(now),
            "door": door,
            "pressure-alarm": alarm,
            "flow-alarm": supply < 0.8 * supply_setpoint,
            "occupancy": self._someone(site),
        }

    def flows(self, wanted: float, share: float) -> tuple[float, float]:
        """Supply and extract (m3/s) whose difference leaks at the wanted pressure."""
        main = self.volume * self.air_changes / 3600.0 * share
        offset = leakage(wanted, self.leak)
        return (main, main - offset) if wanted >= 0 else (main + offset, main)

    def _someone(self, site: Site) -> bool:
        return site.people.get(self.name, self.busy and not site.night)

    def _door(self, seconds: float, site: Site) -> bool:
        self.door_left = max(0.0, self.door_left - seconds)
        if site.people.get(self.name, not site.night) and site.happens(seconds, self.doors_per_hour):
            self.door_left = DOOR_SECONDS
        return self.door_left > 0.0

    def _alarm(self, seconds: float, wanted: float) -> bool:
        """The room's own monitor: the wrong side of the limit for a minute, whatever the door does."""
        limit = min(ALARM_PRESSURE, 0.5 * abs(wanted))
        reached = self.pressure >= limit if wanted >= 0 else self.pressure <= -limit
        self.out_of_range = 0.0 if reached else self.out_of_range + seconds
        return self.out_of_range >= ALARM_DELAY

    def _asked_reheat(self, now: Mapping[str, float]) -> float:
        return 100.0 * clamp(0.5 + (now.get("temperature-setpoint", 20.0) - self.zone.air) / TEMPERATURE_BAND, 0.0, 1.0)

    def _climate(self, seconds: float, now: Mapping[str, float], site: Site, supply: float) -> None:
        self.reheat = travel(self.reheat, now.get("reheat-valve", self._asked_reheat(now)), seconds, REHEAT_STROKE)
        rise = self.reheat / 100.0 * REHEAT_RISE
        entering = site.supply_temperature.get(self.air_handler, 13.0)
        self.discharge = approach(self.discharge, entering + rise, seconds, 30.0)
        gains = self.gains if self._someone(site) else 0.2 * self.gains
        self.zone = self.zone.after(
            seconds, outside=site.outdoor_temperature, supply=self.discharge, flow=supply, gains=gains
        )
        self.humidity = approach(self.humidity, now.get("humidity-setpoint", 45.0), seconds, 1800.0)
        site.heating_load += supply * AIR_DENSITY * AIR_HEAT_CAPACITY * rise
