"""What is known about a point when somebody asks why its value stands. Frozen; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from facility.claims import is_ours
from facility.model import Alarm, Claim
from facility.standing import lasting
from facility.wire import Record
from facility.words import day_and_time
from points.model import Kind, Point, Quality, Reading, Slots, StatusFlags, Value, values_agree
from points.units import show


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """A policy that is written for the point, what its programme says, and what it is going to want."""

    policy: str
    programme: str
    change: datetime | None  # when by the clock alone it may want something else
    turns: str  # the state that the programme has then; "" if it has not changed yet
    wants: Value | None  # of the point after that; None: nothing
    after: Value | None  # wanted when the hold that wins now ends; None: nothing
    level: int
    estimated: bool  # it also depends on readings, and they are taken as they are now


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """What somebody wants of the point and does not have."""

    by: str
    value: Value | None  # None: it was never asked for
    why: str
    rests_on: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known about one point at one moment."""

    point: Point
    now: datetime
    zone: ZoneInfo
    reading: Reading | None
    slots: Slots | None
    looked: datetime  # when the slots were asked for
    trouble: str = ""  # why they could not be read
    claims: tuple[Claim, ...] = ()
    foreign: Mapping[int, datetime] = field(default_factory=dict)  # level -> seen there since
    following: tuple[Following, ...] = ()
    denied: tuple[Denied, ...] = ()
    records: tuple[Record, ...] = ()  # of the audit, newest first
    untold: str = ""  # why there are no records
    alarms: tuple[Alarm, ...] = ()
    effect: str = ""  # what an independent sensor says of the command
    ramp_per_minute: float | None = None  # percent
    offline_since: datetime | None = None
    quarantine: str = ""

    @property
    def about(self) -> str:
        return self.point.name or self.point.id

    @property
    def flags(self) -> StatusFlags:
        return self.reading.flags if self.reading is not None else StatusFlags.NONE

    @property
    def is_unknown(self) -> bool:
        """Whether nothing is known of the value now; what it was once does not count."""
        return self.reading is None or self.reading.quality is Quality.STALE or self.reading.reason == "offline"

    def show(self, value: Value | None) -> str:
        return show(self.point, value)

    def at(self, moment: datetime) -> str:
        return day_and_time(moment, self.now, self.zone)

    def since(self, moment: datetime) -> str:
        """`since 02:02 (12 min)`."""
        return f"since {self.at(moment)} ({lasting(self.now - moment)})"

    def ours(self, level: int) -> Claim | None:
        """The claim whose value stands in the slot; by our books alone where the slots could not be read."""
        claim = next((claim for claim in self.claims if claim.priority == level), None)
        found = self.slots[level] if self.slots is not None else None
        if claim is None or (self.slots is not None and (found is None or not is_ours(claim, found))):
            return None
        return claim

    def beneath(self, level: int) -> list[int]:
        """The slots under that one that hold a value."""
        slots = self.slots
        return [] if slots is None else [other for other in range(level + 1, 17) if slots[other] is not None]


def differs(point: Point, wins: Value, reading: Reading) -> bool:
    """Whether the present value is known and is not what the slots make of it."""
    if reading.value is None or values_agree(wins, reading.value):
        return False
    if point.kind is Kind.ANALOG and point.resolution and not isinstance(wins, str):
        return abs(float(wins) - float(reading.value)) > point.resolution
    return True
