"""The laws the pretend building obeys: pure functions, SI units, temperatures in Celsius.

Deliberately simple and stable at a step of one second; each has a known answer in the tests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

AIR_DENSITY = 1.2  # kg/m3 at room conditions
AIR_HEAT_CAPACITY = 1006.0  # J/(kg K)
FLOW_COEFFICIENT = 0.83  # m3/s through 1 m2 of leakage at 1 Pa

CLOSED_SINGLE_DOOR = 0.04  # m2 of leakage
CLOSED_DOUBLE_DOOR = 0.07
OPEN_DOOR = 2.0


def leakage(pressure: float, area: float) -> float:
    """Air that leaves a room through its cracks, in m3/s; negative where it enters."""
    return math.copysign(FLOW_COEFFICIENT * area * math.sqrt(abs(pressure)), pressure)


def room_pressure(supply: float, extract: float, area: float) -> float:
    """The pressure (Pa, room minus corridor) at which the leakage carries the flow offset (m3/s).

    Quasi-static: the stiffness of the air settles within a tenth of a second.
    """
    offset = supply - extract
    return math.copysign((offset / (FLOW_COEFFICIENT * area)) ** 2, offset)


def approach(value: float, target: float, seconds: float, time_constant: float) -> float:
    """First-order lag, exact for any step."""
    return target + (value - target) * math.exp(-seconds / time_constant)


def travel(position: float, target: float, seconds: float, full_stroke: float) -> float:
    """An actuator on its way: 0-100 percent in `full_stroke` seconds."""
    reach = 100.0 * seconds / full_stroke
    return position + clamp(target - position, -reach, reach)


def clamp(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def coil(entering: float, water: float, valve: float, effectiveness: float = 0.7) -> float:
    """Air temperature behind a coil with its valve at `valve` percent."""
    return entering - valve / 100.0 * effectiveness * (entering - water)


def coil_valve(entering: float, wanted: float, water: float, effectiveness: float = 0.7) -> float:
    """The valve position (percent) at which `coil` gives the wanted temperature, as far as it can."""
    reach = effectiveness * (entering - water)
    if abs(reach) < 0.1:
        return 0.0
    return clamp(100.0 * (entering - wanted) / reach, 0.0, 100.0)


def fan_power(speed: float, rated: float) -> float:
    """Affinity law: kW at `speed` percent of a fan of `rated` kW."""
    return rated * (speed / 100.0) ** 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A room as two heat stores: its air with what is light in it, and its structure (2R2C)."""

    air: float = 21.5
    mass: float = 21.5
    air_capacity: float = 4e5  # J/K
    mass_capacity: float = 6e6
    air_to_outside: float = 0.05  # K/W
    air_to_mass: float = 0.005
    mass_to_outside: float = 0.02

    def after(self, seconds: float, *, outside: float, supply: float, flow: float, gains: float) -> Zone:
        """`flow` in m3/s at temperature `supply`; `gains` in W."""
        to_mass = (self.air - self.mass) / self.air_to_mass
        heat = (
            (outside - self.air) / self.air_to_outside
            - to_mass
            + flow * AIR_DENSITY * AIR_HEAT_CAPACITY * (supply - self.air)
            + gains
        )
        mass_heat = to_mass + (outside - self.mass) / self.mass_to_outside
        return Zone(  # not `replace`, which takes five times as long: this is done for every room in every step
            air=self.air + heat / self.air_capacity * seconds,
            mass=self.mass + mass_heat / self.mass_capacity * seconds,
            air_capacity=self.air_capacity,
            mass_capacity=self.mass_capacity,
            air_to_outside=self.air_to_outside,
            air_to_mass=self.air_to_mass,
            mass_to_outside=self.mass_to_outside,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdBox:
    """A refrigerator or freezer with hysteresis control."""

    temperature: float
    start_above: float
    stop_below: float
    cooling: bool = False
    capacity: float = 1.2e5  # J/K
    loss: float = 2.5  # W/K
    power: float = 250.0  # W of cooling
    door_loss: float = 150.0 / 18.0  # W/K more while the door is open: 150 W into a box at 4 C from a room at 22 C

    def after(self, seconds: float, *, ambient: float, door_open: bool, powered: bool = True) -> ColdBox:
        if self.temperature >= self.start_above:
            cooling = True
        elif self.temperature <= self.stop_below:
            cooling = False
        else:
            cooling = self.cooling
        cooling = cooling and powered
        loss = self.loss + self.door_loss * door_open
        # Exact for constant cooling: towards the temperature at which the losses carry it, never above the room's.
        settled = ambient - self.power * cooling / loss
        temperature = approach(self.temperature, settled, seconds, self.capacity / loss)
        return replace(self, temperature=temperature, cooling=cooling)
