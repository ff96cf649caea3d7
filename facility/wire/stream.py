"""Who answers, what a no looks like, and the messages of the live stream."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.alarms import AlarmInfo
from facility.wire.base import Wire
from facility.wire.overview import Overview
from facility.wire.points import PointInfo, ValueInfo


class Hello(Wire):
    """Who answers, and as whom the caller is known."""

    site: str
    site_name: str
    agent: str
    version: str
    zone: str  # IANA
    pretend: bool  # a simulated hospital
    user: str
    role: Literal["viewer", "operator", "engineer", "admin", "auditor", "service"]
    started: datetime
    permissions: list[str] = []  # what that role may: "see", "command", "acknowledge", ...
    spaces: list[str] = []  # ids or types of the spaces in which the caller may act; empty: everywhere
    shortest_minutes: float = 15  # that the caller may hold a point
    longest_minutes: float = 24 * 60


class Trouble(Wire):
    """An error answer of the API."""

    error: Literal["unknown-point", "bad-wish", "not-allowed", "stale-plan", "unknown", "busy", "internal"]
    text: str


class Update(Wire):
    """One message of the live stream. Values come complete once, then as they change; all else is always complete."""

    kind: Literal["hello", "catalog", "values", "overview", "alarms"]
    at: datetime
    hello: Hello | None = None
    points: list[PointInfo] | None = None
    more: bool = False  # of a catalog: the next message goes on with it; `RemoteFacility` puts them together
    values: list[ValueInfo] | None = None
    overview: Overview | None = None
    alarms: list[AlarmInfo] | None = None
