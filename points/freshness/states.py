"""What is remembered of each point between two readings, and the arithmetic of its times.

Times are seconds since the epoch. Polls fall on multiples of their period, moved by a phase that
differs from device to device: they do not drift, and do not come all at once.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from enum import Enum, auto

from points.bacnet.port import Property
from points.model import DeviceId, Point, Reading

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
    reading: Reading | None = None
    acquired: float | None = None
    age: Age = Age.FRESH
    check_at: float | None = None  # when its age is looked at next
    due: float = 0.0  # the next poll
    has_flags: bool = True  # until the device says that the object has no status flags
    reliability: str = ""
    cov: Cov = Cov.NEVER
    renew_at: float = 0.0
    expires_at: float = 0.0

    @property
    def critical(self) -> bool:
        return self.deadline <= CRITICAL_DEADLINE

    @property
    def leans_on_cov(self) -> bool:
        return self.cov is Cov.HELD and not self.critical

    @property
    def period(self) -> float:
        """Seconds between two polls; for a point with COV they only prove that it still lives."""
        return self.limit(device_answers=True) / POLLS_PER_DEADLINE

    def limit(self, *, device_answers: bool) -> float:
        """How old the reading may become. Silence of a device is never taken for "unchanged"."""
        if self.leans_on_cov and device_answers:
            return max(self.deadline, COV_DEADLINE)
        return self.deadline

    def asks(self) -> list[Property]:
        """What a poll of this point reads."""
        ref = self.point.ref
        names = [ref.property]
        if self.has_flags:
            names.append("status-flags")
        if self.faulty:
            names.append("reliability")
        return [Property(ref.object_type, ref.instance, name) for name in names]

    @property
    def faulty(self) -> bool:
        return self.reading is not None and self.has_flags and bool(self.reading.flags & self.reading.flags.FAULT)


def phase_of(device: DeviceId, period: float) -> float:
    """Where in the period this device is asked; the same after every restart."""
    return zlib.crc32(device.encode()) / 2**32 * period


def next_slot(now: float, period: float, phase: float) -> float:
    """The first multiple of `period`, moved by `phase`, after `now`."""
    return ((now - phase) // period + 1) * period + phase
