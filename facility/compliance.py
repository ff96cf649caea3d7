"""Which spaces are as they must be, which are not, and of which nobody knows. No I/O, no clock.

A space is *in* only if every limited point of it has a good reading inside its limits. It is *out*
as soon as one is outside, and *alarming* when that has lasted longer than the point's delay: the
delay holds back the alarm, never the truth. Anything else is *unknown*: unknown is never counted as
in order. A lobby in which only the lights are known is not counted at all; an operating room always is.

Only `Quality.GOOD` counts as known: a value that somebody holds by hand at the device (`UNCERTAIN`) is
unknown here, because it says what was set and not what is so. When the clock is set back, what has
lasted for a while has still lasted as long; and what stood before a restart is alarming until it is
seen inside (`remember`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from facility.apart import told_apart
from facility.model import Severity
from facility.profiles import ORDER, Abnormal, Limit, Profile, Profiles
from points.catalog import Catalog
from points.model import Point, PointId, Quality, Reading, Space, SpaceId
from points.units import show

Readings = Callable[[PointId], Reading | None]


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
class _Memory:
    """What must be remembered of a point between two looks at it."""

    outside_since: datetime | None = None
    alarming: bool = False
    unknown_since: datetime | None = None
    in_since: datetime | None = None

    def move(self, by: timedelta) -> None:
        """The clock was set back: what has lasted for a while has still lasted as long."""
        self.outside_since = self.outside_since and self.outside_since + by
        self.unknown_since = self.unknown_since and self.unknown_since + by
        self.in_since = self.in_since and self.in_since + by


class Compliance:
    """Remembers since when; `update` looks again, the rest says what was seen.

    What is inside its limits, and was before, costs next to nothing: of thousands of points most are, most of the time.
    """

    def __init__(self, profiles: Profiles) -> None:
        self._profiles = profiles
        self._catalog: Catalog | None = None
        self._looked: datetime | None = None
        self._lived_in: frozenset[SpaceId] = frozenset()  # spaces with points of any kind
        self._members: dict[SpaceId, list[Watched]] = {}
        self._standings: dict[SpaceId, SpaceStanding] = {}
        self._memory: dict[PointId, _Memory] = {}
        self._remembered: dict[PointId, datetime] = {}
        self._points: dict[PointId, Judgement] = {}
        self._not_in: dict[PointId, Judgement] = {}
        self.watched: Mapping[PointId, Watched] = {}
        self.spaces: tuple[SpaceStanding, ...] = ()

    @property
    def points(self) -> Mapping[PointId, Judgement]:
        """How every watched point stands."""
        return self._points

    @property
    def not_in(self) -> Mapping[PointId, Judgement]:
        """Those of `points` that are not known to be inside: all that anything needs to be said of."""
        return self._not_in

    def remember(self, alarming: Mapping[PointId, datetime]) -> None:
        """What was alarming before a restart, since when: it is until it is seen inside."""
        self._remembered |= alarming

    def update(
        self, now: datetime, catalog: Catalog, readings: Readings, changed: Iterable[PointId] | None = None
    ) -> bool:
        """Judges every watched point anew, or those whose reading `changed`, and the spaces they are in.

        True if one of them went in, out or unknown, or became alarming.
        """
        touched: set[SpaceId] = set()
        if catalog is not self._catalog:
            changed = None
            touched.update(self._take(catalog, now))
        if self._looked is not None and now < self._looked:
            changed = None
            self._move(now - self._looked)
            touched.update(catalog.spaces)
        self._looked = now
        stirred = False
        for point in self.watched if changed is None else changed:
            watched = self.watched.get(point)
            if watched is None:
                continue
            before, reading = self._points.get(point), readings(point)
            memory = self._memory[point]
            if before is not None and memory.in_since is not None and _is_inside(watched.rule, reading):
                continue
            judgement = _judged(watched, reading, memory, now)
            if judgement == before:
                continue
            self._enter(point, judgement)
            stirred |= before is None or (before.standing, before.alarming) != (judgement.standing, judgement.alarming)
            if watched.space is not None:
                touched.add(watched.space.id)
        if touched:
            self._look_at_spaces(touched, now, catalog)
        return stirred

    def _take(self, catalog: Catalog, now: datetime) -> Iterable[SpaceId]:
        """A new catalog: everything about it is judged anew; what is remembered of its points stays."""
        self._catalog = catalog
        self.watched = {watched.point.id: watched for watched in _watched(catalog, self._profiles)}
        self._lived_in = frozenset(point.space for point in catalog.points.values() if point.space)
        self._memory = {point: self._memory.get(point) or self._memory_of(point, now) for point in self.watched}
        self._points, self._not_in, self._standings, self._members = {}, {}, {}, {}
        for watched in self.watched.values():
            if watched.space is not None and _counts_for_space(watched.rule):
                self._members.setdefault(watched.space.id, []).append(watched)
        self.spaces = ()
        return catalog.spaces

    def _memory_of(self, point: PointId, now: datetime) -> _Memory:
        since = self._remembered.pop(point, None)
        return _Memory(outside_since=since and min(since, now), alarming=since is not None)

    def _move(self, by: timedelta) -> None:
        for memory in self._memory.values():
            memory.move(by)
        self._points = {point: replace(judged, since=judged.since + by) for point, judged in self._points.items()}
        self._not_in = {point: self._points[point] for point in self._not_in}

    def _enter(self, point: PointId, judgement: Judgement) -> None:
        self._points[point] = judgement
        if judgement.standing is Standing.IN:
            self._not_in.pop(point, None)
        else:
            self._not_in[point] = judgement

    def _look_at_spaces(self, touched: Iterable[SpaceId], now: datetime, catalog: Catalog) -> None:
        for identity in touched:
            standing = self._space(catalog.spaces[identity], now)
            if standing is not None:
                self._standings[identity] = standing
        self.spaces = tuple(self._standings[space] for space in catalog.spaces if space in self._standings)

    def _space(self, space: Space, now: datetime) -> SpaceStanding | None:
        profile = self._profiles.of(space.type)
        if profile is not None:
            if space.id in self._members or space.id not in self._lived_in or profile.must_be_watched:
                return _space(space, profile, self._members.get(space.id, []), self._points, now)
        elif space.type != "unknown":  # somebody said what it is, but nobody what it must be like
            why = f"no profile for {space.type!r}"
            return SpaceStanding(
                space=space, group="Support & offices", critical=False, standing=Standing.UNKNOWN, why=why
            )
        return None


def _counts_for_space(rule: Limit | Abnormal) -> bool:
    """All limits; of states only those that endanger: an open refrigerator door is an alarm, but in range."""
    return isinstance(rule, Limit) or rule.severity in (Severity.LIFE, Severity.CRIT)


def _watched(catalog: Catalog, profiles: Profiles) -> Iterable[Watched]:
    found = list(_with_rules(catalog, profiles))
    apart = told_apart(watched.point for watched in found)
    return (replace(watched, apart=apart.get(watched.point.id, "")) for watched in found)


def _with_rules(catalog: Catalog, profiles: Profiles) -> Iterable[Watched]:
    for point in catalog.points.values():
        space = catalog.spaces.get(point.space) if point.space else None
        rule = profiles.limits(point, space) or profiles.abnormal(point, space)
        if rule is not None:
            yield Watched(point=point, space=space, rule=rule, critical=profiles.is_critical(point, space))


def _judged(watched: Watched, reading: Reading | None, memory: _Memory, now: datetime) -> Judgement:
    absurd = _is_absurd(watched.rule, reading)
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
        memory.in_since = memory.in_since or min(reading.time, now)
        return Judgement(standing=Standing.IN, since=memory.in_since)
    value, limit = show(watched.point, reading.value), ""
    memory.in_since = None
    memory.outside_since = memory.outside_since or min(reading.time, now)
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


def _is_inside(rule: Limit | Abnormal, reading: Reading | None) -> bool:
    """Whether what was in is in still: a good value, possible, and not outside."""
    if reading is None or reading.quality is not Quality.GOOD or reading.value is None:
        return False
    return not (_is_absurd(rule, reading) or _is_outside(rule, reading, back=False))


def _is_absurd(rule: Limit | Abnormal, reading: Reading | None) -> bool:
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


def _space(
    space: Space, profile: Profile, members: list[Watched], points: Mapping[PointId, Judgement], now: datetime
) -> SpaceStanding:
    judged = [(watched, points[watched.point.id]) for watched in members]
    unknown_why, unknown_since = _unknown(profile, judged)

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

    out = [pair for pair in judged if pair[1].standing is Standing.OUT]
    if out:
        watched, worst = min(out, key=_worst_first)
        why = worst.why if worst.limit else f"{watched.point.name}: {worst.value}"
        return standing(Standing.OUT, why, worst.since, watched.rule.severity if worst.alarming else None)
    if unknown_why:
        return standing(Standing.UNKNOWN, unknown_why, unknown_since, None)
    return standing(Standing.IN, "", max(judgement.since for _, judgement in judged), None)


def _worst_first(pair: tuple[Watched, Judgement]) -> tuple[bool, int, datetime]:
    watched, judgement = pair
    return not judgement.alarming, ORDER.index(watched.rule.severity), judgement.since


def _unknown(profile: Profile, judged: list[tuple[Watched, Judgement]]) -> tuple[str, datetime | None]:
    """What is not known of a space, and since when; no words if all is."""
    unknown = [judgement for _, judgement in judged if judgement.standing is Standing.UNKNOWN]
    if unknown:
        first = min(unknown, key=lambda judgement: judgement.since)
        return first.value, first.since
    present = {watched.point.point_class for watched, _ in judged}
    missing = [name for name, limit in profile.limits.items() if limit.needed and name not in present]
    if missing:
        return f"no {missing[0].replace('-', ' ')} point", None
    return ("", None) if judged else ("no points", None)


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
