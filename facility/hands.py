"""The planner's hands: what policies demand goes through the command desk like any other wish.

A hold that already stands with the same value is only given more time: no packet, except a look at
its slot every few minutes, because a device may restart and somebody else may take the slot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from facility.books import in_words
from facility.claims import Claims
from facility.commands import CommandDesk
from facility.model import Command, Failed, Mismatch, Outcome, Rejected, SlotKey, is_policy
from points.clock import Clock
from points.errors import DeviceSilent, PointsError
from points.model import PointId, Priority, Reading, values_agree
from schedules.errands import NotYet
from schedules.plan import Standing
from schedules.policy import Demand

LOOK_EVERY = timedelta(minutes=5)  # a look costs one read; a lost slot is found within one lease

PREFIX = "policy:"


class NotDone(PointsError):
    """The desk or the device did not do what the planner wanted; the text says why."""


class PolicyHands:
    """What acts for the policies: `schedules.errands.Hands`, on the desk."""

    def __init__(self, desk: CommandDesk, clock: Clock) -> None:
        self._desk = desk
        self._clock = clock
        self._looked: dict[SlotKey, datetime] = {}
        self._under_way: set[asyncio.Task[Outcome]] = set()

    def held(self) -> Mapping[SlotKey, Standing]:
        """Every slot that a policy holds now: a live view."""
        return _Held(self._desk.claims)

    async def hold(self, demand: Demand, until: datetime) -> None:
        """Puts the value into the slot, or gives it more time if it is there."""
        key, by, now = (demand.point, demand.priority), PREFIX + demand.policy, self._clock.now()
        if self._desk.is_quarantined(demand.point):
            raise NotDone(f"{demand.point} is left alone: its device is in quarantine.")
        await self._look(key, now)
        claim = self._desk.claims[key]
        stands = claim is not None and claim.confirmed and claim.by == by and claim.until > now
        if claim is not None and stands and values_agree(claim.wanted, demand.value):
            await self._renew(demand, key, until)
            return
        command = Command(
            point=demand.point,
            value=demand.value,
            priority=demand.priority,
            by=by,
            reason=demand.reason,
            lasts=until - now,
        )
        self._expect(await self._submit(command))
        self._looked[key] = now

    async def _renew(self, demand: Demand, key: SlotKey, until: datetime) -> None:
        """What the guard does not agree to any more is let go of now, not when its time is up."""
        verdict = await self._desk.renew(key, until)
        if verdict.refused:
            await self.release(*key, reason=f"not renewed: {verdict.why}")
            raise _refused(verdict.text, verdict.later)

    async def release(self, point: PointId, priority: Priority, reason: str) -> None:
        """Lets go of the slot. One that somebody else has taken needs no letting go."""
        key = (point, priority)
        claim = self._desk.claims[key]
        if claim is None or not is_policy(claim.by):
            return
        outcome = await self._submit(Command(point=point, value=None, priority=priority, by=claim.by, reason=reason))
        if self._desk.claims[key] is not None:
            self._expect(outcome)
        self._looked.pop(key, None)

    async def settle(self) -> None:
        """Waits until no command of ours is under way; the desk carries each to its end, whoever was cancelled."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _submit(self, command: Command) -> Outcome:
        task = asyncio.create_task(self._desk.submit(command))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def _look(self, key: SlotKey, now: datetime) -> None:
        looked = self._looked.get(key)
        if self._desk.claims[key] is None or (looked is not None and timedelta(0) <= now - looked < LOOK_EVERY):
            return
        if not await self._desk.attend(key):
            why = f"{key[0]} could not be compared with its device."
            raise DeviceSilent(why) if self._desk.is_silent(key) else NotDone(why)
        self._looked[key] = now

    def _expect(self, outcome: Outcome) -> None:
        """Raises what the planner must know: it tries again later."""
        match outcome:
            case Failed(silent=True):
                raise DeviceSilent(outcome.why)
            case Rejected(later=timedelta() as later):
                raise _refused(in_words(outcome), later)
            case Mismatch(present=Reading()):
                return  # the slot holds it: what the device makes of it is another matter
            case Failed() | Rejected() | Mismatch():
                raise NotDone(in_words(outcome))
            case _:
                return


class _Held(Mapping[SlotKey, Standing]):
    """The claims of policies as the planner knows them; nothing is copied to look one up."""

    def __init__(self, claims: Claims) -> None:
        self._claims = claims

    def __getitem__(self, key: SlotKey) -> Standing:
        claim = self._claims[key]
        if claim is None or not is_policy(claim.by):
            raise KeyError(key)
        return Standing(value=claim.value, policy=claim.by.removeprefix(PREFIX), until=claim.until)

    def __iter__(self) -> Iterator[SlotKey]:
        return (claim.key for claim in self._claims.standing() if is_policy(claim.by))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _refused(why: str, later: timedelta | None) -> PointsError:
    return NotDone(why) if later is None else NotYet(why, after=later)
