"""Which spaces are as they must be, which are not, and of which nobody knows. No I/O, no clock.

A space is *in* only if every limited point of it has a good reading inside its limits. It is *out*
as soon as one is outside, and *alarming* when that has lasted longer than the point's delay: the
delay holds back the alarm, never the truth. Anything else is *unknown*: unknown is never counted as
in order. A lobby in which only the lights are known is not counted at all; an operating room always is.

Only `Quality.GOOD` counts as known: a value that somebody holds by hand at the device (`UNCERTAIN`) is
unknown here, because it says what was set and not what is so. When the clock is set back, what has
lasted for a while has still lasted as long; and what stood before a restart is alarming until it is
seen inside (`remember`).

A room whose beds are all surely free is judged as the guard judges it then: by the wider temperatures that its profile
gives an empty room (`vacated`). When that is over, the ordinary limits hold again, and their delays begin.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from facility.apart import told_apart
from facility.model import Severity
from facility.profiles import Abnormal, Limit, Profile, Profiles
from facility.standing import Judgement, Memory, SpaceStanding, Standing, Watched, is_inside, judged, space_standing
from points.catalog import Catalog
from points.model import PointId, Reading, Space, SpaceId

Readings = Callable[[PointId], Reading | None]


class Compliance:
    """Remembers since when; `update` looks again, the rest says what was seen.

    What is inside its limits, and was before, costs next to nothing: of thousands of points most are, most of the time.
    """

    def __init__(self, profiles: Profiles, vacated: Callable[[], Collection[SpaceId]] = tuple) -> None:
        """`vacated`: the rooms whose beds are surely free at this moment."""
        self._profiles = profiles
        self._vacated = vacated
        self._wider: dict[SpaceId, dict[PointId, tuple[Limit | Abnormal, Limit]]] = {}  # of bed rooms: usual, empty
        self._empty: frozenset[SpaceId] = frozenset()
        self._catalog: Catalog | None = None
        self._looked: datetime | None = None
        self._lived_in: frozenset[SpaceId] = frozenset()  # spaces with points of any kind
        self._members: dict[SpaceId, list[Watched]] = {}
        self._standings: dict[SpaceId, SpaceStanding] = {}
        self._memory: dict[PointId, Memory] = {}
        self._remembered: dict[PointId, datetime] = {}
        self._points: dict[PointId, Judgement] = {}
        self._not_in: dict[PointId, Judgement] = {}
        self._watched: dict[PointId, Watched] = {}
        self.spaces: tuple[SpaceStanding, ...] = ()

    @property
    def watched(self) -> Mapping[PointId, Watched]:
        """The points that have limits or abnormal states, with those that hold now."""
        return self._watched

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
        turned = self._turn(now)
        stirred = False
        for point in self._watched if changed is None else {*changed, *turned}:
            watched = self._watched.get(point)
            if watched is None:
                continue
            before, reading = self._points.get(point), readings(point)
            memory = self._memory[point]
            if before is not None and memory.in_since is not None and is_inside(watched.rule, reading):
                continue
            judgement = judged(watched, reading, memory, now)
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
        self._watched = {watched.point.id: watched for watched in _watched(catalog, self._profiles)}
        self._find_wider()
        self._lived_in = frozenset(point.space for point in catalog.points.values() if point.space)
        self._memory = {point: self._memory.get(point) or self._memory_of(point, now) for point in self._watched}
        self._points, self._not_in, self._standings, self._members = {}, {}, {}, {}
        for watched in self._watched.values():
            if watched.space is not None and _counts_for_space(watched.rule):
                self._members.setdefault(watched.space.id, []).append(watched)
        self.spaces = ()
        return catalog.spaces

    def _find_wider(self) -> None:
        self._wider = {}
        for point, watched in self._watched.items():
            limit = self._profiles.vacated_limits(watched.point, watched.space)
            if limit is not None and watched.space is not None:
                self._wider.setdefault(watched.space.id, {})[point] = (watched.rule, limit)
        self._empty &= self._wider.keys()
        for space in self._empty:
            self._rule(space, empty=True)

    def _rule(self, space: SpaceId, *, empty: bool) -> None:
        for point, rules in self._wider[space].items():
            self._watched[point] = replace(self._watched[point], rule=rules[empty])

    def _turn(self, now: datetime) -> set[PointId]:
        """Puts those limits in force that hold now; the points whose limits are others than before."""
        empty = frozenset(self._vacated()) & self._wider.keys() if self._wider else frozenset()
        turned: set[PointId] = set()
        for space in empty ^ self._empty:
            self._rule(space, empty=space in empty)
            self._members[space] = [self._watched[watched.point.id] for watched in self._members[space]]
            for point in self._wider[space]:
                self._memory[point].rule_anew(now)
                turned.add(point)
        self._empty = empty
        return turned

    def _memory_of(self, point: PointId, now: datetime) -> Memory:
        since = self._remembered.pop(point, None)
        return Memory(outside_since=since and min(since, now), alarming=since is not None)

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
                return space_standing(space, profile, self._members.get(space.id, []), self._points, now)
        elif space.type != "unknown":  # somebody said what it is, but nobody what it must be like
            why = f"no profile for {space.type!r}"
            return SpaceStanding(
                space=space, group="Support & offices", critical=False, standing=Standing.UNKNOWN, why=why
            )
        return None


def watched_spaces(catalog: Catalog, profiles: Profiles) -> Iterable[tuple[Space, Profile, list[Watched]]]:
    """Every space that is counted, with what counts for it: none where nothing of a space that must be is known."""
    members: dict[SpaceId, list[Watched]] = {}
    for watched in _with_rules(catalog, profiles):
        if watched.space is not None and _counts_for_space(watched.rule):
            members.setdefault(watched.space.id, []).append(watched)
    lived_in = {point.space for point in catalog.points.values() if point.space}
    for space in catalog.spaces.values():
        profile = profiles.of(space.type)
        if profile is not None and (space.id in members or space.id not in lived_in or profile.must_be_watched):
            yield space, profile, members.get(space.id, [])


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
