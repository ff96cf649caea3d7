"""The nouns of the building: point, device, space, reading.

Everything here is frozen, knows nothing of networks or databases, and imports the standard
library only. A value never travels alone: it is a `Reading`, with its time and its quality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import IntEnum, IntFlag, StrEnum
from typing import NewType

PointId = NewType("PointId", str)
"""`device/point`, two slugs of `[a-z0-9-]{1,48}`: the same string in configuration, MQTT, UI and audit."""

DeviceId = NewType("DeviceId", str)
SpaceId = NewType("SpaceId", str)
EquipmentId = NewType("EquipmentId", str)

Value = float | int | bool | str
"""analog: float · binary: bool · multi-state: int from 1 · character string: str."""


class Kind(StrEnum):
    """What shape of value a point has."""

    ANALOG = "analog"
    BINARY = "binary"
    MULTISTATE = "multistate"
    TEXT = "text"


class Quality(StrEnum):
    """How far a reading can be trusted. Only GOOD may be counted as known."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"
    STALE = "stale"


class Source(StrEnum):
    """How a reading came to us."""

    COV = "cov"
    POLL = "poll"
    READBACK = "write"
    RESTORED = "restore"


class StatusFlags(IntFlag):
    """BACnet Status_Flags, as bits (ASHRAE 135, BACnetStatusFlags)."""

    NONE = 0
    IN_ALARM = 1
    FAULT = 2
    OVERRIDDEN = 4
    OUT_OF_SERVICE = 8


class Safety(StrEnum):
    """What a wrong write to the point could harm."""

    COMFORT = "comfort"
    CRITICAL = "critical"  # belongs to a space whose profile forbids energy measures: operators only, no policy
    MEDICAL = "medical"
    LIFE_SAFETY = "life-safety"
    UNKNOWN = "unknown"


class Access(StrEnum):
    """Whether any code path may write the point."""

    MONITOR_ONLY = "monitor-only"
    COMMANDABLE = "commandable"


