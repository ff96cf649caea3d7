"""The four air handlers: mixing, coils, fans, filters, and their own control (dotted names)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from facility.simulation.physics import (
    AIR_DENSITY,
    AIR_HEAT_CAPACITY,
    approach,
    clamp,
    coil,
    coil_valve,
    fan_power,
    travel,
)
from facility.simulation.rows import CLOSED_OPEN, NORMAL_ALARM, OFF_ON, ai, ao, av, bi, bo, msv, sp
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Make, PointSpec, Value

HALVOR = Make(vendor_id=1406, vendor="Halvor Technologies", model="PXC-36 AHU Controller", firmware="4.10.1.91")
VALVE_STROKE = 75.0  # s
FAN_RAMP = 60.0
SENSOR_LAG = 30.0
FILTER = 90.0  # Pa at design flow, half loaded
LITRES = 1000.0


@dataclass(slots=True, kw_only=True)
class AirHandler:
    """Delivers what its rooms take, at its supply temperature setpoint."""

    name: str
    design_flow: float  # m3/s
    rated_fan: float  # kW
    least_outdoor_air: float  # share
    speed: float = 70.0  # percent
    cooling: float = 20.0
    heating: float = 0.0
    outdoor_damper: float = 30.0
    supply: float = 13.0
    mixed: float = 18.0
    returned: float = 22.0
    duct_pressure: float = 250.0
    hours: float = 21600.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        flow, room_air = site.air_of(self.name)
        running = now["fan-command"] > 0.0
        load = clamp(flow / self.design_flow, 0.0, 1.0)
        asked_speed = (30.0 + 65.0 * load) * math.sqrt(now["duct-pressure-setpoint"] / 250.0) if running else 0.0
        self.speed = travel(self.speed, now["fan-speed"] if running else 0.0, seconds, FAN_RAMP)
        if site.broken(f"{self.name}/fan"):
            self.speed = 0.0
        site.fan_speed[self.name] = self.speed
        site.draw(1.5 * fan_power(self.speed, self.rated_fan), "air handling")  # the return fan takes half as much
        self.hours += seconds / 3600.0 * running
        reached = now["duct-pressure-setpoint"] * (self.speed / asked_speed) ** 2 if asked_speed else 0.0
        self.duct_pressure = approach(self.duct_pressure, min(reached, 800.0), seconds, 10.0)

        wanted = now["supply-temperature-setpoint"]
        outdoor = site.outdoor_temperature
        asked_outdoor = 100.0 * self._economy(outdoor, room_air, wanted) if running else 0.0
        self.outdoor_damper = travel(self.outdoor_damper, now["outdoor-damper"], seconds, VALVE_STROKE)
        share = self.outdoor_damper / 100.0
        self.returned = approach(self.returned, room_air, seconds, SENSOR_LAG)
        self.mixed = approach(self.mixed, share * outdoor + (1 - share) * room_air, seconds, SENSOR_LAG)
        asked_cooling = coil_valve(self.mixed, wanted, site.chilled_water) if self.mixed > wanted and running else 0.0
        asked_heating = coil_valve(self.mixed, wanted, site.hot_water) if self.mixed < wanted and running else 0.0
        self.cooling = travel(self.cooling, now["cooling-valve"], seconds, VALVE_STROKE)
        self.heating = travel(self.heating, now["heating-valve"], seconds, VALVE_STROKE)
        cooled = coil(self.mixed, site.chilled_water, self.cooling)
        warmed = coil(cooled, site.hot_water, self.heating)
        self.supply = approach(self.supply, warmed if self.speed > 0.0 else room_air, seconds, SENSOR_LAG)
        site.supply_temperature[self.name] = self.supply
        heat_rate = flow * AIR_DENSITY * AIR_HEAT_CAPACITY
        site.cooling_load += max(0.0, heat_rate * (self.mixed - cooled))
        site.heating_load += max(0.0, heat_rate * (warmed - cooled))
        turning = self.speed > 5.0
        return {
            "supply-temperature": self.supply + site.noise(0.03),
            "return-temperature": self.returned,
            "mixed-temperature": self.mixed,
            "outdoor-temperature": outdoor,
            "return-humidity": 44.0,
            "supply-humidity": clamp(44.0 + 3.0 * (self.returned - self.supply), 30.0, 95.0),
            "carbon-dioxide": 620.0,
            "duct-pressure": self.duct_pressure + site.noise(0.5),
            "supply-flow": flow * LITRES,
            "outdoor-flow": flow * share * LITRES,
            "fan-status": turning,
            "fan-speed": min(asked_speed, 100.0),
            "return-fan-status": turning,
            "return-fan-speed": 0.9 * min(asked_speed, 100.0),
            "fan-power": fan_power(self.speed, self.rated_fan),
            "fan-hours": self.hours,
            "outdoor-damper": asked_outdoor,
            "return-damper": 100.0 - asked_outdoor,
            "cooling-valve": asked_cooling,
            "heating-valve": asked_heating,
            "prefilter": FILTER * load**2 + 20.0,
            "final-filter": 1.4 * FILTER * load**2 + 60.0,
            "mode": 1 if not running else 3 if asked_heating > 0 else 4 if asked_outdoor > 50.0 else 2,
        }

    def _economy(self, outdoor: float, room_air: float, wanted: float) -> float:
        """Free cooling: as much outdoor air as brings the mixture to the setpoint."""
        if outdoor >= room_air:
            return self.least_outdoor_air
        return clamp((room_air - wanted) / (room_air - outdoor), self.least_outdoor_air, 1.0)


def air_handlers() -> Iterator[DeviceSpec]:
    yield _device(
        1, "offices, floor 2", AirHandler(name="AHU-1", design_flow=1.6, rated_fan=7.5, least_outdoor_air=0.2)
    )
    yield _device(
        2,
        "patient floors and corridors",
        AirHandler(name="AHU-2", design_flow=3.0, rated_fan=15.0, least_outdoor_air=0.35),
    )
    yield _device(
        3,
        "intensive care, isolation and pharmacy",
        AirHandler(name="AHU-3", design_flow=3.5, rated_fan=15.0, least_outdoor_air=0.5),
    )
    yield _device(
        4,
        "operating rooms and sterile storage",
        AirHandler(name="AHU-4", design_flow=3.6, rated_fan=18.5, least_outdoor_air=0.4),
    )


def _device(number: int, serves: str, equipment: AirHandler) -> DeviceSpec:
    return DeviceSpec(
        instance=10000 + number,
        name=equipment.name,
        description=f"Air handling unit {number}, serves {serves}",
        make=HALVOR,
        points=tuple(_points(f"{equipment.name}.")),
        equipment=equipment,
    )


def _points(ahu: str) -> Iterator[PointSpec]:
    yield ai("supply-temperature", f"{ahu}SAT", "C", 13.0, "Supply air temperature", -20.0, 60.0)
    yield sp("supply-temperature-setpoint", f"{ahu}SAT-SP", "C", 13.0, 10.0, 20.0, "Supply air temperature setpoint")
    yield ai("return-temperature", f"{ahu}RAT", "C", 22.0, "Return air temperature", -20.0, 60.0)
    yield ai("mixed-temperature", f"{ahu}MAT", "C", 18.0, "Mixed air temperature", -20.0, 60.0)
    yield ai("outdoor-temperature", f"{ahu}OAT", "C", 12.0, "Outside air temperature", -40.0, 60.0)
    yield ai("return-humidity", f"{ahu}RAH", "%RH", 44.0, "Return air relative humidity", 0.0, 100.0)
    yield ai("supply-humidity", f"{ahu}SAH", "%RH", 70.0, "Supply air relative humidity", 0.0, 100.0)
    yield ai("carbon-dioxide", f"{ahu}RA-CO2", "ppm", 620.0, "Return air carbon dioxide", 0.0, 5000.0)
    yield ai("duct-pressure", f"{ahu}DSP", "Pa", 250.0, "Supply duct static pressure", 0.0, 1000.0)
    yield sp("duct-pressure-setpoint", f"{ahu}DSP-SP", "Pa", 250.0, 50.0, 400.0, "Supply duct static pressure setpoint")
    yield ai("supply-flow", f"{ahu}SA-FLOW", "l/s", 1000.0, "Supply airflow", 0.0, 8000.0)
    yield ai("outdoor-flow", f"{ahu}OA-FLOW", "l/s", 300.0, "Outside airflow", 0.0, 8000.0)
    yield bo("fan-command", f"{ahu}SF-C", OFF_ON, "Supply fan start/stop command", value=True)
    yield bi("fan-status", f"{ahu}SF-S", OFF_ON, "Supply fan status", value=True)
    yield ao("fan-speed", f"{ahu}SF-SPD", "%", 70.0, "Supply fan speed command")
    yield bo("return-fan-command", f"{ahu}RF-C", OFF_ON, "Return fan start/stop command", value=True)
    yield bi("return-fan-status", f"{ahu}RF-S", OFF_ON, "Return fan status", value=True)
    yield ao("return-fan-speed", f"{ahu}RF-SPD", "%", 63.0, "Return fan speed command")
    yield ai("fan-power", f"{ahu}SF-KW", "kW", 3.0, "Supply fan power", 0.0, 50.0)
    yield av("fan-hours", f"{ahu}SF-RUNTIME", "h", 21600.0, "Supply fan run time")
    yield ao("outdoor-damper", f"{ahu}OAD", "%", 30.0, "Outside air damper command")
    yield ao("return-damper", f"{ahu}RAD", "%", 70.0, "Return air damper command")
    yield ao("cooling-valve", f"{ahu}CCV", "%", 20.0, "Chilled water cooling coil valve command")
    yield ao("heating-valve", f"{ahu}HCV", "%", 0.0, "Hot water heating coil valve command")
    yield ai("prefilter", f"{ahu}PF-DP", "Pa", 60.0, "Prefilter differential pressure", 0.0, 500.0)
    yield ai("final-filter", f"{ahu}FF-DP", "Pa", 120.0, "Final filter differential pressure", 0.0, 1000.0)
    yield bi("smoke", f"{ahu}SMOKE-A", NORMAL_ALARM, "Supply duct smoke detector alarm")
    yield bi("freeze", f"{ahu}FREEZE-A", NORMAL_ALARM, "Freezestat alarm")
    yield bi("high-static", f"{ahu}HSP-A", NORMAL_ALARM, "Supply duct high static pressure alarm")
    yield bi("filter-alarm", f"{ahu}FILT-A", NORMAL_ALARM, "Filter alarm")
    yield bi("access", f"{ahu}DOOR-S", CLOSED_OPEN, "Access door status")
    yield msv("mode", f"{ahu}MODE", ("Off", "Cooling", "Heating", "Economizer"), 2, "Operating mode")
