"""The building at a glance."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire
from facility.wire.commands import WaitingInfo
from facility.wire.holds import Hold, OverrideInfo


class Lamp(Wire):
    new: int
    standing: int


class SpaceState(Wire):
    id: str
    name: str
    type: str
    group: str
    state: Literal["in", "out", "unknown"]
    severity: Literal["", "LIFE", "CRIT", "HIGH", "LOW"] = ""
    why: str = ""  # "25.1 °C, max 24.0" or "no data 21 min"
    since: datetime | None = None


class GroupState(Wire):
    """Spaces of one kind: in range / out / UNKNOWN, never merged."""

    name: str
    critical: bool
    in_range: int
    out: int
    unknown: int
    severity: Literal["", "LIFE", "CRIT", "HIGH", "LOW"]
    worst: str


class Upcoming(Wire):
    at: datetime
    what: str
    points: int = 0


class Link(Wire):
    """One connection the agent depends on. `state` other than "ok" is shown first."""

    name: Literal["bacnet", "mqtt", "database", "history", "audit", "planner", "services", "clock", "feeds"]
    state: Literal["ok", "degraded", "down", "off"]
    text: str
    since: datetime | None = None


class PolicyInfo(Wire):
    name: str
    kind: str
    points: int
    held: int
    priority: int
    state: str
    next_change: datetime | None


class Overview(Wire):
    at: datetime
    verdict: Literal["OK", "WATCH", "UNKNOWN", "NOT OK"]
    reasons: list[str]
    groups: list[GroupState]
    spaces: list[SpaceState]
    lamps: dict[Literal["LIFE", "CRIT", "HIGH", "LOW"], Lamp]
    spaces_unknown: int
    devices_online: int
    devices_total: int
    holds: list[Hold]
    upcoming: list[Upcoming]
    policies: list[PolicyInfo]
    links: list[Link]
    banners: list[str]
    points: dict[str, int]  # "total", "in", "out", "unknown", "cov", "poll"
    waiting: list[WaitingInfo] = []  # for a second person
    foreign: int = 0  # what others hold, in slots or by hand; a device's own minimum on/off times are not counted
    overrides: list[OverrideInfo] = []  # the strongest of them
