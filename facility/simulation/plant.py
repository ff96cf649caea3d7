"""Chillers, boilers, domestic hot water and the weather station."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from facility.simulation.physics import approach, clamp
from facility.simulation.rows import NORMAL_ALARM, OFF_ON, ai, ao, bi, bo, msv, sp
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Make, PointSpec, Value

NORDIC = Make(vendor_id=1407, vendor="Norland Plant Controls", model="CPM-200 Plant Manager", firmware="7.4.0")
TINY = Make(vendor_id=1408, vendor="Meteo Works", model="WS-5", firmware="1.1")
CHILLER = 180e3  # W of one chiller
BOILER = 250e3
SECOND_STARTS = 0.8  # of what one can do
EFFICIENCY = 4.5  # coefficient of performance
PUMP = 5.5  # kW
WATER_LAG = 300.0  # s, the water in the pipes
WATER_RISE = 6.0  # K between supply and return at full load


@dataclass(slots=True)
class ChilledWater:
    """Two chillers; the second one helps when one alone is nearly at its end."""

    supply: float = 7.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        able = [now[f"chiller-{number}-enable"] > 0 for number in (1, 2)]
        one_is_enough = site.cooling_load < SECOND_STARTS * CHILLER and able[0]
        runs = [able[0], able[1] and not one_is_enough]
        capacity = CHILLER * sum(runs)
        delivered = min(site.cooling_load, capacity)
        wanted = now["supply-setpoint"] if capacity else 18.0
        overload = 8.0 * (site.cooling_load - delivered) / CHILLER
        self.supply = approach(self.supply, wanted + overload, seconds, WATER_LAG)
        site.chilled_water = self.supply
        load = delivered / capacity if capacity else 0.0
        power = [delivered / EFFICIENCY / 1000.0 / sum(runs) * on if capacity else 0.0 for on in runs]
        site.draw(sum(power) + PUMP * sum(runs), "cooling")
        values: dict[str, Value] = {
            "supply-temperature": self.supply + site.noise(0.02),
            "return-temperature": self.supply + WATER_RISE * load,
            "flow": 8.0 * sum(runs) * 1.2,
            "differential-pressure": 120.0 * min(1.0, sum(runs)),
            "condenser-supply": 27.0 + 3.0 * load,
            "condenser-return": 27.0 + 8.0 * load,
            "tower-fan-speed": 100.0 * clamp(load, 0.2, 1.0) if capacity else 0.0,
            "plant-mode": 1 + sum(runs),
        }
        for number, (on, drawn) in enumerate(zip(runs, power, strict=True), 1):
            values |= {
                f"chiller-{number}-status": on,
                f"chiller-{number}-power": drawn,
                f"chiller-{number}-load": 100.0 * load * on,
                f"pump-{number}-status": on,
            }
        return values


@dataclass(slots=True)
class HotWater:
    """Two boilers on one header, run like the chillers."""

    supply: float = 65.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        able = [now[f"boiler-{number}-enable"] > 0 for number in (1, 2)]
        one_is_enough = site.heating_load < SECOND_STARTS * BOILER and able[0]
        runs = [able[0], able[1] and not one_is_enough]
        capacity = BOILER * sum(runs)
        delivered = min(site.heating_load, capacity)
        wanted = now["supply-setpoint"] if capacity else 25.0
        shortage = 15.0 * (site.heating_load - delivered) / BOILER
        self.supply = approach(self.supply, wanted - shortage, seconds, WATER_LAG)
        site.hot_water = self.supply
        load = delivered / capacity if capacity else 0.0
        site.draw(0.5 * PUMP * sum(runs), "heating")
        site.heat = delivered / 1000.0
        values: dict[str, Value] = {
            "supply-temperature": self.supply + site.noise(0.05),
            "return-temperature": self.supply - 2 * WATER_RISE * load,
            "differential-pressure": 90.0 * min(1.0, sum(runs)),
            "header-pressure": 180.0,
        }
        for number, on in enumerate(runs, 1):
            values |= {
                f"boiler-{number}-status": on,
                f"boiler-{number}-firing": 100.0 * load * on,
                f"boiler-{number}-stack": 60.0 + 80.0 * load * on,
                f"pump-{number}-status": on,
            }
        return values


@dataclass(slots=True)
class DomesticHotWater:
    """A store that is charged and drawn from; nothing of it may be set back (Legionella)."""

    store: float = 62.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        self.store = approach(self.store, now["store-setpoint"], seconds, 1800.0)
        draws = 1.0 if 6.0 <= site.hour < 9.0 else 0.4
        return {
            "store": self.store - draws + site.noise(0.05),
            "supply": self.store - 1.0,
            "return": self.store - 5.0 - draws,
            "mixed": 45.0 + site.noise(0.1),
            "pump-status": True,
        }


class Weather:
    """What the weather station on the roof sees."""

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        return {
            "temperature": site.outdoor_temperature,
            "humidity": site.outdoor_humidity,
            "daylight": 100.0 * site.daylight,
            "wind": 3.0 + site.noise(0.3),
            "rain": False,
        }


def plant() -> Iterator[DeviceSpec]:
    yield _device(10011, "Chiller Plant", "Chilled water plant, two chillers", _chilled_water_points(), ChilledWater())
    yield _device(10012, "Boiler Plant", "Heating hot water plant, two boilers", _hot_water_points(), HotWater())
    yield _device(10013, "Domestic Hot Water", "Domestic hot water, hospital", _domestic_points(), DomesticHotWater())


def weather() -> DeviceSpec:
    return DeviceSpec(
        instance=10010,
        name="Weather Station",
        description="Weather station on the roof",
        make=TINY,
        points=(
            ai("temperature", "WX.OAT", "C", 12.0, "Outside air temperature", -40.0, 60.0),
            ai("humidity", "WX.OAH", "%RH", 65.0, "Outside air relative humidity", 0.0, 100.0),
            ai("daylight", "WX.LUX", "lx", 0.0, "Outside illuminance", 0.0, 120000.0),
            ai("wind", "WX.WIND", "m/s", 3.0, "Wind speed", 0.0, 60.0),
            bi("rain", "WX.RAIN", ("Dry", "Rain"), "Rain detector"),
        ),
        equipment=Weather(),
    )


def _device(
    instance: int,
    name: str,
    description: str,
    points: Iterator[PointSpec],
    equipment: ChilledWater | HotWater | DomesticHotWater,
) -> DeviceSpec:
    return DeviceSpec(
        instance=instance,
        name=name,
        description=description,
        make=NORDIC,
        points=tuple(points),
        equipment=equipment,
    )


def _chilled_water_points() -> Iterator[PointSpec]:
    yield ai("supply-temperature", "CHW.CHWS-T", "C", 7.0, "Chilled water supply temperature", 0.0, 40.0)
    yield sp("supply-setpoint", "CHW.CHWS-SP", "C", 7.0, 5.0, 13.0, "Chilled water supply temperature setpoint")
    yield ai("return-temperature", "CHW.CHWR-T", "C", 12.0, "Chilled water return temperature", 0.0, 40.0)
    yield ai("flow", "CHW.CHW-FLOW", "l/s", 9.6, "Chilled water flow", 0.0, 60.0)
    yield ai("differential-pressure", "CHW.CHW-DP", "kPa", 120.0, "Chilled water differential pressure", 0.0, 400.0)
    yield ai("condenser-supply", "CHW.CWS-T", "C", 27.0, "Condenser water supply temperature", 0.0, 60.0)
    yield ai("condenser-return", "CHW.CWR-T", "C", 32.0, "Condenser water return temperature", 0.0, 60.0)
    yield ao("tower-fan-speed", "CHW.CT1.FAN-SPD", "%", 40.0, "Cooling tower 1 fan speed command")
    yield msv("plant-mode", "CHW.MODE", ("Off", "One chiller", "Two chillers"), 2, "Chilled water plant mode")
    for number in (1, 2):
        chiller = f"CHW.CH{number}"
        yield bo(f"chiller-{number}-enable", f"{chiller}.ENA", OFF_ON, f"Chiller {number} enable command", value=True)
        yield bi(f"chiller-{number}-status", f"{chiller}.STS", OFF_ON, f"Chiller {number} status")
        yield ai(f"chiller-{number}-power", f"{chiller}.KW", "kW", 0.0, f"Chiller {number} power", 0.0, 100.0)
        yield ai(f"chiller-{number}-load", f"{chiller}.LOAD", "%", 0.0, f"Chiller {number} load", 0.0, 110.0)
        yield bi(f"chiller-{number}-alarm", f"{chiller}.ALM", NORMAL_ALARM, f"Chiller {number} common alarm")
        yield bo(
            f"pump-{number}-command", f"CHW.CHWP{number}.C", OFF_ON, f"Chilled water pump {number} command", value=True
        )
        yield bi(f"pump-{number}-status", f"CHW.CHWP{number}.S", OFF_ON, f"Chilled water pump {number} status")
        yield bi(
            f"pump-{number}-alarm", f"CHW.CHWP{number}.ALM", NORMAL_ALARM, f"Chilled water pump {number} drive fault"
        )


def _hot_water_points() -> Iterator[PointSpec]:
    yield ai("supply-temperature", "HW.HWS-T", "C", 65.0, "Heating hot water supply temperature", 0.0, 110.0)
    yield sp("supply-setpoint", "HW.HWS-SP", "C", 65.0, 45.0, 82.0, "Heating hot water supply temperature setpoint")
    yield ai("return-temperature", "HW.HWR-T", "C", 55.0, "Heating hot water return temperature", 0.0, 110.0)
    yield ai("differential-pressure", "HW.HW-DP", "kPa", 90.0, "Heating hot water differential pressure", 0.0, 400.0)
    yield ai("header-pressure", "HW.HEADER-P", "kPa", 180.0, "Heating hot water system pressure", 0.0, 600.0)
    for number in (1, 2):
        boiler = f"HW.B{number}"
        yield bo(f"boiler-{number}-enable", f"{boiler}.ENA", OFF_ON, f"Boiler {number} enable command", value=True)
        yield bi(f"boiler-{number}-status", f"{boiler}.STS", OFF_ON, f"Boiler {number} status")
        yield ai(f"boiler-{number}-firing", f"{boiler}.FIRE", "%", 0.0, f"Boiler {number} firing rate", 0.0, 100.0)
        yield ai(
            f"boiler-{number}-stack", f"{boiler}.STACK-T", "C", 60.0, f"Boiler {number} stack temperature", 0.0, 400.0
        )
        yield bi(f"boiler-{number}-alarm", f"{boiler}.ALM", NORMAL_ALARM, f"Boiler {number} common alarm")
        yield bo(f"pump-{number}-command", f"HW.HWP{number}.C", OFF_ON, f"Hot water pump {number} command", value=True)
        yield bi(f"pump-{number}-status", f"HW.HWP{number}.S", OFF_ON, f"Hot water pump {number} status")


def _domestic_points() -> Iterator[PointSpec]:
    yield ai("store", "DHW.TANK-T", "C", 62.0, "Domestic hot water storage temperature", 0.0, 100.0)
    yield sp("store-setpoint", "DHW.TANK-SP", "C", 62.0, 55.0, 70.0, "Domestic hot water storage temperature setpoint")
    yield ai("supply", "DHW.DHWS-T", "C", 61.0, "Domestic hot water supply temperature", 0.0, 100.0)
    yield ai("return", "DHW.DHWR-T", "C", 56.0, "Domestic hot water return temperature", 0.0, 100.0)
    yield ai("mixed", "DHW.MIX-T", "C", 45.0, "Domestic hot water mixed temperature at the outlets", 0.0, 100.0)
    yield bi("pump-status", "DHW.RP-S", OFF_ON, "Domestic hot water recirculation pump status", value=True)
    yield bi("leak", "DHW.LEAK-A", NORMAL_ALARM, "Domestic hot water leak alarm")
