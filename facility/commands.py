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
from datetime import datetime
from typing import Any, TypeVar

import structlog

from facility.audit import Audit
from facility.books import AGENT, Books
from facility.claims import Claims, is_ours
from facility.guard import Limits, Verdict, fitted, judge
from facility.model import Claim, Command, Failed, Outcome, SlotKey
from facility.writer import Reader, Writer, failed, rejected
from points.bacnet.port import Bacnet
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import DeviceError, PointsError, UnknownPoint
from points.events import Events
from points.model import DeviceId, DeviceRef, Point, PointId, Priority, Slots, values_agree
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


def unlimited(_point: Point) -> Limits | None:
    """No limits but the device's own."""
    return None


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
        limits: Callable[[Point], Limits | None] = unlimited,
        recognises: Callable[[DeviceId], Awaitable[bool]] = anybody,
    ) -> None:
        """`recognises` asks a device who it is."""
        self.claims = claims
        self.changed = asyncio.Event()  # there may be something else to attend to
        self._bacnet = bacnet
        self._catalog = catalog
        self._store = store
        self._books = Books(claims, audit, events, clock)
        self._clock = clock
        self._limits = limits
        self._recognises = recognises
        self._writer = Writer(
            bacnet=bacnet, reader=reader, store=store, books=self._books, judge=self.judge, clock=clock
        )
        self._locks: defaultdict[PointId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._running: set[asyncio.Task[Any]] = set()
        self._unseen = {claim.key for claim in claims.standing()}  # not compared since the start

    def judge(self, command: Command) -> Verdict:
        """What the guard says to `command` at this moment."""
        try:
            point = self._catalog.current.point(command.point)
        except UnknownPoint as error:
            return Verdict(decision="refused", rule="unknown-point", why=str(error))
        return judge(command, point, limits=self._limits(point), reading=self._store.get(point.id))

    def fit(self, command: Command) -> Command:
        """The same command with its value in the point's own type; only for one that was not refused."""
        point = self._catalog.current.point(command.point)
        value = None if command.value is None else fitted(command.value, point)
        return replace(command, value=value, priority=Priority(command.priority))

    async def slots(self, point: PointId) -> Slots:
        """The priority array of a point, read now."""
        return await self._bacnet.read_slots(self._catalog.current.point(point).ref)

    async def submit(self, command: Command, *, seen: Slots | None = None) -> Outcome:
        """Carries `command` out. With `seen`, only if the slots are still as they were then (`StalePlan`)."""
        return await self._to_the_end(self._carry_out(command, seen))

    async def renew(self, key: SlotKey, until: datetime) -> None:
        """Moves the end of a standing claim; the device is not involved."""
        async with self._locks[key[0]]:
            if self.claims[key] is not None:
                await self.claims.renew(key, until)
        self.changed.set()

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
        if verdict.refused:
            return await self._books.unwritten(rejected(command, verdict))
        command = self.fit(command)
        async with self._locks[command.point]:
            if any(point == command.point for point, _ in self._unseen):
                why = f"{command.point} has not been compared with its device since the agent started; try again soon."
                return await self._books.unwritten(Failed(command=command, why=why, written=False))
            point = self._catalog.current.point(command.point)
            try:
                slots = await self._bacnet.read_slots(point.ref)
            except DeviceError as error:
                return await self._books.unwritten(failed(command, error, written=False))
            if seen is not None and not _same(slots, seen):
                raise StalePlan(f"The slots of {point.id} have changed since they were shown. Look again.")
            try:
                if command.value is None:
                    return await self._writer.release(command, point, slots)
                return await self._writer.hold(command, command.value, point, slots)
            except PointsError as error:  # the books could not be written, so nothing else was
                return failed(command, error, written=False)
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
        if not stands and not await self._recognises(point.device):  # after its slots: whoever showed them is asked
            raise NotRecognised(f"It is not sure that {point.device} is the device that was claimed.")
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
        await self._writer.release(command, point, slots)
        return self.claims[claim.key] is None

    async def _put_back(self, claim: Claim, point: Point, slots: Slots) -> bool:
        """The slot of a claim that stands is empty: it never arrived, or its device has restarted."""
        if not claim.confirmed:
            await self._books.lose(claim, None)
            return True
        lasts = claim.until - self._clock.now()
        command = replace(_ending(claim), value=claim.value, by=claim.by, reason=claim.reason, lasts=lasts)
        verdict = self.judge(command)
        if verdict.refused:
            await self._books.unwritten(rejected(command, verdict))
            await self._books.lose(claim, None)
            return True
        self._books.tell(claim.point, f"{claim.point} lost its slot {int(claim.priority)}: it is written again")
        outcome = await self._writer.hold(command, claim.value, point, slots)
        return not isinstance(outcome, Failed)


def _ending(claim: Claim) -> Command:
    """The agent's own wish to let go of a claim whose time is up."""
    reason = f"the time of {claim.by} is up: {claim.reason}"
    return Command(point=claim.point, value=None, priority=claim.priority, by=AGENT, reason=reason, id=claim.command)


def _same(one: Slots, other: Slots) -> bool:
    agree = all(values_agree(mine, theirs) for mine, theirs in zip(one.values, other.values, strict=True))
    return agree and values_agree(one.default, other.default)
