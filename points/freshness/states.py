"""What is remembered of each point between two readings, and the arithmetic of its times.

Times are seconds since the epoch. Polls fall on multiples of their period, moved by a phase that
differs from device to device: they do not drift, and do not come all at once.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from points.bacnet.port import Answer, Property
from points.freshness.quality import NO_FAULT, lacks
from points.model import DeviceId, Point, Reading, StatusFlags, Value

POLLS_PER_DEADLINE = 2  # so that one lost answer does not make a value stale
CRITICAL_DEADLINE = 30.0  # seconds; points this urgent are polled as if there were no COV
EVENT_STATE = "event-state"
TROUBLE = StatusFlags.IN_ALARM | StatusFlags.FAULT
COV_DEADLINE = 300.0  # seconds; how old a value may be that a living subscription of a living device stands for


class Cov(Enum):
    """Where a point stands with its device's change-of-value service."""

    WANTED = auto()
    HELD = auto()
    REFUSED = auto()
    NEVER = auto()


class Age(Enum):
    """What has been said of the age of a point's reading."""

    FRESH = auto()
    STALE = auto()
    OFFLINE = auto()


@dataclass(slots=True, kw_only=True, eq=False)
class PointState:
    """One point as it is kept fresh. Mutable; belongs to one keeper."""

    point: Point
    deadline: float
    since: float  # when we began to keep it
    kept: bool = False  # its age is watched
    reading: Reading | None = None
    polled: Reading | None = None  # what the latest poll made, if that was a value
    acquired: float | None = None
    age: Age = Age.FRESH
    check_at: float | None = None  # when its age is looked at next
    has_flags: bool = True  # until the device says that the object has no status flags
    has_event_state: bool = True  # the same of its event state
    faulty: bool = False
    troubled: bool = False  # faulty, or in alarm
    reliability: str = ""  # as the latest poll found them
    event_state: str = ""
    cov: Cov = Cov.NEVER
    vouched: bool = False  # its subscription is trusted to tell every change
    listens_until: float = 0.0  # notifications of it are expected
    expires_at: float = 0.0
    told: Value | None = None  # by the latest notification
    asked: tuple[Property, ...] = field(init=False)  # what a poll of this point reads; another tuple when it changes

    def __post_init__(self) -> None:
        self._ask()

    @property
    def critical(self) -> bool:
        return self.deadline <= CRITICAL_DEADLINE

    @property
    def leans_on_cov(self) -> bool:
        return self.vouched and self.cov is Cov.HELD and not self.critical

    @property
    def period(self) -> float:
        """Seconds between two polls; for a point with COV they only prove that it still lives."""
        return self.limit(device_answers=True) / POLLS_PER_DEADLINE

    def limit(self, *, device_answers: bool) -> float:
        """How old the reading may become. Silence of a device is never taken for "unchanged"."""
        if self.leans_on_cov and device_answers:
            return max(self.deadline, COV_DEADLINE)
        return self.deadline

    def learned(self, reading: Reading, at: float) -> None:
        """A reading that is of now."""
        self.reading, self.acquired, self.age = reading, at, Age.FRESH
        flags = reading.flags
        faulty = self.reliability not in ("", NO_FAULT)
        if flags is StatusFlags.NONE:  # most of them; and flags are slow to combine
            troubled = faulty
        else:
            faulty = faulty or StatusFlags.FAULT in flags
            troubled = faulty or bool(flags & TROUBLE)
        if faulty != self.faulty or troubled != self.troubled:
            self.faulty, self.troubled = faulty, troubled
            self._ask()

    def without_flags(self) -> None:
        """The object has no status flags."""
        self.has_flags = False
        self._ask()

    def learns_event_state(self, answer: Answer) -> Answer:
        """What a poll says of it. An object that has none is not asked again."""
        if lacks(answer):
            self.has_event_state = False
            self._ask()
        self.event_state = answer if isinstance(answer, str) else ""
        return answer

    def remembers(self, before: PointState) -> None:
        """Takes over what was known of the same point before its description changed."""
        self.reading, self.acquired, self.age, self.since = before.reading, before.acquired, before.age, before.since
        if before.point.ref == self.point.ref:
            self.has_flags, self.has_event_state = before.has_flags, before.has_event_state
            self.faulty, self.reliability = before.faulty, before.reliability
            self.troubled, self.event_state = before.troubled, before.event_state
            self.cov, self.expires_at, self.listens_until = before.cov, before.expires_at, before.listens_until
            self.vouched, self.told = before.vouched, before.told
            self._ask()

    def _ask(self) -> None:
        ref = self.point.ref
        names = [ref.property]
        if self.has_flags:
            names.append("status-flags")
            if self.faulty:
                names.append("reliability")
            if self.troubled and self.has_event_state:
                names.append(EVENT_STATE)
        self.asked = tuple(Property(ref.object_type, ref.instance, name) for name in names)


def again(before: Reading, time: datetime) -> Reading:
    """The same, said again at a later time."""
    return Reading(
        point=before.point,
        value=before.value,
        time=time,
        at=time,
        quality=before.quality,
        source=before.source,
        reason=before.reason,
        flags=before.flags,
    )


def phase_of(device: DeviceId, period: float) -> float:
    """Where in the period this device is asked; the same after every restart."""
    return zlib.crc32(device.encode()) / 2**32 * period


def next_slot(now: float, period: float, phase: float) -> float:
    """The first multiple of `period`, moved by `phase`, after `now`."""
    slot = ((now - phase) // period + 1) * period + phase
    return slot if slot > now else slot + period  # so large a number has few digits left behind the point
