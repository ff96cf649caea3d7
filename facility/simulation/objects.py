"""BACnet objects as the face of simulated points.

Inputs are never writable while in service. Commandable objects have sixteen levels and a
relinquish default, take NULL, refuse level 6 (reserved for minimum on/off times, clause 19.2)
and values outside their limits. bacpypes3 composes an object type out of its classes, which is
why this module inherits.
"""

from __future__ import annotations

import math
import random
from datetime import datetime, timedelta
from typing import Any

from bacpypes3.basetypes import EngineeringUnits, LightingCommand, PriorityValue, PropertyIdentifier, Reliability
from bacpypes3.errors import PropertyError
from bacpypes3.local.analog import AnalogInputObject, AnalogOutputObject
from bacpypes3.local.binary import BinaryInputObject, BinaryOutputObject
from bacpypes3.local.cmd import Commandable
from bacpypes3.local.cov import COVIncrementCriteria, GenericCriteria
from bacpypes3.local.object import Object as LocalObject
from bacpypes3.object import (
    AnalogValueObject,
    BinaryValueObject,
    LightingOutputObject,
    MultiStateInputObject,
    MultiStateValueObject,
)
from bacpypes3.primitivedata import Null

from facility.simulation.proprietary import TransferCounterObject
from facility.simulation.spec import COMMANDABLE, Kind, PointSpec, Value
from points.bacnet.quicker import quicken

MINIMUM_ON_OFF = 6
WARN_RELINQUISH = -2.0
OWN_LEVEL = 16  # at which a device's own controller asks
SETTABLE = ("outOfService", "covIncrement")
ANALOG = frozenset({Kind.AI, Kind.AO, Kind.AV, Kind.LO})
BINARY = frozenset({Kind.BI, Kind.BO, Kind.BV})

quicken()


class _Notified:
    """Tells subscribers of what bacpypes3 misses: changes of status flags, and properties written from outside."""

    _touched = False  # somebody has set the present value by hand

    def __setattr__(self, attr: str, value: Any) -> None:
        if attr not in ("outOfService", "reliability"):
            super().__setattr__(attr, value)
            return
        before = self.statusFlags  # type: ignore[attr-defined]  # of the other base, as below
        super().__setattr__(attr, value)
        for tell in self._property_monitors["statusFlags"]:  # type: ignore[attr-defined]
            tell(before, self.statusFlags)  # type: ignore[attr-defined]


def _name(attr: int | str) -> str:
    return PropertyIdentifier(attr).attr if isinstance(attr, int) else attr


class _Input(_Notified):
    """Nothing but the sensor changes it, unless it has been taken out of service."""

    async def write_property(
        self, attr: int | str, value: Any, index: int | None = None, priority: int | None = None
    ) -> None:
        name = _name(attr)
        in_service = not self.outOfService  # type: ignore[attr-defined]  # of the other base
        if name not in SETTABLE and (name != "presentValue" or in_service):
            raise PropertyError("writeAccessDenied")
        setattr(self, name, value)
        self._touched |= name == "presentValue"


class _Output(_Notified):
    """Commanded through its priority array, within its limits."""

    _ignores = False  # what it is told from outside, though it says yes

    async def write_property(
        self, attr: int | str, value: Any, index: int | None = None, priority: int | None = None
    ) -> None:
        name = _name(attr)
        if name in SETTABLE:
            setattr(self, name, value)
            return
        if self._ignores:
            return
        if name != "presentValue" or priority == MINIMUM_ON_OFF:
            raise PropertyError("writeAccessDenied")
        if not isinstance(value, Null):
            self._check(value)
        await super().write_property(attr, value, index, priority)  # type: ignore[misc]

    def ignore(self) -> None:
        """From now on it acknowledges commands and does not follow them."""
        self._ignores = True

    def _check(self, value: Any) -> None:
        low = getattr(self, "minPresValue", None)
        high = getattr(self, "maxPresValue", None)
        states = getattr(self, "numberOfStates", None)
        number = float(value)
        if not math.isfinite(number):
            raise PropertyError("valueOutOfRange")
        if (low is not None and number < low) or (high is not None and number > high):
            raise PropertyError("valueOutOfRange")
        if states is not None and not 1 <= number <= states:
            raise PropertyError("valueOutOfRange")


class AnalogIn(_Input, AnalogInputObject):  # type: ignore[misc]  # bacpypes3 is untyped, here and below
    pass


class AnalogOut(_Output, AnalogOutputObject):  # type: ignore[misc]
    pass


