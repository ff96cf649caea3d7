"""One slot of one device: look, record, claim, write, read back, record.

- The audit row and the claim are on disk before the write; without them nothing is written.
- The guard judges once more at the moment of writing.
- A value that is not ours is neither overwritten nor cleared.
- What came of it is read from the device, never assumed, and a silence is never answered by a second write.

Whoever calls has the point to himself and has just read its slots.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import structlog

from facility.books import Books
from facility.claims import is_ours
from facility.database import StateUnavailable
from facility.model import Claim, Command, Failed, Held, Mismatch, Outcome, Outranked, Rejected
from facility.pace import Paces
from facility.ruling import Verdict, refuse
from points.bacnet.port import Bacnet
from points.clock import Clock
from points.errors import DeviceError, DeviceRefused, DeviceSilent, PointsError
from points.model import Kind, Point, PointId, Reading, Slots, Source, Value, values_agree
from points.store import PointStore

ROUNDING = 0.005  # of a value: what a device may make of it and still mean the same

log = structlog.get_logger(__name__)


class Reader(Protocol):
    """Reads a point from its device; the reading enters the store like any other."""

    async def read_now(self, point: PointId, *, source: Source) -> Reading: ...


class Writer:
    """Holds and releases slots."""

    def __init__(
        self,
        *,
        bacnet: Bacnet,
        reader: Reader,
        store: PointStore,
        books: Books,
        paces: Paces,
        clock: Clock,
    ) -> None:
        self._bacnet = bacnet
        self._reader = reader
        self._store = store
        self._books = books
        self._paces = paces
        self._clock = clock

    async def hold(
        self,
        command: Command,
        value: Value,
        point: Point,
        slots: Slots,
        *,
        still: Callable[[], Verdict],
        goal: Value | None = None,
    ) -> Outcome:
        """Puts `value` into the command's slot. `still`: what the guard says now. `goal`: where its ramp goes."""
        key = (point.id, command.priority)
        older, found = self._books.claims[key], slots[command.priority]
        if found is not None and (older is None or not is_ours(older, found)):
            await self._books.lose(older, found)
            return await self._books.unwritten(rejected(command, _foreign(command, found)))
        seq = await self._books.intent(command, "hold", found)
        claim = replace(_claim(command, value, self._clock.now()), goal=goal)
        if goal is not None and older is not None and older.command == command.id:
            claim = replace(claim, since=older.since)
        return await self._books.end(seq, await self._write(command, claim, point, slots, older, still))

    async def _write(
        self,
        command: Command,
        claim: Claim,
        point: Point,
        before_it: Slots,
        older: Claim | None,
        still: Callable[[], Verdict],
    ) -> Outcome:
        key, value, before, at = claim.key, claim.value, before_it[claim.priority], before_it.effective
        try:
            claim = await self._books.claims.put(claim)
        except StateUnavailable as error:
            return failed(command, error, written=False)
        verdict = still()
        if verdict.refused:
            await self._books.undo(key, older)
            return rejected(command, verdict)
        trouble: DeviceError | None = None
        self._paces.wrote(point, value, is_step=older is not None and older.command == claim.command)
        try:
            await self._bacnet.write(point.ref, value, command.priority)
        except DeviceRefused as error:
            await self._books.undo(key, older)
            return failed(command, error, written=False)
        except DeviceError as error:
            trouble = error  # the answer may have been lost, not the request
        try:
            slots = await self._bacnet.read_slots(point.ref)
        except DeviceError as error:
            self._books.question(key)
            return failed(command, trouble or error, written=True)
        found = slots[command.priority]
        if found is not None and values_agree(value, found):
            await self._books.keep(self._books.claims.confirm(key, value))
            return await self._see(command, slots, claim.goal)
        if trouble is not None and values_agree(before, found):
            await self._books.doubt(claim, older)
            return failed(command, trouble, written=True)
        if values_agree(before, found):
            await self._books.undo(key, older)
        elif found is not None and trouble is None and _is_made_of(value, found, point, at):
            await self._books.keep(self._books.claims.confirm(key, value, also=found))
        else:
            await self._books.lose(claim, found)
        await self._read_now(point.id)
        return Mismatch(command=command, found=found, slots=slots)

    async def release(self, command: Command, point: Point, slots: Slots, *, still: Callable[[], Verdict]) -> Outcome:
        """Empties the command's slot, if what it holds is ours."""
        key = (point.id, command.priority)
        claim, found = self._books.claims[key], slots[command.priority]
        if found is None and claim is not None and self._books.is_unsettled(key):
            await self._books.claims.renew(key, min(claim.until, self._clock.now()))
            why = (
                f"A write may still be under way to slot {int(command.priority)}; it is let go of when that is settled."
            )
            return await self._books.unwritten(Failed(command=command, why=why, written=True))
        if found is None:
            await self._books.forget(key)
            return await self._books.unwritten(Held(command=command, readback=self._store.get(point.id), slots=slots))
        if claim is None or not is_ours(claim, found):
            await self._books.lose(claim, found)
            return await self._books.unwritten(Mismatch(command=command, found=found, slots=slots))
        seq = await self._books.intent(command, "release", found)
        return await self._books.end(seq, await self._let_go(command, point, claim, still))

    async def _let_go(self, command: Command, point: Point, claim: Claim, still: Callable[[], Verdict]) -> Outcome:
        try:  # its time is up from now on: whatever happens next, also a restart, goes on letting go
            await self._books.claims.renew(claim.key, min(claim.until, self._clock.now()))
        except StateUnavailable as error:
            return failed(command, error, written=False)
        verdict = still()
        if verdict.refused:
            return rejected(command, verdict)
        trouble: DeviceError | None = None
        self._paces.wrote(point, None)
        try:
            await self._bacnet.write(point.ref, None, command.priority)
        except DeviceRefused as error:
            return failed(command, error, written=False)
        except DeviceError as error:
            trouble = error
        try:
            slots = await self._bacnet.read_slots(point.ref)
        except DeviceError as error:
            return failed(command, trouble or error, written=True)
        found = slots[command.priority]
        if found is None:
            if not self._books.is_unsettled(claim.key):  # else an earlier write may still arrive: it stays on the books
                await self._books.keep(self._books.forget(claim.key))
            return await self._see(command, slots)
        if not is_ours(claim, found):
            await self._books.lose(claim, found)
        elif trouble is not None:
            return failed(command, trouble, written=True)
        return Mismatch(command=command, found=found, slots=slots)

    async def _see(self, command: Command, slots: Slots, goal: Value | None = None) -> Outcome:
        """The slot is as wished: what has that come to?"""
        reading = await self._read_now(command.point)
        if command.value is None:
            return Held(command=command, readback=reading, slots=slots)
        if slots.winner is not None and slots.winner < command.priority:
            return Outranked(command=command, by_slot=slots.winner, slots=slots)
        if reading is not None and reading.value is not None and not values_agree(command.value, reading.value):
            return Mismatch(command=command, found=command.value, slots=slots, present=reading)
        return Held(command=command, readback=reading, slots=slots, goal=goal)

    async def _read_now(self, point: PointId) -> Reading | None:
        try:
            return await self._reader.read_now(point, source=Source.READBACK)
        except PointsError as error:
            log.debug("present value not read back", point=point, error=str(error))
            return None


def rejected(command: Command, verdict: Verdict) -> Rejected:
    return Rejected(command=command, rule=verdict.rule, why=verdict.text, later=verdict.later)


def failed(command: Command, error: PointsError, *, written: bool) -> Failed:
    return Failed(command=command, why=str(error), written=written, silent=isinstance(error, DeviceSilent))


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


def _foreign(command: Command, found: Value) -> Verdict:
    why = f"Slot {int(command.priority)} of {command.point} holds {found}, which is not ours."
    instead = "Release it where it was written, then ask again."
    return refuse("foreign-value", why, instead)


def _is_made_of(wrote: Value, found: Value, point: Point, at: Value | None) -> bool:
    """Whether a device made `found` of what we wrote: rounded it, or went only part of the way from where it was."""
    if point.kind is not Kind.ANALOG or isinstance(wrote, str) or isinstance(found, str):
        return False
    if abs(found - wrote) <= max(point.resolution or 0.0, ROUNDING * abs(wrote)):
        return True
    if at is None or isinstance(at, str):
        return found in (point.low, point.high)
    return min(at, wrote) <= found <= max(at, wrote)
