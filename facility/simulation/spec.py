"""How a simulated device is described: its make, its points, and the equipment that moves them.

Everything here is data. A point's `role` is the word the equipment uses for it; its `name` is
what the vendor wrote on it. Only the latter is visible on the network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Protocol

from facility.simulation.site import Site
from points.schedule_objects import Dates, Day, Scalar, SpecialEvent

Value = float | int | bool


class Kind(StrEnum):
    """The object types this hospital is made of (BACnet names)."""

    AI = "analog-input"
    AO = "analog-output"
    AV = "analog-value"
    BI = "binary-input"
    BO = "binary-output"
    BV = "binary-value"
    MSI = "multi-state-input"
    MSV = "multi-state-value"
    LO = "lighting-output"
    COUNTER = "transfer-counter"  # a vendor's own object type, see `proprietary`


COMMANDABLE = frozenset({Kind.AO, Kind.BO, Kind.LO})
"""Always have a priority array; AV, BV and MSV have one if the point says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """One object of a device."""

    kind: Kind
    role: str
    name: str
    description: str = ""
    unit: str = ""
    value: Value = 0.0  # at start; of a commandable object also its relinquish default
    states: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    cov_increment: float | None = None
    resolution: float | None = None  # what the sensor can tell apart
    commandable: bool = False
    faulty: bool = False  # the sensor is broken: NaN, reliability no-sensor
    egress_seconds: int = 0  # of a dimmer: how long it warns before it goes off; 0: it has no blink warning


class Quirk(Enum):
    """In which way a device is awkward."""

    NO_READ_MULTIPLE = "rejects ReadPropertyMultiple"
    SMALL_APDU = "480-octet APDU, no segmentation"
    FEW_SUBSCRIPTIONS = "refuses the sixth COV subscription"


class Equipment(Protocol):
    """What moves a device's points."""

    def step(self, seconds: float, now: Mapping[str, float], site: Site) -> Mapping[str, Value]:
        """Lives on for `seconds`; `now` are the effective values of the commandable points by role.

        Returns the new values of points by role. A value for a commandable output is what the
        device's own controller asks for, at priority 16: anyone above it wins.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Make:
    """Who built a device."""

    vendor_id: int
    vendor: str
    model: str
    firmware: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSpec:
    """A schedule of the device's own."""

    name: str
    description: str
    commands: tuple[str, ...]  # roles
    week: tuple[Day, ...]  # Monday first
    exceptions: tuple[SpecialEvent, ...] = ()
    default: Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSpec:
    """A calendar of the device's own, for its schedules."""

    name: str
    description: str
    dates: tuple[Dates, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpec:
    """One device on the virtual network."""

    instance: int
    name: str
    description: str
    make: Make
    points: tuple[PointSpec, ...]
    equipment: Equipment
    quirks: frozenset[Quirk] = field(default_factory=frozenset)
    timers: tuple[ScheduleSpec | CalendarSpec, ...] = ()
