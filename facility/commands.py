"""The only way to a device's slots: one command at a time per point, judged, carried out to its end.

Each is carried out even if whoever asked goes away, by the `Writer`, which promises what happens at the device.
What was shown to a person is committed only while it is still so.

A claim that may not be in its slot (a restart, a silent device) is *due*; `attend` compares it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

import structlog

from facility.audit import Audit
from facility.books import AGENT, Books
from facility.claims import Claims, is_ours
from facility.judgement import Judge, by_itself
from facility.model import (
    GUARD,
    Claim,
    Command,
    Failed,
    Outcome,
    SlotKey,
)
from facility.ruling import Verdict
from facility.writer import Reader, Writer, failed, rejected
from points.bacnet.port import Bacnet
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from points.events import Events
from points.model import DeviceId, DeviceRef, Point, PointId, Slots, Value, values_agree
from points.store import PointStore

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class StalePlan(PointsError):
    """What was shown is no longer so; look again before committing."""


class NotRecognised(PointsError):
    """It is not sure that the device at the address is the one that was known there."""


async def anybody(_device: DeviceId) -> bool:
    """Whoever stands there is taken for the one that was known."""
    return True


def unseen(_point: PointId, _slots: Slots, _now: datetime) -> None:
    """Nobody else wants to know what a look at a priority array showed."""


class CommandDesk:
    """Takes wishes and answers with what became of them."""

    def __init__(
        self,
        *,
        bacnet: Bacnet,
        reader: Reader,
        catalog: CatalogBook,
        store: PointStore,
        claims: Claims,
        audit: Audit,
        events: Events,
        clock: Clock,
        judge: Judge,
        recognises: Callable[[DeviceId], Awaitable[bool]] = anybody,
        seen: Callable[[PointId, Slots, datetime], None] = unseen,
    ) -> None:
        """`recognises` asks a device who it is. `seen` is told of every priority array that the desk has read."""
        self.claims = claims
        self.changed = asyncio.Event()  # there may be something else to attend to
        self._bacnet = bacnet
        self._catalog = catalog
        self._store = store
        self._books = Books(claims, audit, events, clock)
        self._clock = clock
        self.judge = judge
        self._recognises = recognises
        self._seen = seen
        self._met: set[DeviceId] = set()  # devices that have said who they are since they last came
        self._writer = Writer(
            bacnet=bacnet, reader=reader, store=store, books=self._books, paces=judge.paces, clock=clock
        )
        self._locks: defaultdict[PointId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[Any]] = set()
        self._unseen = {claim.key for claim in claims.standing()}  # not compared since the start

    async def slots(self, point: PointId) -> Slots:
        """The priority array of a point, read now."""
        known = self._catalog.current.point(point)
        slots = await self._bacnet.read_slots(known.ref)
        self._seen(known.id, slots, self._clock.now())
        return slots

    async def submit(self, command: Command, *, seen: Slots | None = None) -> Outcome:
        """Carries `command` out. With `seen`, only if the slots are still as they were then (`StalePlan`)."""
        return await self._to_the_end(self._carry_out(command, seen))

    async def renew(self, key: SlotKey, until: datetime) -> Verdict:
        """Moves the end of a standing claim, if the guard still agrees; the device is not involved."""
        async with self._locks[key[0]]:
            claim = self.claims[key]
            if claim is None:
                return Verdict(decision="refused", rule="no-claim", why=f"Nothing of ours stands at {key[0]}.")
            verdict = self.judge(_again(claim, until - self._clock.now()), accepted=True)
            if not verdict.refused:
                await self.claims.renew(key, until)
        self.changed.set()
        return verdict

    async def advance(self, key: SlotKey) -> None:
        """The next step of a claim that is on its way to its goal, if the guard agrees to it now."""
        await self._to_the_end(self._advance(key))

    def forget_meeting(self, device: DeviceId) -> None:
        """The device was away: before the next write it is asked who it is."""
        self._met.discard(device)

    async def attend(self, key: SlotKey) -> bool:
        """Compares a claim with its slot and puts right what differs; False if that must be tried again.

        Ours and in time: adopted. Ours and expired: released. Gone: written again if it once was
        confirmed and the guard agrees, else dropped. Somebody else's: left alone and dropped.
        Whatever is not still ours and in time, is believed only of a device that says who it is.
        At a device in quarantine: left on the books as it is, until a person has said what the device is.
        """
        return await self._to_the_end(self._attend(key))

    def due(self, now: datetime) -> list[SlotKey]:
        """The claims that need attention, those that ended first in front."""
        wanted = self._unseen | self._books.questioned(now)
        return [claim.key for claim in self.claims.standing() if claim.until <= now or claim.key in wanted]

    def claims_at(self, device: DeviceRef) -> list[Claim]:
        """The claims on points of the device that lives there."""
        points = self._catalog.current.points
        return [
            claim
            for claim in self.claims.standing()
            if (point := points.get(claim.point)) is not None and point.ref.device == device
        ]

    def is_quarantined(self, point: PointId) -> bool:
        """Whether it is not sure that the device at the point's address is the one whose slots we claim."""
        known = self._catalog.current.points.get(point)
        return known is not None and known.quarantined

    async def settle(self) -> None:
        """Waits until no command is under way."""
        while self._running:
            await asyncio.wait(self._running)

    async def _to_the_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _carry_out(self, command: Command, seen: Slots | None) -> Outcome:
        verdict = self.judge(command)
        if verdict.refused or verdict.decision == "second-person":
            return await self._books.unwritten(rejected(command, verdict))
        command = replace(self.judge.fit(command), rule=verdict.rule)
        async with self._locks[command.point]:
            if any(point == command.point for point, _ in self._unseen):
                why = f"{command.point} has not been compared with its device since the agent started; try again soon."
                return await self._books.unwritten(Failed(command=command, why=why, written=False))
            point = self._catalog.current.point(command.point)
            try:
                slots = await self._slots_of_the_known(point)
            except PointsError as error:
                if command.value is None:
                    await self._is_over(command)
                return await self._books.unwritten(failed(command, error, written=False))
            if seen is not None and not _same(slots, seen):
                raise StalePlan(f"The slots of {point.id} have changed since they were shown. Look again.")
            try:
                if command.value is None:
                    return await self._release(command, point, slots)
                return await self._hold(command, command.value, point, slots, accepted=False)
            except PointsError as error:  # the books could not be written, so nothing else was
                return failed(command, error, written=False)
            finally:
                self.changed.set()

    async def _slots_of_the_known(self, point: Point) -> Slots:
        """The slots of a device of which it is sure that it is the one we know."""
        slots = await self._bacnet.read_slots(point.ref)
        if point.device not in self._met:
            await self._must_recognise(point)
        self._seen(point.id, slots, self._clock.now())
        return slots

    async def _must_recognise(self, point: Point) -> None:
        """After its slots were read: whoever showed them is asked."""
        if not await self._recognises(point.device):
            raise NotRecognised(f"It is not sure that {point.device} is the device that was known there.")
        self._met.add(point.device)

    async def _is_over(self, command: Command) -> None:
        """What nobody wants any more, and cannot be let go of now, is let go of as soon as the device answers."""
        claim = self.claims[command.point, command.priority]
        if claim is not None and by_itself(command):
            await self._books.keep(self.claims.renew(claim.key, min(claim.until, self._clock.now())))

    async def _hold(
        self, command: Command, goal: Value, point: Point, slots: Slots, *, accepted: bool, at: Value | None = None
    ) -> Outcome:
        """Writes the value, or where the point is ramped the first step to it. `at`: where the ramp stands."""
        at = _effective(slots) if at is None else at
        step = self.judge.step(at, goal, point) if command.by != GUARD else goal
        written = replace(command, value=step)

        def still() -> Verdict:
            return self.judge(command, accepted=accepted, step=None if step == goal else step)

        return await self._writer.hold(written, step, point, slots, still=still, goal=None if step == goal else goal)

    async def _release(self, command: Command, point: Point, slots: Slots) -> Outcome:
        """Lets go, first of what must be back before, so that no pressure reverses."""
        for leading in self.judge.leading(point):
            reason = f"{command.reason} ({point.id} follows)"
            first = replace(_ending(leading), by=command.by, reason=reason)
            await self._carry_out(first, None)
            if self.claims[leading.key] is not None:
                why = f"{leading.point} must be let go of first, and could not be."
                await self._is_over(command)
                return await self._books.unwritten(Failed(command=command, why=why, written=False))
        return await self._writer.release(command, point, slots, still=lambda: self.judge(command))

    async def _advance(self, key: SlotKey) -> None:
        async with self._locks[key[0]]:
            claim = self.claims[key]
            if claim is None or claim.goal is None or claim.until <= self._clock.now():
                return
            if key in self._unseen or self._books.is_unsettled(key):
                return  # what the slot holds is looked at first
            point = self._catalog.current.point(claim.point)
            command = _again(claim, claim.until - self._clock.now())
            step = self.judge.step(claim.value, claim.goal, point)
            if self.judge(command, accepted=True, step=step).refused:
                return  # the next tick asks again; what must not stand at all, the watcher lets go of
            try:
                slots = await self._slots_of_the_known(point)
                await self._hold(command, claim.goal, point, slots, accepted=True, at=claim.value)
            except PointsError as error:
                log.debug("a ramp waits", point=point.id, error=str(error))
            finally:
                self.changed.set()

    async def _attend(self, key: SlotKey) -> bool:
        async with self._locks[key[0]]:
            claim = self.claims[key]
            if claim is not None and self.is_quarantined(claim.point):
                return False  # what the slots of another device hold says nothing about the claim
            if claim is not None and claim.until > self._clock.now() and self._books.is_unsettled(key):
                return False  # what may still be under way to the slot would not be seen
            try:
                done = claim is None or await self._compare(claim)
            except PointsError as error:
                log.debug("claim not compared", point=key[0], slot=int(key[1]), error=str(error))
                return False
            self._unseen.discard(key)
            self._books.unsure.pop(key, None)
            if not done:
                self._books.question(key)
            return done

    async def _compare(self, claim: Claim) -> bool:
        point = self._catalog.current.point(claim.point)
        slots = await self._bacnet.read_slots(point.ref)
        found, in_time = slots[claim.priority], claim.until > self._clock.now()
        stands = found is not None and is_ours(claim, found) and in_time
        if not stands:
            await self._must_recognise(point)
        self._seen(point.id, slots, self._clock.now())
        if found is not None and not is_ours(claim, found):
            await self._books.lose(claim, found)
        elif found is None and in_time:
            return await self._put_back(claim, point, slots)
        elif found is None:
            await self._books.forget(claim.key)
        elif not in_time:
            return await self._end(claim, point, slots)
        elif not claim.confirmed or claim.key in self._books.unsure:
            await self.claims.confirm(claim.key, found)
        return True

    async def _end(self, claim: Claim, point: Point, slots: Slots) -> bool:
        command = _ending(claim)
        verdict = self.judge(command)
        if verdict.refused:
            await self._books.unwritten(rejected(command, verdict))
            return False
        await self._release(command, point, slots)
        return self.claims[claim.key] is None

    async def _put_back(self, claim: Claim, point: Point, slots: Slots) -> bool:
        """The slot of a claim that stands is empty: it never arrived, or its device has restarted."""
        if not claim.confirmed:
            await self._books.lose(claim, None)
            return True
        command, at = _again(claim, claim.until - self._clock.now()), _effective(slots)
        step = self.judge.step(at, claim.wanted, point)
        verdict = self.judge(command, accepted=True, step=step)
        if verdict.refused:
            await self._books.unwritten(rejected(command, verdict))
            if verdict.later is None:
                await self._books.lose(claim, None)
            return verdict.later is None
        self._books.tell(claim.point, f"{claim.point} lost its slot {int(claim.priority)}: it is written again")
        outcome = await self._hold(command, claim.wanted, point, slots, accepted=True, at=at)
        return not isinstance(outcome, Failed)


def _again(claim: Claim, lasts: timedelta) -> Command:
    """The wish behind a claim that stands, once more."""
    return Command(
        point=claim.point,
        value=claim.wanted,
        priority=claim.priority,
        by=claim.by,
        reason=claim.reason,
        lasts=lasts,
        id=claim.command,
    )


def _ending(claim: Claim) -> Command:
    """The agent's own wish to let go of a claim whose time is up."""
    reason = f"the time of {claim.by} is up: {claim.reason}"
    return Command(point=claim.point, value=None, priority=claim.priority, by=AGENT, reason=reason, id=claim.command)


def _effective(slots: Slots) -> Value | None:
    """What applies by the array: the strongest value, or the relinquish default."""
    return slots.default if slots.winner is None else slots[slots.winner]


def _same(one: Slots, other: Slots) -> bool:
    agree = all(values_agree(mine, theirs) for mine, theirs in zip(one.values, other.values, strict=True))
    return agree and values_agree(one.default, other.default)
