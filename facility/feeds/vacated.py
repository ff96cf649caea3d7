"""Whether the beds of a room are surely free: what the guard asks, and who lets go when they are not any more.

- A room in which patients sleep is open to a policy only while every bed of it has been unoccupied for so long by a
  feed that is alive, and while the room is known to be as warm and as dry as an empty one may be: its profile has the
  numbers (`vacated`). This is judged here from the feeds and the readings, whatever a policy says of them.
- Each second, and whenever the feeds say something else, whatever policies hold in such a room is looked at; where that
  is not so any more, it is let go of. What could not be let go of is tried again. Every hold is a lease besides.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from facility.commands import CommandDesk
from facility.feeds.book import FeedBook
from facility.guard import Beds
from facility.model import GUARD, Claim, Command, is_policy
from facility.profiles.model import Vacated
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.events import Events
from points.model import Event, EventKind, Point, Space, SpaceId
from points.store import PointStore
from schedules.feeds import Feeds
from schedules.voices import of_beds
from schedules.writable import is_bed_space, known_celsius, known_number

TICK_S = 1.0
AGAIN = timedelta(seconds=4)  # after a release that did not succeed

log = structlog.get_logger(__name__)


class BedRooms:
    """The evidence, room by room."""

    def __init__(
        self,
        told: Callable[[], Feeds],
        store: PointStore,
        book: CatalogBook,
        clock: Clock,
        rules: Callable[[Space], Vacated | None],
    ) -> None:
        """`rules`: what the profile of a room says of it while all of its beds are free."""
        self._told = told
        self._store = store
        self._book = book
        self._clock = clock
        self._rules = rules

    def is_one(self, place: SpaceId | None) -> bool:
        """Whether patients sleep there."""
        space = self._book.current.spaces.get(place) if place is not None else None
        return space is not None and is_bed_space(space)

    def there_are_any(self) -> bool:
        """Whether the building has rooms in which patients sleep."""
        return any(map(is_bed_space, self._book.current.spaces.values()))

    def of(self, point: Point) -> Beds | None:
        """What the beds of the point's room mean for policies; None if no patient sleeps there."""
        if point.space is None or not self.is_one(point.space):
            return None
        closed, rules = self.why_not(point.space), self._rules(self._book.current.spaces[point.space])
        return (
            Beds(closed=closed)
            if rules is None
            else Beds(closed=closed, low=rules.low_c, high=rules.high_c, source=rules.cited)
        )

    def vacated(self) -> frozenset[SpaceId]:
        """The rooms that are open at this moment."""
        return frozenset(place for place in self._told().beds if self.is_one(place) and not self.why_not(place))

    def why_not(self, place: SpaceId) -> str:
        """Why the room is not open; "" if it is."""
        rules = self._rules(self._book.current.spaces[place])
        if rules is None:
            return "by its profile, no state of its beds opens it"
        voice = of_beds(self._told(), place, self._clock.now(), hold=timedelta(seconds=rules.free_s))
        return voice.why if voice.says != "vacant" else self._outside(place, rules)

    def _outside(self, place: SpaceId, rules: Vacated) -> str:
        seen = False
        for point in self._book.current.points_in(place):
            if point.commandable or point.point_class not in ("zone-temperature", "humidity"):
                continue
            reading = self._store.get(point.id)
            if point.point_class == "humidity":
                percent = known_number(reading)
                if percent is None or percent > rules.humidity_percent:
                    return f"{point.name} is not surely at {rules.humidity_percent:g} % or less"
                continue
            seen = True
            celsius = known_celsius(point, reading)
            if celsius is None or not rules.low_c <= celsius <= rules.high_c:
                return f"{point.name} is not surely between {rules.low_c:g} and {rules.high_c:g} °C"
        return "" if seen else f"the temperature of {place} is not measured"


class BedWatcher:
    """The service."""

    name = "beds"

    def __init__(
        self, rooms: BedRooms, desk: CommandDesk, book: CatalogBook, told: FeedBook, events: Events, clock: Clock
    ) -> None:
        self._rooms = rooms
        self._desk = desk
        self._book = book
        self._events = events
        self._clock = clock
        self._news = asyncio.Event()
        self._tried: dict[str, datetime] = {}  # by device
        self._said: dict[SpaceId, str] = {}
        self._at_work: dict[str, asyncio.Task[None]] = {}
        told.follow(self._news.set)

    async def run(self) -> None:
        try:
            while True:
                self._news.clear()
                self._look()
                await self._wait()
        finally:
            for task in self._at_work.values():
                task.cancel()
            await asyncio.gather(*self._at_work.values(), return_exceptions=True)

    async def _wait(self) -> None:
        if not self._rooms.there_are_any():
            await self._book.changed()
            return
        waits = {asyncio.ensure_future(self._clock.sleep(TICK_S)), asyncio.ensure_future(self._news.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()

    def _look(self) -> None:
        """Devices side by side: one that is silent holds up no other."""
        now = self._clock.now()
        visits: defaultdict[str, list[Command]] = defaultdict(list)
        wrong: dict[SpaceId, str] = {}
        for claim, place in self._held():
            if place not in wrong:
                wrong[place] = self._rooms.why_not(place)
            if why := wrong[place]:
                visits[claim.point.split("/")[0]].append(_letting_go(claim, why))
        for place, why in wrong.items():
            self._tell(place, why, now)
        self._said = {place: why for place, why in self._said.items() if wrong.get(place)}
        for device, commands in visits.items():
            tried = self._tried.get(device)
            rests = tried is not None and timedelta(0) <= now - tried < AGAIN
            if device not in self._at_work and not rests:
                self._tried[device] = now
                task = asyncio.create_task(self._carry_out(commands), name=f"beds {device}")
                self._at_work[device] = task
                task.add_done_callback(lambda _, device=device: self._at_work.pop(device, None))  # type: ignore[misc]
        self._tried = {device: tried for device, tried in self._tried.items() if device in visits}

    def _held(self) -> list[tuple[Claim, SpaceId]]:
        points = self._book.current.points
        found = []
        for claim in self._desk.claims.standing():
            point = points.get(claim.point) if is_policy(claim.by) else None
            if point is not None and point.space is not None and self._rooms.is_one(point.space):
                found.append((claim, point.space))
        return found

    async def _carry_out(self, commands: list[Command]) -> None:
        for command in commands:
            if self._desk.claims[command.point, command.priority] is None:
                continue
            try:
                await self._desk.submit(command)
            except PointsError as error:
                log.debug("a patient room is not let go of yet", point=command.point, error=str(error))
            except Exception:  # a fault of ours at one point must not end the watch over all rooms
                log.exception("a command in a patient room failed", point=command.point)

    def _tell(self, place: SpaceId, why: str, now: datetime) -> None:
        if not why or place in self._said:
            return
        self._said[place] = why
        text = f"{place} has its full setpoints again, because {why}"
        self._events.tell(Event(kind=EventKind.POLICY, time=now, about=place, text=text))


def _letting_go(claim: Claim, why: str) -> Command:
    return Command(point=claim.point, value=None, priority=claim.priority, by=GUARD, reason=f"let go: {why}")
