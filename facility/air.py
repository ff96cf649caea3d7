"""Letting go of the air of a critical room: of all that is ours at both airways, in the order that keeps its pressure.

- Where the air comes back up, the main air (supply of a positive, extract of a negative room) is let go of first; as
  long as it is not back, what holds the other down stays. The other follows what the main air really does: its
  setpoint comes up with the measured flow, and is let go of when it may be where it was at rest. Neither sign of the
  pressure is lost, and neither side runs far ahead.
- Where both were held above what they have at rest, the other goes first, and the main air when that has come down.
- What cannot be let go of now is on the books as over, and tried again for ever.

The caller has the room's air to himself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from facility.books import Books
from facility.envelope import Airway, Room, may_fall_to, may_rise_to
from facility.judgement import Judge
from facility.model import Claim, Command, Failed, Outcome
from facility.ruling import ALLOWED
from facility.writer import Reader, Writer, failed
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.model import Point, Slots, Source, Value

PATIENCE = timedelta(seconds=10)  # for the main air to come back, before others have their turn
LOOK_EVERY_S = 0.5
WORTH = 0.1  # of what it has at rest: less is not worth a step


class Air:
    """Lets go of both airways of a room."""

    def __init__(
        self,
        writer: Writer,
        books: Books,
        judge: Judge,
        catalog: CatalogBook,
        reader: Reader,
        clock: Clock,
        *,
        look: Callable[[Point], Awaitable[Slots]],
    ) -> None:
        """`look`: reads the slots of a point of a device that is known."""
        self._writer = writer
        self._books = books
        self._judge = judge
        self._catalog = catalog
        self._reader = reader
        self._clock = clock
        self._look = look

    async def let_go(self, command: Command, room: Room, claims: Sequence[Claim]) -> Outcome:
        """Carries out the release that `command` is, with all else that is ours in the room's air."""
        assert room.main is not None
        assert room.minor is not None
        outcome: Outcome | None = None
        try:
            for way in await self._in_order(room, claims):
                mine = [claim for claim in claims if claim.point == way.point]
                if mine and (waits := await self._wait_for_the_other(room, way, mine)):
                    return await self._left(command, claims, waits)
                for claim in sorted(mine, key=lambda claim: -claim.priority):  # the weaker ones change nothing
                    ended = await self._release(command, claim)
                    if claim.key == (command.point, command.priority):
                        outcome = ended
                    if self._books.claims[claim.key] is not None and not self._books.is_unsettled(claim.key):
                        why = f"{claim.point} could not be let go of"
                        return await self._left(command, claims, why) if outcome is None else outcome
        except PointsError as error:
            await self._are_over(claims)
            return await self._books.unwritten(failed(command, error, written=False))
        return outcome or Failed(command=command, why="nothing of ours stood there", written=False)

    async def _in_order(self, room: Room, claims: Sequence[Claim]) -> list[Airway]:
        """What may move first without the other."""
        assert room.main is not None
        assert room.minor is not None
        at, beneath = await self._at_and_beneath(room.main, claims)
        falls = at is not None and beneath is not None and beneath < at
        return [room.minor, room.main] if falls else [room.main, room.minor]

    async def _at_and_beneath(self, way: Airway, claims: Sequence[Claim]) -> tuple[float | None, float | None]:
        slots = await self._look(self._catalog.current.point(way.point))
        mine = {int(claim.priority): None for claim in claims if claim.point == way.point}
        return _number(slots.effective), _number(slots.having(mine).effective)

    async def _release(self, command: Command, claim: Claim) -> Outcome:
        point = self._catalog.current.point(claim.point)
        reason = command.reason if claim.point == command.point else f"{command.reason} (with {command.point})"
        letting_go = replace(command, point=point.id, priority=claim.priority, reason=reason)
        return await self._writer.release(
            letting_go, point, await self._look(point), still=lambda: self._judge(letting_go)
        )

    async def _wait_for_the_other(self, room: Room, way: Airway, claims: Sequence[Claim]) -> str:
        """Until the airway may be let go of, up to `PATIENCE`; "" when it may, else why not yet.

        The minor air comes up in steps meanwhile, as far as the main air allows.
        """
        assert room.main is not None
        assert room.minor is not None
        is_minor = way.point == room.minor.point
        other = room.main if is_minor else room.minor
        until, now = self._clock.now() + PATIENCE, self._clock.now()
        while now <= until <= now + PATIENCE:
            at, beneath = await self._at_and_beneath(way, claims)
            goal = way.rest if beneath is None else beneath
            if at is None or goal is None:
                return ""  # nothing says where it goes, and nothing ever will
            if goal <= at if is_minor else goal >= at:
                return ""  # that way, it turns nothing, whatever the other does
            there = await self._as_it_is(room, other)
            limit = may_rise_to(there) if is_minor else may_fall_to(there)
            if limit is not None and (goal <= limit if is_minor else goal >= limit):
                return ""
            if is_minor and limit is not None and limit >= at + WORTH * goal:
                await self._raise(claims, way, limit)
            await self._clock.sleep(LOOK_EVERY_S)
            now = self._clock.now()
        return f"{other.point} is not where it must be: the pressure of {room.space.name} would reverse"

    async def _as_it_is(self, room: Room, way: Airway) -> Room:
        """The room with what one of its airways is just now: its setpoint, and its flow where that is measured.

        What it has at rest, where that was not seen, are the relinquish defaults.
        """
        point = self._catalog.current.point(way.point)
        if way.sensor is not None:
            with suppress(PointsError):
                await self._reader.read_now(way.sensor, source=Source.READBACK)
        slots = {each.point: await self._look(self._catalog.current.point(each.point)) for each in room.ways}
        now = (self._judge.air_of(point) or room).with_setpoints({point.id: slots[point.id].effective})
        return now.with_rest({each: _number(array.default) for each, array in slots.items()})

    async def _raise(self, claims: Sequence[Claim], way: Airway, value: float) -> None:
        """A step up, at the level that holds the point now, if it is ours."""
        point = self._catalog.current.point(way.point)
        slots = await self._look(point)
        claim = next((claim for claim in claims if int(claim.priority) == slots.winner), None)
        if claim is None:
            return
        step = Command(
            point=point.id,
            value=round(value, 3),
            priority=claim.priority,
            by=claim.by,
            reason=f"back to rest: {claim.reason}",
            lasts=PATIENCE,
            id=claim.command,
        )
        await self._writer.hold(step, round(value, 3), point, slots, still=lambda: ALLOWED)

    async def _left(self, command: Command, claims: Sequence[Claim], why: str) -> Outcome:
        await self._are_over(claims)
        return await self._books.unwritten(Failed(command=command, why=why, written=False))

    async def _are_over(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            standing = self._books.claims[claim.key]
            if standing is not None:
                until = min(standing.until, self._clock.now())
                await self._books.keep(self._books.claims.renew(claim.key, until))


def _number(value: Value | None) -> float | None:
    return None if value is None or isinstance(value, str) else float(value)
