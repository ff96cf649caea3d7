"""Hands that write nowhere, and the building as it would be if they did.

The guard judges every hold as it would judge it then: the same limits, rules and paces, with what was written before in
the rehearsal counted. What a slot holds wins or not as in a priority array, and a point that is commanded reads so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from facility.judgement import Judge
from facility.model import Command
from facility.rehearsal.model import Refused, Write
from points.catalog import CatalogBook
from points.errors import PointsError
from points.model import PointId, Priority, Quality, Reading, Source, Value
from points.store import PointStore
from schedules.errands import NotYet
from schedules.plan import LEASE, Slot, Standing
from schedules.policy import Demand

PREFIX = "policy:"
STRETCH_S = 0.005  # of work, before the others have their turn


class Refusal(PointsError):
    """The guard would not have it."""


@dataclass(slots=True)
class _Slots:
    """What is known of one point's priority array: what it reads with nothing of ours in it, and what is ours."""

    rest: Reading | None
    held: dict[Priority, Value]


class ShadowHands:
    """`schedules.errands.Hands`: everything it is asked for comes to pass at once, if the guard agrees."""

    def __init__(
        self,
        judge: Judge,
        book: CatalogBook,
        store: PointStore,
        held: Mapping[Slot, Standing],
        now: Callable[[], datetime],
    ) -> None:
        """`held`: what policies hold at the start. `store`: takes the readings that commands lead to."""
        self._judge = judge
        self._book = book
        self._store = store
        self._now = now
        self._standing = {slot: (standing.value, standing.policy) for slot, standing in held.items()}
        self._slots: dict[PointId, _Slots] = {}
        for (point, priority), standing in held.items():
            self._of(point).held[priority] = standing.value
        self._breathed = time.perf_counter()
        self.writes: list[Write] = []
        self.refused: dict[tuple[PointId, str, str], Refused] = {}
        self.changed: set[PointId] = set()

    def held(self) -> Mapping[Slot, Standing]:
        return _Leases(self._standing, self._now)

    async def hold(self, demand: Demand, until: datetime) -> None:
        slot, by = (demand.point, demand.priority), PREFIX + demand.policy
        command = Command(
            point=demand.point,
            value=demand.value,
            priority=demand.priority,
            by=by,
            reason=demand.reason,
            lasts=until - self._now(),
        )
        verdict = self._judge(command)
        if verdict.refused:
            if verdict.later is not None:
                raise NotYet(verdict.text, after=verdict.later)
            self._note(demand, verdict.text)
            raise Refusal(verdict.text)
        await self.breathe()
        self._standing[slot] = (demand.value, demand.policy)
        self._of(demand.point).held[demand.priority] = demand.value
        self._wrote(demand.point, demand.priority, demand.value, demand.policy, demand.reason)

    async def release(self, point: PointId, priority: Priority, reason: str) -> None:
        _, policy = self._standing.pop((point, priority))
        self._of(point).held.pop(priority, None)
        self._wrote(point, priority, None, policy, reason)

    async def settle(self) -> None:
        """Nothing is ever under way."""

    async def breathe(self) -> None:
        """Thousands of policies and holds at one moment are no reason to keep others waiting."""
        if time.perf_counter() - self._breathed > STRETCH_S:
            await asyncio.sleep(0)
            self._breathed = time.perf_counter()

    def _wrote(self, point: PointId, priority: Priority, value: Value | None, policy: str, reason: str) -> None:
        self.writes.append(
            Write(at=self._now(), point=point, priority=priority, value=value, policy=policy, reason=reason)
        )
        known = self._book.current.points.get(point)
        if known is not None:
            self._judge.paces.wrote(known, value)
        self._show(point)

    def _show(self, point: PointId) -> None:
        """The point reads what its array says; with nothing of ours in it, what it read before there was."""
        slots, now = self._of(point), self._now()
        if slots.held:
            value = slots.held[min(slots.held)]
            reading = Reading(point=point, value=value, time=now, at=now, quality=Quality.GOOD, source=Source.READBACK)
        elif slots.rest is not None:
            reading = replace(slots.rest, time=now, at=now)
        else:
            return
        self._store.put(reading)
        self.changed.add(point)

    def _of(self, point: PointId) -> _Slots:
        slots = self._slots.get(point)
        if slots is None:
            slots = self._slots[point] = _Slots(self._store.get(point), {})
        return slots

    def _note(self, demand: Demand, why: str) -> None:
        key = (demand.point, demand.policy, why)
        before = self.refused.get(key)
        if before is None:
            self.refused[key] = Refused(at=self._now(), point=demand.point, policy=demand.policy, why=why)
        else:
            self.refused[key] = replace(before, times=before.times + 1)


class _Leases(Mapping[Slot, Standing]):
    """What stands, with leases that somebody renews in time: a renewal is no write."""

    def __init__(self, standing: Mapping[Slot, tuple[Value, str]], now: Callable[[], datetime]) -> None:
        self._standing = standing
        self._now = now

    def __getitem__(self, slot: Slot) -> Standing:
        value, policy = self._standing[slot]
        return Standing(value=value, policy=policy, until=self._now() + LEASE)

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._standing)

    def __len__(self) -> int:
        return len(self._standing)
