"""What the site makes looser than what is shipped or than what its points were taken for. Pure.

A relaxation names what, from what and to what. It holds once two different people have agreed to exactly
that; until then the stricter holds, and a changed value or a point that a rule later selects needs its own
two. To make something stricter needs nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from facility.profiles import Profiles
from facility.profiles.airways import air_path
from facility.profiles.looser import ENERGY
from facility.profiles.looser_commands import WHO
from facility.profiles.steps import NONE, Step, shown
from points.classify.equipment import CENTRAL
from points.model import Point, PointId, Safety, Space, SpaceId
from points.site_rules import STRICTNESS, UNTAGGED, EquipmentTags, PointRule, SpaceRule, apply, in_space
from schedules.occupancy import is_sensor

PEOPLE_NEEDED = 2

Agreed = Callable[[str], bool]
"""Whether enough people agreed to the relaxation of that key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxation:
    """Something that the site makes looser."""

    what: str  # "profile operating_room.limits.room-pressure.low", "point ahu-1/x safety", "space or-3 type"
    before: str
    after: str
    places: frozenset[str] = frozenset()  # ids and types of the spaces that it is about
    point: PointId | None = None

    @property
    def key(self) -> str:
        return f"{self.what} {self.before} -> {self.after}"


def nobody_agreed(_key: str) -> bool:
    return False


def enough(people: Collection[str]) -> bool:
    """Whether so many different people agreed."""
    return len(set(people)) >= PEOPLE_NEEDED


def of_step(step: Step) -> Relaxation:
    """A relaxation of a profile."""
    return Relaxation(
        what=f"profile {step.where}", before=step.before, after=step.after, places=frozenset({step.path[0]})
    )


