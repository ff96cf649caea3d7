"""Signs by which a device gives away that it was restarted, that its configuration was changed, or that it is another.

Devices that were restarted have forgotten our subscriptions. Some say so in a notification, all
announce themselves; but an I-Am may only be an answer to somebody, and any message may be forged or
come twice. What counts is the time of its restart, where the device has one to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from points.bacnet.port import Answer, Property
from points.errors import DeviceError, DeviceRefused
from points.freshness.states import phase_of
from points.model import Device

EVERY = 600.0  # seconds between two looks
FIRST_AFTER = 60.0  # seconds; the points come first
SUSPECTED_AGAIN = 30.0  # seconds; a storm of I-Ams, or of words of a restart, is no storm of requests
RESTARTED_AGAIN = 60.0  # seconds; one restart shows in several ways

_SIGNS = "system-status", "database-revision", "time-of-device-restart"
_IDENTITY = "object-name", "vendor-name", "model-name", "serial-number"
_, _REVISION, _RESTART = _SIGNS


class Suspicion(Enum):
    """Why a device is looked at out of turn."""

    ANNOUNCED = auto()  # perhaps somebody only asked
    TOLD = auto()  # it notified us that it was restarted


class Found(Enum):
    """What a look at a device brought to light."""

    NOTHING = auto()
    RESTARTED = auto()
    PERHAPS = auto()  # it may have been, and nothing can tell; or it was just now
    REVISED = auto()
    OTHER = auto()  # it says that it is another than it was


class Pulse:
    """One device's. `due` says when to read `wanted`; `look` is told the answers."""

    def __init__(self, device: Device, now: float, lacks: frozenset[str] = frozenset()) -> None:
        """`lacks`: what the device is known to refuse."""
        self.due = now + FIRST_AFTER + phase_of(device.id, EVERY)
        self.wanted = tuple(
            Property("device", device.ref.instance, name)
            for name in (*_SIGNS, *_IDENTITY)
            if name not in lacks or name == _SIGNS[0]
        )
        self.lacks = lacks
        self.restarts = 0
        self._revision = device.database_revision
        self.told: dict[str, str] = {}  # of `_IDENTITY`, at the latest look
        self._identity = dict(zip(_IDENTITY, (device.name, device.vendor, device.model, device.serial), strict=True))
        self._restart: Answer = None
        self._suspicion: Suspicion | None = None
        self._suspected = float("-inf")
        self._told = float("-inf")
        self._restarted = float("-inf")

    def suspect(self, suspicion: Suspicion, now: float) -> None:
        if suspicion is Suspicion.ANNOUNCED and 0 <= now - self._suspected < SUSPECTED_AGAIN:
            return
        self._suspected = now
        if suspicion is Suspicion.TOLD:
            self._suspicion = suspicion
            if 0 <= now - self._told < SUSPECTED_AGAIN:  # it repeats itself: put off, for it may be true again
                self.due = min(self.due, self._told + SUSPECTED_AGAIN)
                return
            self._told = now
        if self._suspicion is not Suspicion.TOLD:
            self._suspicion = suspicion
        self.due = now

    def look(self, answers: Sequence[Answer], now: float) -> set[Found]:
        """What the answers to `wanted` say; what the device refuses is not asked for again."""
        known = {property_.name: answer for property_, answer in zip(self.wanted, answers, strict=True)}
        self.lacks |= {name for name, answer in known.items() if isinstance(answer, DeviceRefused)}
        self.wanted = tuple(p for p in self.wanted if p.name not in self.lacks) or self.wanted[:1]
        self.due = now + EVERY
        found = {self._restart_of(known.get(_RESTART), now)}
        revision = known.get(_REVISION)
        if isinstance(revision, int):
            if self._revision not in (None, revision):
                found.add(Found.REVISED)
            self._revision = revision
        if self._is_other(known):
            found.add(Found.OTHER)
        return found

    def unanswered(self, now: float) -> None:
        """The device did not answer. What was suspected stays suspected."""
        self.due = now + EVERY

    def tidy(self, now: float) -> None:
        """The clock may have been set back."""
        self.due = min(self.due, now + FIRST_AFTER + EVERY)

    def _is_other(self, known: dict[str, Answer]) -> bool:
        """Whether it tells of itself what it did not tell before, or no longer what it told."""
        self.told = {name: value.strip() for name in _IDENTITY if isinstance(value := known.get(name), str)}
        refused = {name: "" for name in _IDENTITY if isinstance(known.get(name), DeviceRefused)}
        before, self._identity = self._identity, self._identity | self.told | refused
        return self._identity != before

    def _restart_of(self, time: Answer, now: float) -> Found:
        suspicion, self._suspicion = self._suspicion, None
        before = self._restart
        if time is not None and not isinstance(time, DeviceError):
            self._restart = time
            if before is not None:
                return self._restarted_at(now) if time != before else Found.NOTHING
        if suspicion is Suspicion.TOLD:
            return self._restarted_at(now)
        return Found.NOTHING if suspicion is None else Found.PERHAPS

    def _restarted_at(self, now: float) -> Found:
        if 0 <= now - self._restarted < RESTARTED_AGAIN:
            return Found.PERHAPS
        self._restarted = now
        self.restarts += 1
        return Found.RESTARTED
