"""The equipment of the simulated hospital with its priority arrays, and nothing else: no network, no library.

It can be pickled at any moment, and lives on from there as if nothing had been: whoever reads it may be gone. What it
does is a function of its seed, its steps and the writes, which it keeps in a log as the devices have seen them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from facility.accelerated.timers import OwnTimers
from facility.simulation.inventory import hospital
from facility.simulation.site import Site
from facility.simulation.spec import COMMANDABLE, DeviceSpec, Kind, PointSpec
from points.bacnet.values import shortest
from points.model import Value

LEVELS = 16
OWN = 16  # at which a device's own controller asks
RESERVED = 6  # for minimum on and off times
_ANALOG = frozenset({Kind.AI, Kind.AO, Kind.AV, Kind.LO})
_BINARY = frozenset({Kind.BI, Kind.BO, Kind.BV})


class Refused(Exception):
    """The device does not take the value; `code` is BACnet's word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """A write that has reached a device, as that saw it. `value` None let go."""

    time: datetime
    device: str
    role: str
    value: Value | None
    priority: int


@dataclass(slots=True)
class Output:
    """The priority array of a commandable object."""

    spec: PointSpec
    slots: list[float | None] = field(default_factory=lambda: [None] * LEVELS)

    @property
    def commanded(self) -> bool:
        """Whether somebody else than the device's own controller commands it."""
        return any(value is not None for value in self.slots[: OWN - 1])

    @property
    def effective(self) -> float:
        return next((value for value in self.slots if value is not None), float(self.spec.value))


class Unit:
    """One device: its equipment, and what its objects show."""

    def __init__(self, spec: DeviceSpec) -> None:
        self.spec = spec
        self.points = {point.role: point for point in spec.points}
        self.outputs = {
            point.role: Output(point) for point in spec.points if point.commandable or point.kind in COMMANDABLE
        }
        self.shown: dict[str, Value] = {}  # what the equipment says, unrounded
        self.now = {role: output.effective for role, output in self.outputs.items()}  # what applies of the outputs
        self._timers = OwnTimers(spec.timers)
        self._asks: tuple[str, ...] | None = None  # the outputs that the device's own controller commands
        self._held: set[str] = set()

    def step(self, seconds: float, site: Site) -> None:
        for role, value in self._timers.news(site.now):
            self.outputs[role].slots[OWN - 1] = value
            self.now[role] = self.outputs[role].effective
        values = self.spec.equipment.step(seconds, self.now, site)
        self.shown.update(values)
        if self._asks is None:
            self._asks = tuple(role for role in self.outputs if role in values)
        for role in self._asks:
            asked = self.outputs[role].slots[OWN - 1] = float(values[role])
            if role not in self._held:
                self.now[role] = asked

    def write(self, role: str, value: Value | None, priority: int) -> None:
        """Raises `Refused`, and then nothing has changed."""
        output = self.outputs.get(role)
        if output is None or priority == RESERVED:
            raise Refused("write-access-denied")
        output.slots[priority - 1] = None if value is None else _number(output.spec, value)
        (self._held.add if output.commanded else self._held.discard)(role)
        self.now[role] = output.effective

    def value(self, role: str) -> Value:
        """The present value, as a device of this make shows it."""
        point = self.points[role]
        if point.faulty:
            return math.nan
        if role in self.outputs:
            return typed(point, self.outputs[role].effective)
        value = float(self.shown.get(role, point.value))
        if point.resolution and point.kind in _ANALOG:
            value = round(round(value / point.resolution) * point.resolution, 6)
        return typed(point, value)

    def slots(self, role: str) -> tuple[Value | None, ...]:
        output = self.outputs[role]
        return tuple(None if value is None else typed(output.spec, value) for value in output.slots)


class VirtualHospital:
    """All of it, from an instant on."""

    def __init__(self, start: datetime, zone: ZoneInfo, *, seed: int = 1, devices: Iterable[str] | None = None) -> None:
        """`devices`: only those, by name."""
        self.site = Site(start.astimezone(zone), seed)
        self.zone = zone
        self.instant = start.astimezone(UTC)
        wanted = None if devices is None else set(devices)
        self.units = {spec.name: Unit(spec) for spec in hospital() if wanted is None or spec.name in wanted}
        self.writes: list[Arrived] = []
        self.energy: dict[str, float] = {}  # kWh of electricity by use
        self.heat = 0.0  # kWh that the boilers have delivered

    def step(self, seconds: float) -> None:
        """Lives on for so long, with the commands as they stand."""
        self.site.advance(seconds)
        self.instant += timedelta(seconds=seconds)
        self.site.now = self.instant.astimezone(self.zone)  # people go by the clock on the wall, also where it is set
        for unit in self.units.values():
            unit.step(seconds, self.site)
        hours = seconds / 3600.0
        for use, kilowatts in self.site.drawn.items():
            self.energy[use] = self.energy.get(use, 0.0) + kilowatts * hours
        self.heat += self.site.heat * hours

    def until(self, instant: datetime, step: float) -> None:
        """Lives on until then, in steps of so many seconds, with nobody commanding anything."""
        while (left := (instant - self.instant).total_seconds()) > 0:
            self.step(min(step, left))

    def write(self, device: str, role: str, value: Value | None, priority: int, now: datetime) -> None:
        """A write that has reached the device."""
        self.units[device].write(role, value, priority)
        self.writes.append(Arrived(time=now, device=device, role=role, value=value, priority=priority))


def typed(point: PointSpec, value: float) -> Value:
    """As it comes over the network: a REAL, a state's number, or a switch."""
    if point.kind in _BINARY:
        return value != 0.0
    if point.kind in _ANALOG:
        return shortest(as_real(value))
    return int(value)


def as_real(value: float) -> float:
    """What is left of it in a REAL."""
    real: float = struct.unpack(">f", struct.pack(">f", value))[0]
    return real


def _number(point: PointSpec, value: Value) -> float:
    """What a slot keeps of it."""
    if isinstance(value, str):
        raise Refused("invalid-data-type")
    number = float(value)
    low, high = (0.0, 100.0) if point.kind is Kind.LO else (point.low, point.high)
    if point.states and point.kind not in _BINARY:
        low, high = 1.0, float(len(point.states))
    if not math.isfinite(number) or (low is not None and number < low) or (high is not None and number > high):
        raise Refused("value-out-of-range")
    return number