class Gate:
    """Lets through what the site's rules make stricter, and of what they make looser, what was agreed to."""

    def __init__(self, profiles: Profiles, agreed: Agreed = nobody_agreed) -> None:
        self._profiles = profiles
        self._agreed = agreed
        self.found: tuple[Relaxation, ...] = ()
        """All that the latest catalog's rules make looser."""

    def apply(
        self,
        points: Sequence[Point],
        point_rules: Sequence[PointRule],
        space_rules: Sequence[SpaceRule],
        spaces: Collection[Space],
        tags: EquipmentTags = UNTAGGED,
    ) -> tuple[list[Point], list[Space]]:
        """The points and spaces as the site says they are, as far as that holds."""
        found: list[Relaxation] = []
        was = {space.id: space for space in spaces}
        held = [self._retyped(rule, was, found) for rule in space_rules]
        ruled, named = apply(points, point_rules, held, spaces, tags)
        known = {space.id: space for space in named}
        if any(rule.safety is not None for rule in point_rules):
            silent = [replace(rule, safety=None) for rule in point_rules]
            guessed = {point.id: point.safety for point in apply(points, silent, held, spaces, tags)[0]}
        else:
            guessed = {}
        judged = {point.id: point for point in points}
        let_through = [
            point
            if point is judged[point.id]
            else self._held(point, judged[point.id], guessed.get(point.id, point.safety), was, known, found)
            for point in ruled
        ]
        self.found = tuple(found)
        return let_through, named

    def _retyped(self, rule: SpaceRule, was: Mapping[SpaceId, Space], found: list[Relaxation]) -> SpaceRule:
        before = was.get(SpaceId(rule.id))
        if before is None or not self._weaker(before.type, rule.type):
            return rule
        places = frozenset({rule.id, before.type, rule.type})
        relaxation = Relaxation(what=f"space {rule.id} type", before=before.type, after=rule.type, places=places)
        found.append(relaxation)
        return rule if self._agreed(relaxation.key) else replace(rule, type=before.type)

    def _held(
        self,
        ruled: Point,
        judged: Point,
        guessed: Safety,
        was: Mapping[SpaceId, Space],
        known: Mapping[SpaceId, Space],
        found: list[Relaxation],
    ) -> Point:
        """The point as the rules make it, but for what was not agreed to."""
        places = _places(ruled, known) | _places(judged, was)

        def blocked(what: str, before: str, after: str) -> bool:
            relaxation = Relaxation(
                what=f"point {ruled.id} {what}", before=before, after=after, places=places, point=ruled.id
            )
            found.append(relaxation)
            return not self._agreed(relaxation.key)

        point = ruled
        old, new = _space(judged, was), _space(point, known)
        if (
            old is not None
            and old.id != point.space
            and self._leaves(old, new)
            and blocked("space", old.id, point.space or NONE)
        ):
            point = in_space(point, old.id, known)
        elif (
            old is None
            and new is not None
            and self._leaves_the_plant(point, judged, new)
            and blocked("space", NONE, new.id)
        ):
            point = replace(point, space=None)
        if STRICTNESS.index(point.safety) < STRICTNESS.index(guessed) and blocked(
            "safety", guessed.value, point.safety.value
        ):
            point = replace(point, safety=guessed)
        space = _space(point, known)
        if self._taken_for_less(point, replace(point, point_class=judged.point_class), space) and blocked(
            "class", judged.point_class, point.point_class
        ):
            point = replace(point, point_class=judged.point_class, confidence=judged.confidence)
        if self._said_otherwise(point, replace(point, name=judged.name), space) and blocked(
            "name", judged.name, point.name
        ):
            point = replace(point, name=judged.name)
        return self._within(point, space, blocked)

    def _within(self, point: Point, space: Space | None, blocked: Callable[[str, str, str], bool]) -> Point:
        """The site's own limits and deadline, where they are not wider than the profile's, or agreed to."""
        if (point.site_low, point.site_high) != (None, None):
            limit = self._profiles.command_limits(replace(point, site_low=None, site_high=None), space)
            low, high = (limit.low, limit.high) if limit is not None else (None, None)
            if (
                low is not None
                and point.site_low is not None
                and point.site_low < low
                and blocked("limit-low", shown(low), shown(point.site_low))
            ):
                point = replace(point, site_low=None)
            if (
                high is not None
                and point.site_high is not None
                and point.site_high > high
                and blocked("limit-high", shown(high), shown(point.site_high))
            ):
                point = replace(point, site_high=None)
        profile = self._profiles.of_point(point, space)
        if (
            profile is not None
            and point.deadline_s is not None
            and point.deadline_s > profile.deadline_s
            and blocked("deadline", shown(profile.deadline_s), shown(point.deadline_s))
        ):
            point = replace(point, deadline_s=None)
        return point

    def _leaves_the_plant(self, point: Point, judged: Point, space: Space) -> bool:
        """A machine that is in no one room is freer in one than where the rules for plant speak."""
        return judged.equipment_type in CENTRAL and self._freedom(point, space) > self._freedom(judged, None)

    def _taken_for_less(self, point: Point, judged: Point, space: Space | None) -> bool:
        """In a critical place the class of a point decides its limits, its evidence and who may command it."""
        if judged.point_class == point.point_class:
            return False
        critical = self._profiles.is_critical(judged, space)
        if judged.point_class == "unknown":  # to watch what was not understood is stricter; to call a room empty is not
            return critical and is_sensor(point)
        freer = self._freedom(point, space) > self._freedom(judged, space)
        return freer or critical

    def _said_otherwise(self, point: Point, judged: Point, space: Space | None) -> bool:
        """Whether the new name changes what the profile makes of the point: it tells supply from extract."""
        if point.name == judged.name or self._profiles.of_point(point, space) is None:
            return False
        freer = self._freedom(point, space) > self._freedom(judged, space)
        rules = [
            (self._profiles.command_limits(each, space), self._profiles.abnormal(each, space), air_path(each))
            for each in (point, judged)
        ]
        return freer or (rules[0] != rules[1] and self._profiles.is_critical(point, space))

    def _freedom(self, point: Point, space: Space | None) -> int:
        return WHO.index(self._profiles.command_rule(point, space).who)

    def _leaves(self, old: Space, new: Space | None) -> bool:
        """Whether a point is judged less strictly there; or was evidence of a critical room, and of no other."""
        profile = self._profiles.of(old.type)
        return (profile is not None and profile.critical) or self._weaker(old.type, new.type if new else "unknown")

    def _weaker(self, before: str, after: str) -> bool:
        """Whether the second type is treated less strictly; of a critical one, whether it is another."""
        old, new = self._profiles.of(before), self._profiles.of(after)
        if old is None or old == new:
            return False
        if old.critical or new is None:
            return True
        return ENERGY.index(new.energy_measures) > ENERGY.index(old.energy_measures)


def _space(point: Point, spaces: Mapping[SpaceId, Space]) -> Space | None:
    return spaces.get(point.space) if point.space is not None else None


def _places(point: Point, spaces: Mapping[SpaceId, Space]) -> frozenset[str]:
    space = _space(point, spaces)
    return frozenset() if space is None else frozenset({space.id, space.type})
