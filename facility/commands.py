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
from facility.books import AGENT, SETTLING, Books
from facility.claims import Claims, is_ours
from facility.execution import Execution
from facility.judgement import Judge, by_itself
from facility.looks import Looks, anybody, unseen
from facility.model import (
    Claim,
    Command,
    Failed,
    Outcome,
    Rejected,
    SlotKey,
)
from facility.ruling import Verdict
from facility.writer import Reader, failed, rejected
from points.bacnet.port import Bacnet
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import DeviceRefused, DeviceSilent, PointsError
from points.events import Events
from points.model import DeviceId, DeviceRef, Point, PointId, Slots, Source, values_agree
from points.store import PointStore

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class StalePlan(PointsError):
    """What was shown is no longer so; look again before committing."""


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
        self.judge = judge
        self._catalog = catalog
        self._books = Books(claims, audit, events, clock)
        self._clock = clock
        self._reader = reader
        self._looks = Looks(bacnet, clock, recognises=recognises, seen=seen)
        self._execution = Execution(
            bacnet=bacnet,
            reader=reader,
            catalog=catalog,
            store=store,
            books=self._books,
            judge=judge,
            looks=self._looks,
            clock=clock,
        )
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[Any]] = set()
        self._silent: set[SlotKey] = set()
        self._unseen = {claim.key for claim in claims.standing()}  # not compared since the start

    async def slots(self, point: PointId) -> Slots:
        """The priority array of a point, read now."""
        return await self._looks.at(self._catalog.current.point(point))

    async def look(self, point: PointId) -> Slots:
        """The same, with the present value read as well: it enters the store like any reading."""
        try:
            await self._reader.read_now(point, source=Source.POLL)
        except DeviceRefused as error:
            log.debug("present value not read", point=point, error=str(error))
        return await self.slots(point)

    async def submit(self, command: Command, *, seen: Slots | None = None) -> Outcome:
        """Carries `command` out. With `seen`, only if the slots are still as they were then (`StalePlan`)."""
        return await self.to_the_end(self._carry_out(command, seen))

    async def renew(self, key: SlotKey, until: datetime) -> Verdict:
        """Moves the end of a standing claim, if the guard still agrees; the device is not involved."""
        async with self._lock(key[0]):
            claim = self.claims[key]
            if claim is None:
                return Verdict(decision="refused", rule="no-claim", why=f"Nothing of ours stands at {key[0]}.")
            verdict = self.judge(_again(claim, until - self._clock.now()), staying=True)
            if not verdict.refused:
                await self.claims.renew(key, until)
        self.changed.set()
        return verdict

    async def advance(self, key: SlotKey) -> None:
        """The next step of a claim that is on its way to its goal, if the guard agrees to it now."""
        await self.to_the_end(self._advance(key))

    def forget_meeting(self, device: DeviceId) -> None:
        """The device was away: before the next write it is asked who it is."""
        self._looks.forget(device)

    async def attend(self, key: SlotKey) -> bool:
        """Compares a claim with its slot and puts right what differs; False if that must be tried again.

        Ours and in time: adopted. Ours and expired: released. Gone: written again if it once was
        confirmed and the guard agrees, else dropped. Somebody else's: left alone and dropped.
        Whatever is not still ours and in time, is believed only of a device that says who it is.
        At a device in quarantine: left on the books as it is, until a person has said what the device is.
        """
        return await self.to_the_end(self._attend(key))

    def is_silent(self, key: SlotKey) -> bool:
        """Whether the latest attempt to compare the claim met with silence."""
        return key in self._silent

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

    async def to_the_end(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Whatever becomes of whoever asked; `settle` waits for it."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    def also_let_go(self, command: Command) -> list[Claim]:
        """What else ends when the command lets go: the air of a critical room is let go of as a whole."""
        point = self._catalog.current.points.get(command.point)
        room = None if point is None or command.value is not None else self.judge.air_of(point)
        if room is None or self.claims[command.point, command.priority] is None:
            return []
        return [claim for claim in self._execution.air_claims(room) if claim.key != (command.point, command.priority)]

    def _lock(self, point: PointId) -> asyncio.Lock:
        """One command at a time at a point; and in a room whose pressure two points make, at both of them."""
        known = self._catalog.current.points.get(point)
        room = None if known is None else self.judge.air_of(known)
        return self._locks[point if room is None else f"the air of {room.space.id}"]

    async def _carry_out(self, command: Command, seen: Slots | None) -> Outcome:
        verdict = self.judge(command)
        if verdict.refused or verdict.decision == "second-person":
            return await self._books.unwritten(rejected(command, verdict))
        command = replace(self.judge.fit(command), rule=verdict.rule)
        async with self._lock(command.point):
            if any(point == command.point for point, _ in self._unseen):
                await self._is_over(command)
                why = f"{command.point} has not been compared with its device since the agent started; try again soon."
                return await self._books.unwritten(Failed(command=command, why=why, written=False))
            point = self._catalog.current.point(command.point)
            try:
                slots = await self._looks.at_known(point)
                fresh = {} if command.value is None else await self._execution.fresh(point, slots)
            except PointsError as error:
                await self._is_over(command)
                return await self._books.unwritten(failed(command, error, written=False))
            if seen is not None and not _same(slots, seen):
                raise StalePlan(f"The slots of {point.id} have changed since they were shown. Look again.")
            try:
                if command.value is None:
                    return await self._execution.release(command, point, slots)
                return await self._execution.hold(command, command.value, point, slots, fresh)
            except PointsError as error:  # the books could not be written, so nothing else was
                return failed(command, error, written=False)
            finally:
                self.changed.set()

    async def _is_over(self, command: Command) -> None:
        """What nobody wants any more, and cannot be let go of now, is let go of as soon as the device answers."""
        claim = self.claims[command.point, command.priority]
        if command.value is None and claim is not None and by_itself(command):
            await self._end_now(claim)

    async def _end_now(self, claim: Claim) -> None:
        await self._books.keep(self.claims.renew(claim.key, min(claim.until, self._clock.now())))
        self.changed.set()

    async def _advance(self, key: SlotKey) -> None:
        async with self._lock(key[0]):
            claim = self.claims[key]
            if claim is None or claim.goal is None or claim.until <= self._clock.now():
                return
            if key in self._unseen or self._books.is_unsettled(key):
                return  # what the slot holds is looked at first
            point = self._catalog.current.point(claim.point)
            rests_until = self.judge.rests_until(point)
            if rests_until is not None and self._clock.now() < rests_until:
                return
            command = _again(claim, claim.until - self._clock.now())
            try:
                slots = await self._looks.at_known(point)
                found = slots[claim.priority]
                if found is None or not is_ours(claim, found):
                    self._books.question(key)  # its device has restarted, or somebody has taken the slot
                    return
                fresh = await self._execution.fresh(point, slots)
                await self._execution.hold(command, claim.goal, point, slots, fresh, accepted=True, at=found)
            except PointsError as error:
                log.debug("a ramp waits", point=point.id, error=str(error))
            finally:
                self.changed.set()

    async def _attend(self, key: SlotKey) -> bool:
        async with self._lock(key[0]):
            claim = self.claims[key]
            if claim is not None and self.is_quarantined(claim.point):
                return False  # what the slots of another device hold says nothing about the claim
            if claim is not None and self._books.is_unsettled(key):
                return False  # what may still be under way to the slot would not be seen
            self._silent.discard(key)
            try:
                done = claim is None or await self._compare(claim)
            except PointsError as error:
                if isinstance(error, DeviceSilent):
                    self._silent.add(key)
                log.debug("claim not compared", point=key[0], slot=int(key[1]), error=str(error))
                return False
            self._unseen.discard(key)
            if done:
                self._books.unsure.pop(key, None)
            return done

    async def _compare(self, claim: Claim) -> bool:
        point = self._catalog.current.point(claim.point)
        slots = await self._looks.at(point)
        found, in_time = slots[claim.priority], claim.until > self._clock.now()
        stands = found is not None and is_ours(claim, found) and in_time
        if not stands:
            await self._looks.must_recognise(point)
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
        await self._execution.release(command, point, slots)
        return self.claims[claim.key] is None

    async def _put_back(self, claim: Claim, point: Point, slots: Slots) -> bool:
        """The slot of a claim that stands is empty: it never arrived, or its device has restarted."""
        if not claim.confirmed:
            if timedelta(0) <= self._clock.now() - claim.since < SETTLING:
                return False  # as after a restart: the request may still be under way
            await self._books.lose(claim, None)
            return True
        command = _again(claim, claim.until - self._clock.now())
        self._books.tell(claim.point, f"{claim.point} lost its slot {int(claim.priority)}: it is written again")
        fresh = await self._execution.fresh(point, slots)
        outcome = await self._execution.hold(command, claim.wanted, point, slots, fresh, accepted=True)
        if isinstance(outcome, Rejected) and outcome.later is None:
            await self._books.lose(claim, None)
            return True
        return not isinstance(outcome, (Failed, Rejected))


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


def _same(one: Slots, other: Slots) -> bool:
    agree = all(values_agree(mine, theirs) for mine, theirs in zip(one.values, other.values, strict=True))
    return agree and values_agree(one.default, other.default)
