"""Points: what they are, what they read, what their slots hold, and how they went."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire, WireValue


class PointInfo(Wire):
    id: str
    name: str
    description: str
    kind: Literal["analog", "binary", "multistate", "text"]
    point_class: str
    unit: str  # for display: "°C", "Pa", "%"; "" where there is none
    ucum: str = ""  # the same for a program: "Cel", "Pa", "%"; "" where there is no code
    states: list[str]
    low: float | None
    high: float | None
    access: Literal["monitor-only", "commandable"]
    safety: str
    confidence: float
    device: str
    equipment: str
    space: str
    space_name: str
    tags: list[str] = []  # its own, its equipment's, its space's: what `tag:` goes by
    object: str  # "analog-value 14"
    commandable: bool  # has a priority array, whether or not we may use it
    present: bool
    quarantined: bool = False  # its device may be another than the one we knew
    limit_low: float | None = None  # of the clinical profile or configuration
    limit_high: float | None = None
    command_low: float | None = None  # between these it may be commanded: the device's own range, and the rules
    command_high: float | None = None
    topic: str = ""  # where MQTT shows it


class ValueInfo(Wire):
    """A reading on the wire. `state` is the tag of the row: "" in range, "!" or "!!" out, "?" unknown."""

    id: str
    value: WireValue | None
    quality: Literal["good", "uncertain", "bad", "stale"]
    reason: str = ""
    time: datetime
    at: datetime
    source: Literal["cov", "poll", "write", "restore"]
    flags: int = 0
    tag: Literal["", "!", "!!", "?"] = ""
    held: str = ""  # "8 mchen" where one of our claims stands


class SlotInfo(Wire):
    priority: int
    value: str  # with unit or state text; "" when empty
    by: str  # whose, as far as we know; "not ours" for a foreign value


class Bucket(Wire):
    """A stretch of a trend. All None where nothing is known; `missing` seconds of it had no good value."""

    start: datetime
    low: float | None
    high: float | None
    mean: float | None
    last: float | None
    missing: float


class Trend(Wire):
    point: str
    since: datetime
    until: datetime
    buckets: list[Bucket]
