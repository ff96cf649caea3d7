"""Short ways to write a `PointSpec`: one row of a point list, as an engineer would fill it in."""

from __future__ import annotations

from facility.simulation.spec import Kind, PointSpec

UNITS = {
    "C": "degreesCelsius",
    "Pa": "pascals",
    "%": "percent",
    "%RH": "percentRelativeHumidity",
    "l/s": "litersPerSecond",
    "l/min": "litersPerMinute",
    "kW": "kilowatts",
    "kWh": "kilowattHours",
    "kVA": "kilovoltAmperes",
    "V": "volts",
    "A": "amperes",
    "mA": "milliamperes",
    "Hz": "hertz",
    "rpm": "revolutionsPerMinute",
    "psi": "poundsForcePerSquareInch",
    "kPa": "kilopascals",
    "inHg": "inchesOfMercury",
    "ppm": "partsPerMillion",
    "lx": "luxes",
    "h": "hours",
    "min": "minutes",
    "pf": "powerFactor",
    "m/s": "metersPerSecond",
    "": "noUnits",
}
STEPS = {  # by unit: what a usual sensor can tell apart, and how much is worth a notification
    "C": (0.05, 0.2),
    "Pa": (0.1, 0.5),
    "%": (0.5, 1.0),
    "%RH": (0.2, 1.0),
    "l/s": (1.0, 5.0),
    "l/min": (0.1, 0.5),
    "kW": (0.1, 1.0),
    "kWh": (0.1, 1.0),
    "kVA": (0.1, 1.0),
    "V": (0.5, 2.0),
    "A": (0.5, 2.0),
    "mA": (0.01, 0.1),
    "Hz": (0.01, 0.05),
    "rpm": (5.0, 20.0),
    "psi": (0.1, 0.5),
    "kPa": (0.5, 2.0),
    "inHg": (0.1, 0.5),
    "ppm": (5.0, 25.0),
    "lx": (5.0, 20.0),
    "h": (0.1, 1.0),
    "min": (1.0, 1.0),
    "pf": (0.01, 0.02),
    "m/s": (0.1, 0.5),
    "": (0.1, 1.0),
}
OFF_ON = ("Off", "On")
NORMAL_ALARM = ("Normal", "Alarm")
CLOSED_OPEN = ("Closed", "Open")
VACANT_OCCUPIED = ("Vacant", "Occupied")


def _analog(
    kind: Kind,
    role: str,
    name: str,
    unit: str,
    value: float,
    description: str,
    low: float | None,
    high: float | None,
    *,
    commandable: bool = False,
    faulty: bool = False,
) -> PointSpec:
    resolution, cov_increment = STEPS[unit]
    return PointSpec(
        kind=kind,
        role=role,
        name=name,
        description=description,
        unit=UNITS[unit],
        value=float(value),
        low=low,
        high=high,
        resolution=None if commandable else resolution,  # a setpoint is kept as it was written
        cov_increment=cov_increment,
        commandable=commandable,
        faulty=faulty,
    )


def ai(
    role: str,
    name: str,
    unit: str,
    value: float,
    description: str = "",
    low: float | None = None,
    high: float | None = None,
    *,
    faulty: bool = False,
) -> PointSpec:
    return _analog(Kind.AI, role, name, unit, value, description, low, high, faulty=faulty)


def ao(role: str, name: str, unit: str, value: float, description: str = "") -> PointSpec:
    """Outputs go from 0 to 100 percent here."""
    return _analog(Kind.AO, role, name, unit, value, description, 0.0, 100.0)


def av(role: str, name: str, unit: str, value: float, description: str = "") -> PointSpec:
    """A value the device computes or keeps; to be read only."""
    return _analog(Kind.AV, role, name, unit, value, description, None, None)


def sp(role: str, name: str, unit: str, value: float, low: float, high: float, description: str = "") -> PointSpec:
    """A setpoint: a commandable analog value with limits."""
    return _analog(Kind.AV, role, name, unit, value, description, low, high, commandable=True)


def _binary(
    kind: Kind, role: str, name: str, states: tuple[str, str], description: str, *, value: bool, commandable: bool
) -> PointSpec:
    return PointSpec(
        kind=kind,
        role=role,
        name=name,
        description=description,
        states=states,
        value=value,
        commandable=commandable,
    )


def bi(role: str, name: str, states: tuple[str, str], description: str = "", *, value: bool = False) -> PointSpec:
    return _binary(Kind.BI, role, name, states, description, value=value, commandable=False)


def bo(role: str, name: str, states: tuple[str, str], description: str = "", *, value: bool = False) -> PointSpec:
    return _binary(Kind.BO, role, name, states, description, value=value, commandable=True)


def bv(role: str, name: str, states: tuple[str, str], description: str = "", *, value: bool = False) -> PointSpec:
    """A commandable switch inside a controller."""
    return _binary(Kind.BV, role, name, states, description, value=value, commandable=True)


def msv(
    role: str, name: str, states: tuple[str, ...], value: int = 1, description: str = "", *, commandable: bool = False
) -> PointSpec:
    return PointSpec(
        kind=Kind.MSV,
        role=role,
        name=name,
        description=description,
        states=states,
        value=value,
        commandable=commandable,
    )


def msi(role: str, name: str, states: tuple[str, ...], value: int = 1, description: str = "") -> PointSpec:
    return PointSpec(kind=Kind.MSI, role=role, name=name, description=description, states=states, value=value)


def lo(role: str, name: str, value: float, description: str = "", egress_seconds: int = 0) -> PointSpec:
    """A dimmer: percent of full light."""
    return PointSpec(
        kind=Kind.LO,
        role=role,
        name=name,
        description=description,
        unit=UNITS["%"],
        value=value,
        cov_increment=1.0,
        egress_seconds=egress_seconds,
    )
