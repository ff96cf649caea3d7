"""What the guard has to know of a command, gathered at the moment of judging; nothing here changes anything.

Its judgement is `facility.guard.judge`'s; this is where catalog, readings, profiles, rooms and claims come together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from facility.books import AGENT
from facility.envelope import Room, within_reach
from facility.fitting import fitted
from facility.guard import Beds, Limits, Surroundings, judge
from facility.model import GUARD, Claim, Command, is_policy
from facility.pace import Paces, next_step, ramp_lasts
from facility.profiles.model import CommandRule
from facility.ruling import Verdict
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import UnknownPoint
from points.model import Kind, Point, PointId, Priority, Value
from points.store import PointStore
from schedules.feeds import Feeds


def unlimited(_point: Point) -> Limits | None:
    """No limits but the device's own."""
    return None


def unruled(_point: Point) -> CommandRule:
    """Anybody may, at any pace."""
    return CommandRule()


def roomless(_point: Point) -> Room | None:
    """No point belongs to a critical room."""
    return None


def bedless(_point: Point) -> Beds | None:
    """No point is where patients sleep."""
    return None


class Standing(Protocol):
    """What is held at the start."""

    def standing(self) -> Iterable[Claim]: ...


class Judge:
    """Asks the guard, with everything that it has to be told."""

    def __init__(
        self,
        catalog: CatalogBook,
        store: PointStore,
        claims: Standing,
        clock: Clock,
        *,
        limits: Callable[[Point], Limits | None] = unlimited,
        rule: Callable[[Point], CommandRule] = unruled,
        room: Callable[[Point], Room | None] = roomless,
        beds: Callable[[Point], Beds | None] = bedless,
    ) -> None:
        """`rule`: who may command a point, and its pace. `room`: the critical room it belongs to, as it is.
        `beds`: what the beds of its room mean for policies, None where no patient sleeps.
        """
        self.paces = Paces(clock.now)
        for claim in claims.standing():
            self.paces.stood(claim.point, claim.value, claim.since)
        self._catalog = catalog
        self._store = store
        self._clock = clock
        self._limits = limits
        self._rule = rule
        self._room = room
        self._beds = beds

    def __call__(
        self,
        command: Command,
        *,
        accepted: bool = False,
        staying: bool = False,
        step: Value | None = None,
        fresh: Mapping[PointId, Value | None] | None = None,
    ) -> Verdict:
        """What the guard says to `command` at this moment.

        `accepted`: it stands already, and is put back or driven on; `staying`: it is given more time, nothing else.
        `step`: the value that the point will really have; without it, what would be written first. `fresh`: what
        setpoints of the room were read to be just now.
        """
        try:
            point = self._catalog.current.point(command.point)
        except UnknownPoint as error:
            return Verdict(decision="refused", rule="unknown-point", why=str(error))
        room = self._room(point)
        known = Surroundings(
            now=self._clock.now(),
            limits=self._limits(point),
            reading=self._store.get(point.id),
            rule=self._rule(point),
            pace=self.paces.of(point.id),
            room=room if room is None or fresh is None else room.with_setpoints(fresh),
            beds=self._beds(point) if is_policy(command.by) else None,
            step=step if step is not None or accepted or staying else self._first_step(command, point),
            accepted=accepted or staying,
            staying=staying,
        )
        return judge(command, point, known)

    def fit(self, command: Command) -> Command:
        """The same command with its value in the point's own type; only for one that was not refused."""
        point = self._catalog.current.point(command.point)
        value = None if command.value is None else fitted(command.value, point)
        return replace(command, value=value, priority=Priority(command.priority))

    def air_of(self, point: Point) -> Room | None:
        """The room whose pressure the point makes together with another; None if it makes none."""
        room = self._room(point)
        return None if room is None or room.other(point.id) is None else room

    def is_ramped(self, point: Point) -> bool:
        return self._rule(point).ramp_per_minute is not None

    def rests_until(self, point: Point) -> datetime | None:
        """Until when the actuator is left alone between two steps of a ramp."""
        latest = self.paces.of(point.id).latest
        return None if latest is None else latest + timedelta(seconds=self._rule(point).spacing_s)

    def _first_step(self, command: Command, point: Point) -> Value | None:
        """What would be written first on the way to the command's value; None if that is the value itself."""
        goal = None if command.value is None else fitted(command.value, point)
        reading = self._store.get(point.id)
        at = reading.value if reading is not None and reading.is_good else None
        if goal is None or at is None or command.by == GUARD:
            return None
        step = self.step(at, goal, point)
        return None if step == goal else step

    def ramp(self, command: Command) -> timedelta:
        """How long the way to the command's value takes; no time where it is written at once, or its start unknown."""
        point, reading = self._catalog.current.point(command.point), self._store.get(command.point)
        at, goal = reading.value if reading is not None and reading.is_good else None, command.value
        if point.kind is not Kind.ANALOG or at is None or goal is None or isinstance(at, str) or isinstance(goal, str):
            return timedelta(0)
        return ramp_lasts(float(at), float(goal), self._rule(point), _full_range(point, self._room(point)))

    def step(
        self, at: Value | None, goal: Value, point: Point, fresh: Mapping[PointId, Value | None] | None = None
    ) -> Value:
        """What to write on the way from `at` to `goal`: the goal itself, where the point is not ramped."""
        if point.kind is not Kind.ANALOG or at is None or isinstance(at, str) or isinstance(goal, str):
            return goal
        room = self._room(point)
        room = room if room is None or fresh is None else room.with_setpoints(fresh)
        step = next_step(float(at), float(goal), self._rule(point), _full_range(point, room))
        if room is None or step == goal == at or self._rule(point).ramp_per_minute is None:
            return step
        return within_reach(point.id, float(at), step, room)


def by_itself(command: Command) -> bool:
    """Whether nobody at a screen asks for it."""
    return is_policy(command.by) or command.by in (AGENT, GUARD)


def _full_range(point: Point, room: Room | None) -> float:
    """What the percent of a ramp are of; 0 where nothing says it, and then there is no ramp."""
    for way in (room.supply, room.extract) if room is not None else ():
        if way is not None and way.point == point.id and way.rest is not None:
            return way.rest
    if point.low is not None and point.high is not None:
        return point.high - point.low
    return 100.0 if point.unit == "percent" else 0.0


Judging = Callable[[PointStore, Clock, Callable[[], Feeds]], Judge]
"""A judge for these readings, this time and what was heard: those of the building, or of a rehearsal."""
