"""How a command that may be carried out is: the step that is really written, and what ends together with what.

Every value is judged by the slots read just then, in a critical room by those of both airways, and it is the very value
that is written. The air of a room is let go of as a whole. The caller has the point, or the room's air, to himself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from facility.air import Air
from facility.books import Books
from facility.envelope import SOON, Room
from facility.judgement import Judge
from facility.looks import Looks
from facility.model import GUARD, Claim, Command, Outcome
from facility.ruling import Verdict, refuse
from facility.writer import Reader, Writer, rejected
from points.bacnet.port import Bacnet
from points.catalog import CatalogBook
from points.clock import Clock
from points.model import Point, PointId, Slots, Value
from points.store import PointStore


class Execution:
    """Holds and releases, by way of the writer."""

    def __init__(
        self,
        *,
        bacnet: Bacnet,
        reader: Reader,
        catalog: CatalogBook,
        store: PointStore,
        books: Books,
        judge: Judge,
        looks: Looks,
        clock: Clock,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._books = books
        self._judge = judge
        self._looks = looks
        self._writer = Writer(bacnet=bacnet, reader=reader, store=store, books=books, paces=judge.paces, clock=clock)
        self._air = Air(self._writer, books, judge, catalog, reader, clock, look=looks.at_known)

    async def fresh(self, point: Point, slots: Slots) -> dict[PointId, Value | None]:
        """What the setpoints of a room's air are at this moment, by the arrays of both; empty elsewhere."""
        room = self._judge.air_of(point)
        other = None if room is None else room.other(point.id)
        if other is None:
            return {}
        there = await self._looks.at_known(self._catalog.current.point(other))
        return {point.id: slots.effective, other: there.effective}

    async def hold(
        self,
        command: Command,
        goal: Value,
        point: Point,
        slots: Slots,
        fresh: Mapping[PointId, Value | None],
        *,
        accepted: bool = False,
        at: Value | None = None,
    ) -> Outcome:
        """Writes the value, or where the point is ramped the first step to it. `at`: where the ramp stands."""
        at = self._present(point, slots) if at is None else at
        if at is None and command.by != GUARD and self._judge.is_ramped(point):
            why = f"{point.id} is driven in steps, and where it stands is not known."
            return await self._books.unwritten(rejected(command, refuse("unknown-start", why, later=SOON)))
        step = goal if command.by == GUARD else self._judge.step(at, goal, point, fresh)
        becomes = slots.having({command.priority: step}).effective

        def still() -> Verdict:
            return self._judge(command, accepted=accepted, step=becomes, fresh=fresh)

        verdict = still()
        if verdict.refused:
            return await self._books.unwritten(rejected(command, verdict))
        written, on_its_way = replace(command, value=step), None if step == goal else goal
        return await self._writer.hold(written, step, point, slots, still=still, goal=on_its_way)

    def _present(self, point: Point, slots: Slots) -> Value | None:
        """What the point is by its array; what it was read to be where the array does not say."""
        reading = self._store.get(point.id)
        known = reading.value if reading is not None and reading.is_good else None
        return known if slots.effective is None else slots.effective

    async def release(self, command: Command, point: Point, slots: Slots) -> Outcome:
        """Empties the slot if it is ours; in a critical room, with all else of ours that makes its air."""
        room = self._judge.air_of(point)
        if room is None or self._books.claims[command.point, command.priority] is None:
            return await self._writer.release(command, point, slots, still=lambda: self._judge(command))
        return await self._air.let_go(command, room, self.air_claims(room))

    def air_claims(self, room: Room) -> list[Claim]:
        """Everything of ours at the airways of the room."""
        ways = (way for way in (room.main, room.minor) if way is not None)
        return [claim for way in ways for claim in self._books.claims.of(way.point)]
