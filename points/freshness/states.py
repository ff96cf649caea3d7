"""What is remembered of each point between two readings, and the arithmetic of its times.

Times are seconds since the epoch. Polls fall on multiples of their period, moved by a phase that
differs from device to device: they do not drift, and do not come all at once.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto

from points.bacnet.port import Property
from points.freshness.quality import NO_FAULT
from points.model import DeviceId, Point, Reading, StatusFlags, Value

POLLS_PER_DEADLINE = 2  # so that one lost answer does not make a value stale
CRITICAL_DEADLINE = 30.0  # seconds; points this urgent are polled as if there were no COV
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
    faulty: bool = False
    reliability: str = ""
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
        faulty = bool(reading.flags & StatusFlags.FAULT) or self.reliability not in ("", NO_FAULT)
        if faulty != self.faulty:
            self.faulty = faulty
            self._ask()

    def without_flags(self) -> None:
        """The object has no status flags."""
        self.has_flags = False
        self._ask()

    def remembers(self, before: PointState) -> None:
        """Takes over what was known of the same point before its description changed."""
        self.reading, self.acquired, self.age, self.since = before.reading, before.acquired, before.age, before.since
        if before.point.ref == self.point.ref:
            self.has_flags, self.faulty, self.reliability = before.has_flags, before.faulty, before.reliability
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
