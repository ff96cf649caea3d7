"""What is abnormal now, and what cannot be judged. Pure: the alarm book makes alarms of it.

One silent device is one condition, not one for each of its points: as long as a device does not
answer, nothing is concluded about them, and what stood before stands on. "Not known yet", as right
after a start, ends nothing either: only what has been heard or read does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal, Protocol

from facility.effectiveness import Ineffective, Troubles
from facility.model import AlarmKind, Severity
from facility.profiles import Abnormal
from facility.standing import Judgement, Standing, Watched
from points.catalog import Catalog
from points.model import Device, DeviceId, Point, PointId, Quality, Safety

PATIENCE = timedelta(
    seconds=30
)  # for a read that fails once, and for a silent device to be found offline: one alarm, not many
ID_LENGTH = 48  # of a slug: an alarm's id is a level of an MQTT topic
HASH_LENGTH = 6
URGENT = (Severity.LIFE, Severity.CRIT)
NO_TROUBLES = Troubles()


class DeviceStatus(Protocol):
    """What freshness says of a device."""

    @property
    def status(self) -> Literal["online", "slow", "offline"]: ...

    @property
    def since(self) -> datetime | None: ...

    @property
    def silent_for(self) -> float | None:
        """Seconds since it was last heard; None: not since the start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Something that needs a person."""

    kind: AlarmKind
    severity: Severity
    about: str
    where: str
    text: str
    value: str = ""
    limit: str = ""
    since: datetime

    @property
    def id(self) -> str:
        return alarm_id(self.kind, self.about)


@dataclass(slots=True)
class Findings:
    """The conditions by id; and the ids of which nothing can be said, so that they stay as they are."""

    conditions: dict[str, Condition] = field(default_factory=dict)
    undecided: set[str] = field(default_factory=set)

    def add(self, condition: Condition) -> None:
        self.conditions[condition.id] = condition

    def leave(self, about: str, *kinds: AlarmKind) -> None:
        self.undecided.update(alarm_id(kind, about) for kind in kinds)


@lru_cache(maxsize=16_384)
def alarm_id(kind: AlarmKind, about: str) -> str:
    """A slug that is the same for the same condition, and (by a hash) for no other."""
    tail = hashlib.sha256(about.encode()).hexdigest()[:HASH_LENGTH]
    room = ID_LENGTH - len(kind) - HASH_LENGTH - 2
    middle = re.sub(r"[^a-z0-9]+", "-", about.lower())[:room].strip("-")
    return f"{kind}-{middle}-{tail}"


def find(
    catalog: Catalog,
    watched: Mapping[PointId, Watched],
    not_in: Mapping[PointId, Judgement],
    devices: Mapping[DeviceId, DeviceStatus],
    now: datetime,
    holds: Callable[[DeviceId], int] = lambda _: 0,
    effects: Troubles = NO_TROUBLES,
) -> Findings:
    """Everything that is abnormal at `now`. `not_in`: how the watched points stand that are not inside their limits.

    `holds`: how many slots of a device are ours. `effects`: of our commands.
    """
    findings = Findings()
    for command in effects.ineffective:
        findings.add(_ineffective(command, catalog))
    for undecided in effects.undecided:
        findings.leave(undecided, AlarmKind.INEFFECTIVE)
    for device in catalog.devices.values():
        status = devices.get(device.id)
        if status is not None and status.status == "offline":
            findings.add(_offline(device, catalog, watched, min(status.since or now, now)))
        elif status is None or status.silent_for is None:
            findings.leave(device.id, AlarmKind.OFFLINE)
        if device.quarantine:
            findings.add(_quarantine(device, catalog, watched, now, holds(device.id)))
    for point, judgement in not_in.items():
        one = watched[point]
        status = devices.get(one.point.device)
        answers = status is not None and status.status == "online"
        _point(one, judgement, findings, now, answers=answers)
    return findings


def _point(one: Watched, judgement: Judgement, findings: Findings, now: datetime, *, answers: bool) -> None:
    kind = AlarmKind.STATE if isinstance(one.rule, Abnormal) else AlarmKind.OUT_OF_LIMITS
    if judgement.alarming:
        findings.add(_out(one, judgement, kind))
    else:
        findings.leave(one.point.id, kind)  # only what is seen inside is over
    if judgement.standing is not Standing.UNKNOWN:
        return
    reading = judgement.reading
    bad = judgement.absurd or (reading is not None and reading.quality is Quality.BAD and reading.reason != "offline")
    if answers and reading is not None and reading.quality is Quality.UNCERTAIN:
        return  # somebody holds it at the device: shown as unknown, but it is read and no sensor is broken
    if not bad:
        findings.leave(one.point.id, AlarmKind.FAULT)  # a sensor is whole again when it has been read
    urgent = one.critical or one.rule.severity in URGENT
    if not answers or now - judgement.since < PATIENCE:
        findings.leave(one.point.id, AlarmKind.STALE, AlarmKind.FAULT)
    elif bad:
        severity = Severity.HIGH if urgent else Severity.LOW
        findings.add(_blind(one, judgement, AlarmKind.FAULT, severity, "cannot be measured"))
    elif urgent:
        findings.add(_blind(one, judgement, AlarmKind.STALE, Severity.HIGH, "has not been read in time"))


def _out(one: Watched, judgement: Judgement, kind: AlarmKind) -> Condition:
    return Condition(
        kind=kind,
        severity=one.rule.severity,
        about=one.point.id,
        where=_where(one),
        text=_text(one, judgement),
        value=judgement.value,
        limit=judgement.limit,
        since=judgement.since,
    )


def _text(one: Watched, judgement: Judgement) -> str:
    """The profile's words, or what can be said without; first what tells the point from its neighbours."""
    if one.rule.text:
        return f"{one.apart}: {one.rule.text}" if one.apart else one.rule.text
    if isinstance(one.rule, Abnormal):
        return one.point.description or one.point.name
    return f"{_measured(one)} too {'low' if judgement.limit.startswith('min') else 'high'}"