class Priority(IntEnum):
    """The levels of the priority array that are ours to use. 1-7 never are."""

    OPERATOR = 8
    PROTECTIVE = 10
    DEMAND_LIMIT = 12
    HOLD_OFF = 13
    OCCUPANCY = 14
    SCHEDULE = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRef:
    """Where a device lives. All three identify it: instances are not unique in the field.

    `network` is 0 for the local network; `address` is the bare MAC ("10.1.2.3:47808", "12", "0x0a0b").
    """

    network: int
    address: str
    instance: int

    def __str__(self) -> str:
        return f"device {self.instance} at {self.network}:{self.address}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """Where a point lives: a property of an object of a device."""

    device: DeviceRef
    object_type: str  # hyphenated BACnet name ("analog-input"), or its number ("131") when proprietary
    instance: int
    property: str = "present-value"

    def __str__(self) -> str:
        return f"{self.object_type} {self.instance} of {self.device}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One thing that can be read, and perhaps commanded. Knows nothing, does nothing."""

    id: PointId
    device: DeviceId
    ref: Ref
    name: str
    description: str = ""
    kind: Kind
    unit: str = ""  # hyphenated BACnet engineering unit ("degrees-celsius"); "" where there is none
    states: tuple[str, ...] = ()  # binary: (inactive text, active text); multi-state: text of 1, 2, ...
    low: float | None = None  # the device's own limits of the present value
    high: float | None = None
    resolution: float | None = None
    cov_increment: float | None = None
    commandable: bool = False  # has a priority array
    point_class: str = "unknown"  # see points.classify
    safety: Safety = Safety.UNKNOWN
    confidence: float = 0.0
    equipment: EquipmentId | None = None
    equipment_type: str = ""
    space: SpaceId | None = None
    present: bool = True  # False: known from before, not found by the latest discovery
    locked: bool = False  # the site said monitor-only
    quarantined: bool = False  # its device is not surely the one we knew: read, not commanded
    site_low: float | None = None  # the site's own limits and deadline for this point; they win over any profile's
    site_high: float | None = None
    deadline_s: float | None = None
    tags: tuple[str, ...] = ()  # the site's own words for it, and for its equipment

    @property
    def access(self) -> Access:
        """COMMANDABLE only if the object can be, and nothing about it may be medical, life safety or unknown."""
        harmless = self.safety in (Safety.COMFORT, Safety.CRITICAL)
        allowed = self.commandable and self.present and not (self.locked or self.quarantined) and harmless
        return Access.COMMANDABLE if allowed else Access.MONITOR_ONLY


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """A room, or a thing that is watched like one (a refrigerator, a gas zone)."""

    id: SpaceId
    name: str
    type: str = "unknown"  # a key of the clinical profiles: "operating_room", "blood_bank_refrigerator", ...
    tags: tuple[str, ...] = ()  # the site's own words for it


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A BACnet device as discovery found it, and what it was found able to do."""

    id: DeviceId
    ref: DeviceRef
    name: str
    description: str = ""
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    max_apdu: int = 480
    segmentation: str = "no-segmentation"
    reads_multiple: bool = True  # answers ReadPropertyMultiple
    serves_cov: bool = True  # accepts SubscribeCOV at all
    object_count: int = 0
    database_revision: int | None = None
    object_digest: str = ""  # of its object list; part of what pins its identity
    schedules: tuple[str, ...] | None = None  # "schedule,1", "calendar,2": its own; None: not looked for
    duplicate: bool = False  # another device answered with the same instance
    quarantine: str = ""  # why a person has to look before it is commanded again; "" if trusted
    present: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What is known of a point at one moment. Never a bare float.

    `time` is when the value was acquired; `at` is when this reading was made: the two differ
    for a reading that only says that its value has become stale. `value` is None where there
    is no value to trust (NaN, error); stale readings keep their last value, marked.
    """

    point: PointId
    value: Value | None
    time: datetime
    at: datetime
    quality: Quality
    source: Source
    reason: str = ""  # "", "nan", "out-of-service", "fault", "overridden", "stale", "offline", an error class, ...
    flags: StatusFlags = StatusFlags.NONE

    @property
    def is_good(self) -> bool:
        return self.quality is Quality.GOOD


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """A priority array as it was read: 16 levels and what applies when all are empty."""

    values: tuple[Value | None, ...]
    default: Value | None

    def __getitem__(self, priority: int) -> Value | None:
        return self.values[priority - 1]

    @property
    def winner(self) -> int | None:
        """The lowest level that holds a value; None when the relinquish default applies."""
        return next((level for level, value in enumerate(self.values, 1) if value is not None), None)

    @property
    def effective(self) -> Value | None:
        """What applies by the array: the strongest value, or the relinquish default."""
        return self.default if self.winner is None else self[self.winner]

    def having(self, changes: Mapping[int, Value | None]) -> Slots:
        """The same array with other values at some levels."""
        values = (changes.get(level, value) for level, value in enumerate(self.values, 1))
        return replace(self, values=tuple(values))


class EventKind(StrEnum):
    """Facts that are told once and never conflated."""

    DEVICE_FOUND = "device-found"
    DEVICE_LOST = "device-lost"
    DEVICE_BACK = "device-back"
    DEVICE_MOVED = "device-moved"
    DEVICE_REPLACED = "device-replaced"
    DEVICE_RESTARTED = "device-restarted"
    DUPLICATE_DEVICE = "duplicate-device"
    POINT_FOUND = "point-found"
    POINT_VANISHED = "point-vanished"
    COV_REFUSED = "cov-refused"
    PROTOCOL_ERROR = "protocol-error"
    COMMAND = "command"
    ALARM = "alarm"
    POLICY = "policy"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, in words a person can read."""

    kind: EventKind
    time: datetime
    about: str  # a point, device, alarm or policy id
    text: str
    details: dict[str, str] = field(default_factory=dict)


def values_agree(one: Value | None, other: Value | None, tolerance: float = 1e-3) -> bool:
    """Whether two values of one point are the same; REALs lose digits on their way through a device."""
    if isinstance(one, float) or isinstance(other, float):
        if isinstance(one, (str, type(None))) or isinstance(other, (str, type(None))):
            return False
        return abs(float(one) - float(other)) <= max(tolerance, 1e-5 * abs(float(one)))
    return one == other and isinstance(one, bool) == isinstance(other, bool)
