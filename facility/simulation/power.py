"""Electricity: the main meter, and what carries on when the utility does not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from facility.simulation.rows import NORMAL_ALARM, OFF_ON, ai, av, bi, msi
from facility.simulation.site import Site
from facility.simulation.spec import DeviceSpec, Kind, Make, PointSpec, Quirk, Value

WATT = Make(vendor_id=1414, vendor="Wattline", model="PM-8240", firmware="3.4.0")
STANDBY = Make(vendor_id=1412, vendor="Everstand Power", model="DSE-8610", firmware="8.2")
OTHER_LOADS = 140.0  # kW the rest of the hospital draws by night
DAY_LOADS = 90.0  # and by day on top
POWER_FACTOR = 0.94
LINE_VOLTAGE = 400.0
HAZARD_ALARM = 5.0  # mA of total hazard current


class Meter:
    """Adds up what runs. The last piece of equipment of every step."""

    def __init__(self) -> None:
        self._energy = 1_204_350.0  # kWh
        self._peak = 0.0

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        site.draw(OTHER_LOADS + (0.0 if site.night else DAY_LOADS))
        power = site.power
        self._energy += power * seconds / 3600.0
        self._peak = max(self._peak, power)
        current = power * 1000.0 / (math.sqrt(3.0) * LINE_VOLTAGE * POWER_FACTOR)
        values: dict[str, Value] = {
            "power": power,
            "energy": self._energy,
            "peak": self._peak,
            "apparent": power / POWER_FACTOR,
            "power-factor": POWER_FACTOR + site.noise(0.002),
            "frequency": 50.0 + site.noise(0.01),
        }
        for phase, share in (("a", 1.02), ("b", 0.99), ("c", 0.99)):
            values |= {
                f"power-{phase}": share * power / 3.0,
                f"current-{phase}": share * current,
                f"voltage-{phase}": LINE_VOLTAGE / math.sqrt(3.0) + site.noise(0.2),
            }
        return values


@dataclass(slots=True)
class Standby:
    """Things that stand ready: readings that waver a little around a usual value."""

    usual: Mapping[str, tuple[float, float]]  # role -> value, noise

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        return {role: value + site.noise(noise) for role, (value, noise) in self.usual.items()}


@dataclass(slots=True)
class Isolation:
    """Line isolation monitors: hazard current of each isolated panel, alarm at 5 mA."""

    panels: int

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for panel in range(1, self.panels + 1):
            current = 1.4 + 0.3 * panel + site.noise(0.02)
            values |= {f"{panel}/current": current, f"{panel}/alarm": current >= HAZARD_ALARM}
        return values


GENERATOR_SIGNALS = (
    ("RUN", "running", OFF_ON),
    ("NOT-AUTO", "not in auto", NORMAL_ALARM),
    ("OVERCRANK", "overcrank", NORMAL_ALARM),
    ("OVERSPEED", "overspeed", NORMAL_ALARM),
    ("LO-OIL", "low oil pressure", NORMAL_ALARM),
    ("HI-TEMP", "high coolant temperature", NORMAL_ALARM),
    ("LO-COOL", "low coolant level", NORMAL_ALARM),
    ("LO-FUEL", "low fuel", NORMAL_ALARM),
    ("CHG-FAIL", "battery charger failure", NORMAL_ALARM),
    ("EPS-LOAD", "supplying load", OFF_ON),
    ("E-STOP", "emergency stop", NORMAL_ALARM),
)


def electricity_meter() -> DeviceSpec:
    return DeviceSpec(
        instance=10031,
        name="Main Electricity Meter",
        description="Electricity meter of the main incoming supply",
        make=WATT,
        points=tuple(_meter_points()),
        equipment=Meter(),
        quirks=frozenset({Quirk.FEW_SUBSCRIPTIONS}),
    )


def standby_power() -> Iterator[DeviceSpec]:
    yield _standby(
        10032,
        "Emergency Generator 1",
        "Emergency generator, 800 kW diesel",
        _generator_points(),
        {"fuel": (87.0, 0.0), "battery": (26.8, 0.05), "coolant": (42.0, 0.05)},
    )
    yield _standby(
        10033,
        "Transfer Switch ATS-1",
        "Automatic transfer switch, life safety branch",
        _transfer_points(),
        {"voltage": (230.0, 0.2), "frequency": (50.0, 0.01)},
    )
    yield _standby(
        10034,
        "UPS-1",
        "Uninterruptible power supply, surgery and data room",
        _ups_points(),
        {
            "charge": (100.0, 0.0),
            "runtime": (34.0, 0.0),
            "load": (41.0, 0.3),
            "input": (230.0, 0.3),
            "battery": (25.0, 0.02),
        },
    )
    yield DeviceSpec(
        instance=10035,
        name="Line Isolation Monitors Surgery",
        description="Line isolation monitors of the isolated power panels, operating rooms 1 to 4",
        make=STANDBY,
        points=tuple(_isolation_points(4)),
        equipment=Isolation(4),
    )


def _standby(
    instance: int, name: str, description: str, points: Iterator[PointSpec], usual: Mapping[str, tuple[float, float]]
) -> DeviceSpec:
    return DeviceSpec(
        instance=instance,
        name=name,
        description=description,
        make=STANDBY,
        points=tuple(points),
        equipment=Standby(usual),
    )


def _meter_points() -> Iterator[PointSpec]:
    yield ai("power", "Main kW Total", "kW", 250.0, "Main incomer total active power", 0.0, 2000.0)
    yield ai("energy", "Main kWh", "kWh", 1_204_350.0, "Main incomer active energy")
    yield av("peak", "Main kW Peak", "kW", 250.0, "Main incomer peak demand")
    yield ai("apparent", "Main kVA Total", "kVA", 265.0, "Main incomer total apparent power", 0.0, 2500.0)
    yield ai("power-factor", "Main PF", "pf", POWER_FACTOR, "Main incomer power factor", 0.0, 1.0)
    yield ai("frequency", "Main Hz", "Hz", 50.0, "Main incomer frequency", 40.0, 70.0)
    for phase in "abc":
        yield ai(f"power-{phase}", f"Main kW Phase {phase.upper()}", "kW", 83.0, f"Active power phase {phase.upper()}")
        yield ai(f"current-{phase}", f"Main Amps {phase.upper()}", "A", 380.0, f"Current phase {phase.upper()}")
        yield ai(f"voltage-{phase}", f"Main Volts {phase.upper()}-N", "V", 231.0, f"Voltage phase {phase.upper()}")


def _generator_points() -> Iterator[PointSpec]:
    for code, text, states in GENERATOR_SIGNALS:
        yield bi(f"signal/{code}", f"GEN1.{code}", states, f"Emergency generator 1 {text}")
    yield ai("fuel", "GEN1.FUEL", "%", 87.0, "Emergency generator 1 fuel level", 0.0, 100.0)
    yield ai("battery", "GEN1.BATT-V", "V", 26.8, "Emergency generator 1 starting battery voltage", 0.0, 40.0)
    yield ai("coolant", "GEN1.COOL-T", "C", 42.0, "Emergency generator 1 coolant temperature", -20.0, 130.0)
    yield ai("power", "GEN1.KW", "kW", 0.0, "Emergency generator 1 power", 0.0, 900.0)
    yield av("hours", "GEN1.HOURS", "h", 412.3, "Emergency generator 1 engine hours")


def _transfer_points() -> Iterator[PointSpec]:
    yield msi("position", "ATS1.POS", ("Normal", "Emergency", "Between"), 1, "Transfer switch 1 position")
    yield bi("normal", "ATS1.NORM-AVAIL", ("Not available", "Available"), "Transfer switch 1 normal source", value=True)
    yield bi("emergency", "ATS1.EMER-AVAIL", ("Not available", "Available"), "Transfer switch 1 emergency source")
    yield bi("inhibit", "ATS1.INHIBIT", NORMAL_ALARM, "Transfer switch 1 transfer inhibited")
    yield ai("voltage", "ATS1.VOLTS", "V", 230.0, "Transfer switch 1 load voltage", 0.0, 500.0)
    yield ai("frequency", "ATS1.HZ", "Hz", 50.0, "Transfer switch 1 load frequency", 0.0, 70.0)
    yield PointSpec(
        kind=Kind.COUNTER, role="transfers", name="ATS1.TRANSFERS", description="Transfer switch 1 transfers", value=17
    )


def _ups_points() -> Iterator[PointSpec]:
    yield msi("state", "UPS1.STATE", ("Online", "On battery", "Bypass", "Fault"), 1, "UPS 1 operating state")
    yield bi("on-battery", "UPS1.ON-BATT", NORMAL_ALARM, "UPS 1 on battery")
    yield bi("low-battery", "UPS1.LO-BATT", NORMAL_ALARM, "UPS 1 battery low")
    yield bi("fault", "UPS1.FAULT", NORMAL_ALARM, "UPS 1 general fault")
    yield ai("charge", "UPS1.CHARGE", "%", 100.0, "UPS 1 battery charge", 0.0, 100.0)
    yield ai("runtime", "UPS1.RUNTIME", "min", 34.0, "UPS 1 battery run time remaining", 0.0, 600.0)
    yield ai("load", "UPS1.LOAD", "%", 41.0, "UPS 1 load", 0.0, 150.0)
    yield ai("input", "UPS1.IN-V", "V", 230.0, "UPS 1 input voltage", 0.0, 500.0)
    yield ai("battery", "UPS1.BATT-T", "C", 25.0, "UPS 1 battery temperature", -20.0, 80.0)


def _isolation_points(panels: int) -> Iterator[PointSpec]:
    for panel in range(1, panels + 1):
        where = f"Operating room {panel} isolated power"
        yield ai(f"{panel}/current", f"LIM-{panel}.THC", "mA", 1.8, f"{where} total hazard current", 0.0, 20.0)
        yield bi(f"{panel}/alarm", f"LIM-{panel}.ALM", NORMAL_ALARM, f"{where} line isolation monitor alarm")
        yield bi(f"{panel}/mute", f"LIM-{panel}.MUTE", OFF_ON, f"{where} line isolation monitor muted")
