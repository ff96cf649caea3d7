"""How a watched point, and a space, stands to its limits: in figures and in words. No clock, no memory of its own.

Only `Quality.GOOD` counts as known: a value that somebody holds by hand at the device (`UNCERTAIN`) is
unknown here, because it says what was set and not what is so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from facility.model import Severity
from facility.profiles import ORDER, Abnormal, Limit, Profile
from points.model import Point, PointId, Quality, Reading, Space
from points.units import show


class Standing(StrEnum):
    """How a point or a space stands to its limits."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A point that has limits or abnormal states, and the space it counts for."""

    point: Point
    space: Space | None
    rule: Limit | Abnormal
    critical: bool
    apart: str = ""  # what tells it from others of its class in the same place


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How one watched point stands, and since when. `alarming`: it is out for longer than its delay."""

    standing: Standing
    since: datetime
    alarming: bool = False
    value: str = ""  # in words, of what is not in
    limit: str = ""
    absurd: bool = False  # the value cannot be: unknown, for the sensor is broken
    reading: Reading | None = None

    @property
    def why(self) -> str:
        return f"{self.value}, {self.limit}" if self.limit else self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceStanding:
    """How one space stands. `severity` is that of the worst point that is alarming; None within the delays."""

    space: Space
    group: str
    critical: bool
    standing: Standing
    severity: Severity | None = None
    partly_unknown: bool = False  # something of it is not known, whatever is known of the rest
    why: str = ""
    since: datetime | None = None

    @property
    def alarming(self) -> bool:
        """It is out for longer than the delay."""
        return self.severity is not None


@dataclass(slots=True)
class Memory:
    """What must be remembered of a point between two looks at it."""

    outside_since: datetime | None = None
    alarming: bool = False
    unknown_since: datetime | None = None
    in_since: datetime | None = None
    ruled_since: datetime | None = None  # when other limits began to hold; what was before was judged by those before

    def move(self, by: timedelta) -> None:
        """The clock was set back: what has lasted for a while has still lasted as long."""
        self.outside_since = self.outside_since and self.outside_since + by
        self.unknown_since = self.unknown_since and self.unknown_since + by
        self.in_since = self.in_since and self.in_since + by
        self.ruled_since = self.ruled_since and self.ruled_since + by

    def rule_anew(self, now: datetime) -> None:
        """From now on other limits hold: delays begin anew, and what was alarming is so until it is seen inside."""
        self.ruled_since, self.in_since = now, None
        self.outside_since = self.outside_since if self.alarming else None

    def begun(self, reading: Reading, now: datetime) -> datetime:
        """Since when what the reading says is so, by the limits of today."""
        began = min(reading.time, now)
        return began if self.ruled_since is None else max(began, self.ruled_since)


def judged(watched: Watched, reading: Reading | None, memory: Memory, now: datetime) -> Judgement:
    absurd = is_absurd(watched.rule, reading)
    if reading is None or not reading.is_good or reading.value is None or absurd:
        memory.unknown_since = memory.unknown_since or (min(reading.at, now) if reading else now)
        memory.in_since = None  # but what was outside is taken to be so until it is seen inside
        value = unknown_words(reading, memory.unknown_since, now)
        if absurd and reading is not None and reading.value is not None:
            value = f"bad sensor ({show(watched.point, reading.value)})"
        return Judgement(
            standing=Standing.UNKNOWN, since=memory.unknown_since, value=value, absurd=absurd, reading=reading
        )
    memory.unknown_since = None
    if not _is_outside(watched.rule, reading, back=memory.alarming):
        memory.outside_since, memory.alarming = None, False
        memory.in_since = memory.in_since or memory.begun(reading, now)
        return Judgement(standing=Standing.IN, since=memory.in_since)
    value, limit = show(watched.point, reading.value), ""
    memory.in_since = None
    memory.outside_since = memory.outside_since or memory.begun(reading, now)
    memory.alarming = memory.alarming or now - memory.outside_since >= timedelta(seconds=watched.rule.delay_s)
    if isinstance(watched.rule, Limit) and not isinstance(reading.value, str):
        limit = limit_words(watched.point, watched.rule, float(reading.value))
    return Judgement(
        standing=Standing.OUT,
        since=memory.outside_since,
        alarming=memory.alarming,
        value=value,
        limit=limit,
        reading=reading,
    )


def is_inside(rule: Limit | Abnormal, reading: Reading | None) -> bool:
    """Whether what was in is in still: a good value, possible, and not outside."""
    if reading is None or reading.quality is not Quality.GOOD or reading.value is None:
        return False
    return not (is_absurd(rule, reading) or _is_outside(rule, reading, back=False))


def is_absurd(rule: Limit | Abnormal, reading: Reading | None) -> bool:
    """Whether the value cannot be: then the sensor is broken, and says nothing."""
    if reading is None or not reading.is_good or isinstance(reading.value, str) or reading.value is None:
        return False
    return isinstance(rule, Limit) and rule.sane is not None and abs(float(reading.value)) > rule.sane


def _is_outside(rule: Limit | Abnormal, reading: Reading, *, back: bool) -> bool:
    """`back`: it is alarming already, and must come further inside than the limit to count as back."""
    if isinstance(reading.value, str) or reading.value is None:
        return False
    if isinstance(rule, Limit):
        return rule.excess(float(reading.value), rule.deadband if back else 0.0)
    return int(reading.value) in rule.states


def space_standing(
    space: Space, profile: Profile, members: list[Watched], points: Mapping[PointId, Judgement], now: datetime
) -> SpaceStanding:
    members_judged = [(watched, points[watched.point.id]) for watched in members]
    unknown_why, unknown_since = _unknown(profile, members_judged)

    def standing(standing: Standing, why: str, since: datetime | None, severity: Severity | None) -> SpaceStanding:
        return SpaceStanding(
            space=space,
            group=profile.group,
            critical=profile.critical,
            standing=standing,
            severity=severity,
            partly_unknown=bool(unknown_why),
            why=why,
            since=since,
        )

    out = [pair for pair in members_judged if pair[1].standing is Standing.OUT]
    if out:
        watched, worst = min(out, key=_worst_first)
        why = worst.why if worst.limit else f"{watched.point.name}: {worst.value}"
        return standing(Standing.OUT, why, worst.since, watched.rule.severity if worst.alarming else None)
    if unknown_why:
        return standing(Standing.UNKNOWN, unknown_why, unknown_since, None)
    return standing(Standing.IN, "", max(judgement.since for _, judgement in members_judged), None)


def _worst_first(pair: tuple[Watched, Judgement]) -> tuple[bool, int, datetime]:
    watched, judgement = pair
    return not judgement.alarming, ORDER.index(watched.rule.severity), judgement.since


def _unknown(profile: Profile, members_judged: list[tuple[Watched, Judgement]]) -> tuple[str, datetime | None]:
    """What is not known of a space, and since when; no words if all is."""
    unknown = [judgement for _, judgement in members_judged if judgement.standing is Standing.UNKNOWN]
    if unknown:
        first = min(unknown, key=lambda judgement: judgement.since)
        return first.value, first.since
    present = {watched.point.point_class for watched, _ in members_judged}
    missing = [name for name, limit in profile.limits.items() if limit.needed and name not in present]
    if missing:
        return f"no {missing[0].replace('-', ' ')} point", None
    return ("", None) if members_judged else ("no points", None)


def limit_words(point: Point, limit: Limit, value: float) -> str:
    """The limit that was left, as the screens say it: "max 24.0", "needs -2.5"."""
    value = abs(value) if limit.magnitude else value
    if limit.low is not None and value < limit.low + limit.deadband:
        side, word = limit.low, "min"
    elif limit.high is not None:
        side, word = limit.high, "max"
    else:
        return ""
    number = show(point, side).split(" ")[0]
    return f"needs {number}" if point.point_class == "room-pressure" else f"{word} {number}"


def unknown_words(reading: Reading | None, since: datetime, now: datetime) -> str:
    """Why nothing is known, and for how long: "no data 21 min", "bad sensor"."""
    if reading is not None and reading.quality is Quality.BAD and reading.reason != "offline":
        return "bad sensor" if reading.reason in ("", "nan", "infinite", "fault") else reading.reason.replace("-", " ")
    if reading is not None and reading.quality is Quality.UNCERTAIN:
        return f"uncertain ({reading.reason})" if reading.reason else "uncertain"
    word = "offline" if reading is not None and reading.reason == "offline" else "no data"
    return f"{word} {lasting(now - since)}"


def lasting(span: timedelta) -> str:
    """A stretch of time as people say it: "41 min", "3 h", "2 d"."""
    seconds = max(int(span.total_seconds()), 0)
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and (unit != "h" or seconds >= 2 * size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
