"""Lets go of everything that policies hold in a critical room, at once, when the room is not surely as it must be.

- Every reading that says something about a critical room is looked at when it comes, and every second each room in
  which policies hold something, or of which time alone may say something (a door that stands open, a value outside).
  When it has left its limits, its evidence is stale or unknown, or somebody may be in it, all policies' claims there
  are released, the air that leads first.
- Where the profile says so, and only there, protective commands are raised at level 10 once the room has been
  measured outside its limits for a minute; they are renewed as long as it is, and end by themselves.
- Where there is no critical room, nothing is done until another catalog comes.
- A device that is silent holds up no other; what could not be let go of is tried again, at first each second.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sized
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from facility.commands import CommandDesk
from facility.envelope import Room, breach
from facility.fitting import fitted
from facility.model import GUARD, Claim, Command, is_policy
from facility.profiles.airways import air_path, command_class
from facility.profiles.model import Protection
from facility.rooms import Rooms
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.events import Events
from points.model import Access, Event, EventKind, Point, PointId, Priority, Space, SpaceId, values_agree
from points.store import PointStore

TICK_S = 1.0  # half of the two seconds within which everything is let go
OUTSIDE_FOR = timedelta(minutes=1)  # before anything is commanded: a door that is passed is no reason
JUMP = timedelta(seconds=10)  # between two ticks: then the clock was set, or the machine slept

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Again:
    """After a try that did not succeed: doubling from the first pause to the longest."""

    first: timedelta
    at_most: timedelta


ENOUGH = 10  # doublings, to be beyond every longest pause
LET_GO_AGAIN = Again(timedelta(seconds=1), timedelta(seconds=4))
PROTECT_AGAIN = Again(timedelta(seconds=15), timedelta(minutes=4))  # what a device refuses, it will go on refusing


@dataclass(frozen=True, slots=True)
class _Tries:
    latest: datetime
    count: int


class EnvelopeWatcher:
    """The service."""

    name = "envelope"

    def __init__(
        self, rooms: Rooms, desk: CommandDesk, store: PointStore, book: CatalogBook, events: Events, clock: Clock
    ) -> None:
        self._rooms = rooms
        self._desk = desk
        self._store = store
        self._book = book
        self._events = events
        self._clock = clock
        self._catalog: Catalog | None = None
        self._told: dict[SpaceId, str] = {}
        self._at_work: set[SpaceId] = set()
        self._tries: dict[tuple[SpaceId, str], _Tries] = {}

    async def run(self) -> None:
        self._at_work.clear()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._listen(tasks))
                while True:
                    self._look(self._follow(), tasks)
                    self._rooms.watched = True
                    await (self._tick() if self._rooms.spaces else self._book.changed())
        finally:
            self._rooms.watched = False

    async def _tick(self) -> None:
        before = self._clock.now()
        await self._clock.sleep(TICK_S)
        now = self._clock.now()
        if not timedelta(0) <= now - before < JUMP:
            self._rooms.forget_time(now)

    def _follow(self) -> list[SpaceId]:
        """The rooms to look at now: all of them when the catalog is another, else those that time may change."""
        if self._book.current is self._catalog and not self._rooms.outlived:
            return [*{*self._rooms.restless(), *self._with_policies()}]
        self._catalog = self._book.current
        self._rooms.follow(self._catalog)
        return list(self._rooms.spaces)

    async def _listen(self, tasks: asyncio.TaskGroup) -> None:
        with self._store.watch(self._rooms.matters) as readings:
            while True:
                batch = await readings.batch()
                places = {self._rooms.place_of(reading.point) for reading in batch}
                self._look([place for place in places if place is not None], tasks)

    def _look(self, places: Iterable[SpaceId], tasks: asyncio.TaskGroup) -> None:
        now = self._clock.now()
        for place in places:
            if place not in self._rooms.spaces:
                continue  # it has just gone from the catalog
            room = self._rooms.look(place, now)
            why = breach(room, now)
            held = self._held_by_policies(place) if why else []
            wanted = self._protective(place, room, now)
            if held:
                self._rooms.disturbed(place, now)
            if not why:
                self._told.pop(place, None)
            if place in self._at_work:
                continue
            held = held if self._is_due((place, "held"), held, LET_GO_AGAIN, now) else []
            wanted = wanted if self._is_due((place, "wanted"), wanted, PROTECT_AGAIN, now) else []
            if held or wanted:
                self._at_work.add(place)
                tasks.create_task(self._act(room, why, held, wanted))

    def _is_due(self, what: tuple[SpaceId, str], there: Sized, again: Again, now: datetime) -> bool:
        """At once the first time; what did not succeed is tried again, less and less often."""
        tries = self._tries.get(what)
        if not there:
            self._tries.pop(what, None)
            return False
        if tries is not None and timedelta(0) <= now - tries.latest < min(
            again.first * 2 ** min(tries.count, ENOUGH), again.at_most
        ):
            return False
        self._tries[what] = _Tries(now, 0 if tries is None else tries.count + 1)
        return True

    def _with_policies(self) -> Iterable[SpaceId]:
        points = self._book.current.points
        for claim in self._desk.claims.standing() if self._rooms.spaces else ():
            place = points[claim.point].space if is_policy(claim.by) and claim.point in points else None
            if place is not None and place in self._rooms.spaces:
                yield place

    def _held_by_policies(self, place: SpaceId) -> list[Claim]:
        """What leads comes first. Also what is over already: as long as the room is not as it must be, it is urgent."""
        here = {point.id for point in self._rooms.points_of(place)}
        main = self._rooms.look(place, self._clock.now()).main
        claims = [claim for claim in self._desk.claims.standing() if claim.point in here and is_policy(claim.by)]
        return sorted(claims, key=lambda claim: main is None or claim.point != main.point)

    async def _act(self, room: Room, why: str, held: list[Claim], wanted: list[Command]) -> None:
        """Devices side by side: one that is silent holds up no other."""
        try:
            if held:
                self._tell(room.space, why, held)
            visits: defaultdict[str, list[Command]] = defaultdict(list)
            for command in [*(_letting_go(claim, why) for claim in held), *wanted]:
                visits[command.point.split("/")[0]].append(command)
            async with asyncio.TaskGroup() as devices:
                for commands in visits.values():
                    devices.create_task(self._carry_out(commands))
        finally:
            self._at_work.discard(room.space.id)

    async def _carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            key = (command.point, command.priority)
            if command.value is None and self._desk.claims[key] is None:
                continue  # it went with another
            try:
                await self._desk.submit(command)
            except PointsError as error:
                log.debug("a critical room is not let go of yet", point=command.point, error=str(error))
            except Exception:  # a fault of ours at one point must not end the watch over all rooms
                log.exception("a command in a critical room failed", point=command.point)

    def _tell(self, space: Space, why: str, held: list[Claim]) -> None:
        if self._told.get(space.id) == why:
            return
        self._told[space.id] = why
        log.info("a critical room is let go of", space=space.id, why=why, holds=len(held))
        text = f"{space.name} is let go of, because {why}"
        self._events.tell(Event(kind=EventKind.POLICY, time=self._clock.now(), about=space.id, text=text))

    def _protective(self, place: SpaceId, room: Room, now: datetime) -> list[Command]:
        """What the profile wants to be commanded now and does not stand yet, or not for long enough."""
        lasted = self._rooms.out_for(place, now)
        if not room.rules.protect or lasted is None or lasted < OUTSIDE_FOR:
            return []
        points = self._rooms.points_of(place)
        return [
            command
            for protection in room.rules.protect
            for point in points
            if _is_meant(protection, point) and point.access is Access.COMMANDABLE
            if (command := self._protection(point, protection, room, now)) is not None
        ]

    def _protection(self, point: Point, protection: Protection, room: Room, now: datetime) -> Command | None:
        lasts = timedelta(minutes=protection.minutes)
        claim = self._desk.claims[PointId(point.id), Priority.PROTECTIVE]
        command = Command(
            point=point.id,
            value=protection.value,
            priority=Priority.PROTECTIVE,
            by=GUARD,
            reason=f"{room.space.name}: {room.outside}",
            lasts=lasts,
        )
        if claim is None or claim.until - now < lasts / 2:
            return command
        wanted = fitted(protection.value, point)
        return None if values_agree(claim.value, wanted) else command


def _letting_go(claim: Claim, why: str) -> Command:
    return Command(point=claim.point, value=None, priority=claim.priority, by=GUARD, reason=f"let go: {why}")


def _is_meant(protection: Protection, point: Point) -> bool:
    same_air = not protection.path or air_path(point) == protection.path
    return same_air and protection.point_class in (point.point_class, command_class(point))