def _measured(one: Watched) -> str:
    """What the point says, in plain words: "refrigerator temperature"; of two probes "product temperature"."""
    what = one.point.point_class.replace("-", " ")
    if not one.apart:
        return what
    noun = what.split()[-1]
    return one.apart if noun in one.apart.split() else f"{one.apart} {noun}"


def _blind(one: Watched, judgement: Judgement, kind: AlarmKind, severity: Severity, text: str) -> Condition:
    return Condition(
        kind=kind,
        severity=severity,
        about=one.point.id,
        where=_where(one),
        text=f"{_measured(one)} {text}",
        value=judgement.value if kind is AlarmKind.FAULT else "no data",
        since=judgement.since,
    )


def _ineffective(one: Ineffective, catalog: Catalog) -> Condition:
    point = one.point
    space = catalog.spaces.get(point.space) if point.space else None
    return Condition(
        kind=AlarmKind.INEFFECTIVE,
        severity=Severity.HIGH if point.safety is Safety.CRITICAL else Severity.LOW,
        about=point.id,
        where=space.name if space else point.equipment or point.device,
        text=one.text,
        value=one.value,
        limit=one.limit,
        since=one.since,
    )


def _where(one: Watched) -> str:
    if one.space is not None:
        return one.space.name
    return one.point.equipment or one.point.device


def _quarantine(
    device: Device, catalog: Catalog, watched: Mapping[PointId, Watched], since: datetime, holds: int
) -> Condition:
    points = catalog.points_of(device.id)
    held = f"; {holds} hold{'s stand' if holds != 1 else ' stands'} there, and nothing is released until then"
    return Condition(
        kind=AlarmKind.QUARANTINE,
        severity=_weight(points, watched),
        about=device.id,
        where=_place(device, points, catalog),
        text=f"{device.name} in quarantine: {device.quarantine}{held if holds else ''}",
        since=since,
    )


def _offline(device: Device, catalog: Catalog, watched: Mapping[PointId, Watched], since: datetime) -> Condition:
    points = catalog.points_of(device.id)
    return Condition(
        kind=AlarmKind.OFFLINE,
        severity=_weight(points, watched),
        about=device.id,
        where=_place(device, points, catalog),
        text=f"{device.name} silent, {len(points)} point{'s' if len(points) != 1 else ''} unknown",
        value="no answer",
        since=since,
    )


def _weight(points: Iterable[Point], watched: Mapping[PointId, Watched]) -> Severity:
    """Of trouble with a device: what is measured or may be touched there decides."""
    matters = any(point.id in watched or point.safety not in (Safety.COMFORT, Safety.UNKNOWN) for point in points)
    return Severity.HIGH if matters else Severity.LOW


def _place(device: Device, points: Iterable[Point], catalog: Catalog) -> str:
    spaces = sorted(
        {catalog.spaces[point.space].name for point in points if point.space and point.space in catalog.spaces}
    )
    first, *others = spaces or [device.name]
    return f"{first} +{len(others)}" if others else first
