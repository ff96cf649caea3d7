"""The only way to a device's slots: guard, claim, record, write, read back, record.

What is promised of every command:

- its audit row and its claim are on disk before the write; without them nothing is written;
- the guard judges it twice, the second time at the moment of writing;
- the slot is read before the write, and a value that is not ours is neither overwritten nor cleared;
- what came of it is read from the device, never assumed, and a silence is never answered by a second write;
- one command at a time per point, each carried out to its end even if whoever asked goes away.

A claim that may not be in its slot (a restart, a silent device) is *due*; `attend` compares it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

import structlog

from facility.audit import Audit
from facility.books import AGENT, Books
from facility.claims import Claims, is_ours
from facility.database import StateUnavailable
from facility.guard import Limits, Verdict, fitted, judge
from facility.model import Claim, Command, Failed, Held, Mismatch, Outcome, Outranked, Rejected, SlotKey
from points.bacnet.port import Bacnet
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import DeviceError, DeviceRefused, DeviceSilent, PointsError, UnknownPoint
from points.events import Events
from points.model import DeviceRef, Kind, Point, PointId, Priority, Reading, Slots, Source, Value, values_agree
from points.store import PointStore

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


class Reader(Protocol):
    """Reads a point from its device; the reading enters the store like any other."""

    async def read_now(self, point: PointId, *, source: Source) -> Reading: ...


class StalePlan(PointsError):
    """What was shown is no longer so; look again before committing."""


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
    ) -> None:
        self.claims = claims
        self.changed = asyncio.Event()  # there may be something else to attend to
        self._bacnet = bacnet
        self._reader = reader
        self._catalog = catalog
        self._store = store
        self._books = Books(claims, audit, events, clock)
        self._clock = clock
        self._limits = limits
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
            return await self._books.unwritten(_rejected(command, verdict))
        command = self.fit(command)
        async with self._locks[command.point]:
            if any(point == command.point for point, _ in self._unseen):
                why = f"{command.point} has not been compared with its device since the agent started; try again soon."
                return await self._books.unwritten(Failed(command=command, why=why, written=False))
            point = self._catalog.current.point(command.point)
            try:
                slots = await self._bacnet.read_slots(point.ref)
            except DeviceError as error:
                return await self._books.unwritten(_failed(command, error, written=False))
            if seen is not None and not _same(slots, seen):
                raise StalePlan(f"The slots of {point.id} have changed since they were shown. Look again.")
            try:
                if command.value is None:
                    return await self._release(command, point, slots)
                return await self._hold(command, command.value, point, slots)
            except PointsError as error:  # the books could not be written, so nothing else was
                return _failed(command, error, written=False)
            finally:
                self.changed.set()

    async def _hold(self, command: Command, value: Value, point: Point, slots: Slots) -> Outcome:
        key = (point.id, command.priority)
        older, found = self.claims[key], slots[command.priority]
        if found is not None and (older is None or not is_ours(older, found)):
            await self._books.lose(older, found)
            return await self._books.unwritten(_rejected(command, _foreign(command, found)))
        seq = await self._books.intent(command, "hold", found)
        return await self._books.end(seq, await self._write(command, value, point, before=found, older=older))

    async def _write(
        self, command: Command, value: Value, point: Point, *, before: Value | None, older: Claim | None
    ) -> Outcome:
        key = (point.id, command.priority)
        try:
            claim = await self.claims.put(_claim(command, value, self._clock.now()))
        except StateUnavailable as error:
            return _failed(command, error, written=False)
        verdict = self.judge(command)
        if verdict.refused:
            await self._books.undo(key, older)
            return _rejected(command, verdict)
        trouble: DeviceError | None = None
        try:
            await self._bacnet.write(point.ref, value, command.priority)
        except DeviceRefused as error:
            await self._books.undo(key, older)
            return _failed(command, error, written=False)
        except DeviceError as error:
            trouble = error  # the answer may have been lost, not the request
        try:
            slots = await self._bacnet.read_slots(point.ref)
        except DeviceError as error:
            self._books.question(key)
            return _failed(command, trouble or error, written=True)
        found = slots[command.priority]
        if found is not None and values_agree(value, found):
            await self._books.keep(self.claims.confirm(key, value))
            return await self._see(command, slots)
        if trouble is not None and values_agree(before, found):
            await self._books.doubt(claim, older)
            return _failed(command, trouble, written=True)
        if values_agree(before, found):
            await self._books.undo(key, older)
        elif found is not None and trouble is None and point.kind is Kind.ANALOG:  # rounded or clamped
            await self._books.keep(self.claims.confirm(key, value, also=found))
        else:
            await self._books.lose(claim, found)
        await self._read_now(point.id)
        return Mismatch(command=command, found=found, slots=slots)

    async def _release(self, command: Command, point: Point, slots: Slots) -> Outcome:
        key = (point.id, command.priority)
        claim, found = self.claims[key], slots[command.priority]
        if found is None:
            await self._books.forget(key)
            return await self._books.unwritten(Held(command=command, readback=self._store.get(point.id), slots=slots))
        if claim is None or not is_ours(claim, found):
            await self._books.lose(claim, found)
            return await self._books.unwritten(Mismatch(command=command, found=found, slots=slots))
        seq = await self._books.intent(command, "release", found)
        return await self._books.end(seq, await self._let_go(command, point, claim))

    async def _let_go(self, command: Command, point: Point, claim: Claim) -> Outcome:
        try:  # its time is up from now on: whatever happens next, also a restart, goes on letting go
            await self.claims.renew(claim.key, min(claim.until, self._clock.now()))
        except StateUnavailable as error:
            return _failed(command, error, written=False)
        verdict = self.judge(command)
        if verdict.refused:
            return _rejected(command, verdict)
        trouble: DeviceError | None = None
        try:
            await self._bacnet.write(point.ref, None, command.priority)
        except DeviceRefused as error:
            return _failed(command, error, written=False)
        except DeviceError as error:
            trouble = error
        try:
            slots = await self._bacnet.read_slots(point.ref)
        except DeviceError as error:
            return _failed(command, trouble or error, written=True)
        found = slots[command.priority]
        if found is None:
            await self._books.keep(self._books.forget(claim.key))
            return await self._see(command, slots)
        if not is_ours(claim, found):
            await self._books.lose(claim, found)
        elif trouble is not None:
            return _failed(command, trouble, written=True)
        return Mismatch(command=command, found=found, slots=slots)

    async def _attend(self, key: SlotKey) -> bool:
        async with self._locks[key[0]]:
            claim = self.claims[key]
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
            await self._books.unwritten(_rejected(command, verdict))
            return False
        await self._release(command, point, slots)
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
            await self._books.unwritten(_rejected(command, verdict))
            await self._books.lose(claim, None)
            return True
        self._books.tell(claim.point, f"{claim.point} lost its slot {int(claim.priority)}: it is written again")
        outcome = await self._hold(command, claim.value, point, slots)
        return not isinstance(outcome, Failed)

    async def _see(self, command: Command, slots: Slots) -> Outcome:
        """The slot is as wished: what has that come to?"""
        reading = await self._read_now(command.point)
        if command.value is not None and slots.winner is not None and slots.winner < command.priority:
            return Outranked(command=command, by_slot=slots.winner, slots=slots)
        return Held(command=command, readback=reading, slots=slots)

    async def _read_now(self, point: PointId) -> Reading | None:
        try:
            return await self._reader.read_now(point, source=Source.READBACK)
        except PointsError as error:
            log.debug("present value not read back", point=point, error=str(error))
            return None


def _claim(command: Command, value: Value, now: datetime) -> Claim:
    assert command.lasts is not None, "the guard lets no hold pass without an end"
    return Claim(
        point=command.point,
        priority=command.priority,
        value=value,
        by=command.by,
        reason=command.reason,
        since=now,
        until=now + command.lasts,
        command=command.id,
    )


def _ending(claim: Claim) -> Command:
    """The agent's own wish to let go of a claim whose time is up."""
    reason = f"the time of {claim.by} is up: {claim.reason}"
    return Command(point=claim.point, value=None, priority=claim.priority, by=AGENT, reason=reason, id=claim.command)


def _foreign(command: Command, found: Value) -> Verdict:
    why = f"Slot {int(command.priority)} of {command.point} holds {found}, which is not ours."
    instead = "Release it where it was written, then ask again."
    return Verdict(decision="refused", rule="foreign-value", why=why, instead=instead)


def _rejected(command: Command, verdict: Verdict) -> Rejected:
    return Rejected(command=command, rule=verdict.rule, why=verdict.text)


def _failed(command: Command, error: PointsError, *, written: bool) -> Failed:
    return Failed(command=command, why=str(error), written=written, silent=isinstance(error, DeviceSilent))


def _same(one: Slots, other: Slots) -> bool:
    agree = all(values_agree(mine, theirs) for mine, theirs in zip(one.values, other.values, strict=True))
    return agree and values_agree(one.default, other.default)