class AnalogShown(_Input, LocalObject, AnalogValueObject):  # type: ignore[misc]
    _cov_criteria = COVIncrementCriteria


class AnalogCommanded(_Output, Commandable, LocalObject, AnalogValueObject):  # type: ignore[misc]
    _cov_criteria = COVIncrementCriteria


class BinaryIn(_Input, BinaryInputObject):  # type: ignore[misc]
    pass


class BinaryOut(_Output, BinaryOutputObject):  # type: ignore[misc]
    pass


class BinaryShown(_Input, LocalObject, BinaryValueObject):  # type: ignore[misc]
    _cov_criteria = GenericCriteria


class BinaryCommanded(_Output, Commandable, LocalObject, BinaryValueObject):  # type: ignore[misc]
    _cov_criteria = GenericCriteria


class MultiStateIn(_Input, LocalObject, MultiStateInputObject):  # type: ignore[misc]
    _cov_criteria = GenericCriteria


class MultiStateShown(_Input, LocalObject, MultiStateValueObject):  # type: ignore[misc]
    _cov_criteria = GenericCriteria


class MultiStateCommanded(_Output, Commandable, LocalObject, MultiStateValueObject):  # type: ignore[misc]
    _cov_criteria = GenericCriteria


class Light(_Output, Commandable, LocalObject, LightingOutputObject):  # type: ignore[misc]
    """A dimmer. The three warning values of its present value are commands and stay in no slot (clause 12.54).

    Where it has a blink warning: -1.0 blinks; -2.0 and -3.0 blink and keep the light for the egress time, then the
    slot is relinquished or off. Whoever commands that slot or a stronger one meanwhile ends it. They act at once where
    it has none, where it is off, and where somebody stronger commands it.
    """

    _cov_criteria = COVIncrementCriteria

    async def _post_init(self) -> None:
        """bacpypes3 looks for a notification class, which this type of object cannot have."""

    _leaving: tuple[int, Any] | None = None  # the slot in its egress time, and what it will be
    _ends: datetime | None = None
    _blinked = 0  # times

    async def write_property(
        self, attr: int | str, value: Any, index: int | None = None, priority: int | None = None
    ) -> None:
        level = OWN_LEVEL if priority is None else priority
        if _name(attr) == "presentValue" and not isinstance(value, Null):
            match float(value):
                case -1.0:
                    self._blinked += self._warns(level)
                    return
                case -2.0 | -3.0:
                    after = Null(()) if float(value) == WARN_RELINQUISH else type(value)(0.0)
                    if level != MINIMUM_ON_OFF and self._warns(level):
                        self._blinked += 1
                        self._leaving, self._ends, self.egressActive = (level, after), None, True
                        return
                    value = after
        await super().write_property(attr, value, index, priority)
        if _name(attr) == "presentValue" and self._leaving is not None and level <= self._leaving[0]:
            self._stay()

    async def keep(self, now: datetime) -> None:
        """Time goes by: what has warned for its egress time goes off."""
        if self._leaving is None:
            return
        if self._ends is None:
            self._ends = now + timedelta(seconds=int(self.egressTime))
        elif now >= self._ends:
            level, after = self._leaving
            self._stay()
            await super().write_property("presentValue", after, None, level)

    def _stay(self) -> None:
        self._leaving, self._ends, self.egressActive = None, None, False

    def _warns(self, level: int) -> bool:
        """Whether a warning at that level has anything to warn of."""
        active = self.currentCommandPriority.unsigned
        weakest = active is None or level <= active
        return bool(self.blinkWarnEnable) and weakest and float(self.presentValue) > 0.0

    def recalculating(self) -> None:
        """It does not fade: the light follows at once."""
        super().recalculating()
        self.trackingValue = self.presentValue

    def _check(self, value: Any) -> None:
        if not 0.0 <= float(value) <= 100.0:
            raise PropertyError("valueOutOfRange")


_CLASSES: dict[tuple[Kind, bool], type] = {
    (Kind.AI, False): AnalogIn,
    (Kind.AO, True): AnalogOut,
    (Kind.AV, False): AnalogShown,
    (Kind.AV, True): AnalogCommanded,
    (Kind.BI, False): BinaryIn,
    (Kind.BO, True): BinaryOut,
    (Kind.BV, False): BinaryShown,
    (Kind.BV, True): BinaryCommanded,
    (Kind.MSI, False): MultiStateIn,
    (Kind.MSV, False): MultiStateShown,
    (Kind.MSV, True): MultiStateCommanded,
    (Kind.LO, True): Light,
    (Kind.COUNTER, False): TransferCounterObject,
}


