"""The nouns of acting: command, claim, outcome, alarm. Frozen; standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

from points.model import PointId, Priority, Reading, Slots, Value

SlotKey = tuple[PointId, Priority]

GUARD = "guard:envelope"
"""Who lets go, and protects, when a critical space leaves its envelope."""


def is_policy(by: str) -> bool:
    """Whether an owner is a policy; everyone else is answered for by a person."""
    return by.startswith("policy:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A wish to hold a point at a value, or with no value, to let go of it."""

    point: PointId
    value: Value | None
    priority: Priority
    by: str  # "user:rdiaz", "policy:office-hours", GUARD
    reason: str
    lasts: timedelta | None = None  # required with a value
    role: str = ""  # of the person who asks, a `facility.users.Role`; "" where no person does
    origin: str = ""  # where that person sits, as the audit keeps it
    rule: str = ""  # of the guard, where it had more to say than yes
    seconded_by: str = ""  # the second person who agreed, as `by`
    id: UUID = field(default_factory=uuid4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """An accepted command that stands in a priority slot: what we wrote, why, until when.

    With a `goal` it is on its way there: `value` is the latest step of its ramp.
    """

    point: PointId
    priority: Priority
    value: Value
    by: str
    reason: str
    since: datetime
    until: datetime
    command: UUID
    confirmed: bool = False  # a read-back found our value in the slot
    unproven: tuple[Value, ...] = ()  # other values of ours that may be in the slot: earlier or clamped ones
    goal: Value | None = None

    @property
    def key(self) -> SlotKey:
        return (self.point, self.priority)

    @property
    def wanted(self) -> Value:
        """What was asked for: the end of the ramp, where there is one."""
        return self.value if self.goal is None else self.goal


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Written and read back: the slot holds the value and wins. For a release: the slot is empty.

    With a `goal` it is the latest step of a ramp.
    """

    command: Command
    readback: Reading | None
    slots: Slots
    goal: Value | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outranked:
    """Written and read back, but a higher level wins."""

    command: Command
    by_slot: int
    slots: Slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """The device answered, but the slot does not hold what we wrote (or, at a release, was not ours).

    With `present`, the slot does hold it and nothing stands above, and the present value is another all the same.
    """

    command: Command
    found: Value | None
    slots: Slots
    present: Reading | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The guard said no; nothing was written. `rule` names the guard's rule."""

    command: Command
    rule: str
    why: str
    later: timedelta | None = None  # worth asking again after so long


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The device or the audit failed; `written` says whether a write may have reached the device."""

    command: Command
    why: str
    written: bool
    silent: bool = False  # the device gave no answer at all


Outcome = Held | Outranked | Mismatch | Rejected | Failed


class Severity(StrEnum):
    """Alarm priority (ISA-18.2), in the words of the screens."""

    LIFE = "LIFE"
    CRIT = "CRIT"
    HIGH = "HIGH"
    LOW = "LOW"


class AlarmKind(StrEnum):
    OUT_OF_LIMITS = "out-of-limits"
    STATE = "state"  # a binary or multi-state point in its abnormal state
    STALE = "stale"
    OFFLINE = "offline"  # of a device
    FAULT = "fault"
    QUARANTINE = "quarantine"  # a device that may be another than the one we knew
    INEFFECTIVE = "ineffective"  # a command that an independent sensor does not bear out


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """An abnormal condition that needs a person, and how far it has been seen to.

    Standing: `ended` is None. It is forgotten when it has both ended and been acknowledged.
    """

    id: str  # slug: kind and what it is about; the same condition has the same id
    kind: AlarmKind
    severity: Severity
    about: str  # point or device id
    where: str  # space or equipment in plain words
    text: str
    value: str = ""
    limit: str = ""
    since: datetime
    ended: datetime | None = None
    acknowledged: datetime | None = None
    acknowledged_by: str = ""

    @property
    def is_new(self) -> bool:
        """Nobody has acknowledged it."""
        return self.acknowledged is None

    @property
    def state(self) -> str:
        """NEW, ack or rtn (ended, not acknowledged)."""
        if self.acknowledged is not None:
            return "ack"
        return "NEW" if self.ended is None else "rtn"