class Face:
    """A point on the network: shows what the equipment says, tells what was commanded."""

    def __init__(self, spec: PointSpec, instance: int) -> None:
        self.spec = spec
        self.commandable = spec.commandable or spec.kind in COMMANDABLE
        self.object = _CLASSES[spec.kind, self.commandable](**_properties(spec, instance))
        self._shown: Value | None = None
        self._kept = vars(self.object)  # past bacpypes3's attribute access, which takes fifty times as long

    @property
    def effective(self) -> float:
        return float(self._kept["presentValue"])

    @property
    def commanded_at(self) -> int | None:
        """The level at which somebody else commands it; None if nobody does."""
        level: int | None = self._kept["currentCommandPriority"].unsigned
        return level if level is not None and level < OWN_LEVEL else None

    @property
    def follows(self) -> bool:
        """Whether it is what its own controller asks for: in service, and nobody commands it from above."""
        return self.commanded_at is None and not self._kept["outOfService"]

    def show(self, value: Value) -> None:
        """Assigns only what changed (each assignment is a COV), rounded to what a sensor can tell apart."""
        if self.spec.resolution and not isinstance(value, bool):
            value = round(round(value / self.spec.resolution) * self.spec.resolution, 6)
        if self.spec.kind is Kind.COUNTER:
            self.object.transferCount = int(value)
        elif (value != self._shown or self.object._touched) and not (  # noqa: SLF001 (ours)
            self.spec.faulty or self._kept["outOfService"]
        ):
            self.object.presentValue = int(value) if self.spec.kind in BINARY else value
            self.object._touched = False  # noqa: SLF001 (ours)
            self._shown = value

    async def keep(self, now: datetime) -> None:
        """Time goes by, for those that do something by it."""
        if isinstance(self.object, Light):
            await self.object.keep(now)

    def jitter(self, noise: random.Random) -> None:
        """Shows the last value a little off, by more than the COV increment."""
        increment = self.spec.cov_increment or 1.0
        base = float(self._shown if self._shown is not None else self.spec.value)
        side = -1.0 if self.effective > base else 1.0
        self.object.presentValue = base + side * increment * noise.uniform(1.1, 1.5)

    def power_cycle(self) -> None:
        """Forgets every command, and is back in service."""
        if self.spec.kind is not Kind.COUNTER:
            self.object.outOfService = False
        if self.commandable:
            for level in range(16):
                self.object.priorityArray[level] = _released()
            self._shown = None


def _released() -> Any:
    return PriorityValue(null=())


def _properties(spec: PointSpec, instance: int) -> dict[str, Any]:
    """The properties a BACnet object of this point starts with."""
    common: dict[str, Any] = {"objectName": spec.name, "description": spec.description}
    if spec.kind is Kind.COUNTER:
        return {**common, "objectIdentifier": (spec.kind.value, instance), "transferCount": int(spec.value)}
    common |= {
        "objectIdentifier": (spec.kind.value, instance),
        "presentValue": math.nan if spec.faulty else spec.value,
        "eventState": "normal",
        "outOfService": False,
        "reliability": Reliability.noSensor if spec.faulty else Reliability.noFaultDetected,
    }
    if spec.kind in BINARY:
        common["presentValue"] = int(spec.value)
        common["inactiveText"], common["activeText"] = spec.states or ("Off", "On")
        if spec.kind is not Kind.BV:
            common["polarity"] = "normal"
    elif spec.kind in ANALOG:
        common["covIncrement"] = spec.cov_increment or 1.0
        if spec.kind is Kind.LO:
            del common["eventState"]  # has none
            return common | _lighting(spec)
        common["units"] = EngineeringUnits(spec.unit)
        common |= {
            name: value
            for name, value in (
                ("minPresValue", spec.low),
                ("maxPresValue", spec.high),
                ("resolution", spec.resolution),
            )
            if value is not None
        }
    else:
        common["numberOfStates"] = len(spec.states)
        common["stateText"] = list(spec.states)
    return common


def _lighting(spec: PointSpec) -> dict[str, Any]:
    return {
        "trackingValue": spec.value,
        "relinquishDefault": spec.value,
        "inProgress": "idle",
        "lightingCommand": LightingCommand(operation="none"),
        "blinkWarnEnable": spec.egress_seconds > 0,
        "egressTime": spec.egress_seconds,
        "egressActive": False,
        "defaultFadeTime": 1000,  # ms
        "defaultRampRate": 100.0,  # percent a second
        "defaultStepIncrement": 10.0,
        "lightingCommandDefaultPriority": 16,
    }
