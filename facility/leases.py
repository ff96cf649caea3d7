"""Lets go of what is over, and compares what is in doubt: first after a start, then for ever.

Every claim ends, whether anybody still thinks of it or not. A device that does not answer is asked
again with growing, jittered pauses, and holds up no other device.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from facility.audit import Audit, AuditUnavailable
from facility.commands import CommandDesk
from facility.model import SlotKey
from points.clock import Clock

FIRST_PAUSE = timedelta(seconds=5)  # a device that was only busy has answered by then
LONGEST_PAUSE = timedelta(minutes=5)  # how long a slot of ours may outlast the return of its device
JITTER = 0.2  # of a pause, so that devices that fell silent together are not asked together
LONGEST_NAP = timedelta(seconds=30)  # the wall clock may be set while we sleep

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retry:
    """When a slot is asked again, and how often it has been."""

    at: datetime
    tries: int


class Leases:
    """The service that attends to claims."""

    name = "commands"

    def __init__(self, desk: CommandDesk, audit: Audit, clock: Clock) -> None:
        self._desk = desk
        self._audit = audit
        self._clock = clock
        self._retries: dict[SlotKey, Retry] = {}
        self._visited: set[str] = set()  # devices that somebody is at

    async def run(self) -> None:
        self._visited.clear()
        await self.reconcile()
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._desk.changed.clear()
                for device, keys in self._errands().items():
                    self._visited.add(device)
                    tasks.create_task(self._visit(device, keys))
                await self._nap()

    async def reconcile(self) -> None:
        """Compares every stored claim with its slot once; devices that are silent are left for later."""
        interrupted = await self._close_interrupted()
        standing = len(self._desk.claims.standing())
        errands = self._errands()
        self._visited.update(errands)
        async with asyncio.TaskGroup() as tasks:
            for device, keys in errands.items():
                tasks.create_task(self._visit(device, keys))
        kept = len(self._desk.claims.standing())
        log.info("claims reconciled", stored=standing, kept=kept, pending=len(self._retries), interrupted=interrupted)

    async def _close_interrupted(self) -> int:
        try:
            return await self._audit.close_interrupted()
        except AuditUnavailable as error:  # reading goes on without an audit; the next start closes them
            log.warning("interrupted commands left open", error=str(error))
            return 0

    def _errands(self) -> dict[str, list[SlotKey]]:
        """What is due now, by device, without the devices that somebody is at."""
        now = self._clock.now()
        due = self._desk.due(now)
        self._retries = {key: self._retries[key] for key in due if key in self._retries}
        errands: defaultdict[str, list[SlotKey]] = defaultdict(list)
        for key in due:
            device, retry = _device(key), self._retries.get(key)
            if device not in self._visited and (retry is None or retry.at <= now):
                errands[device].append(key)
        return errands

    async def _visit(self, device: str, keys: Sequence[SlotKey]) -> None:
        """One device's errands, one after the other; the first that fails sends us away."""
        try:
            for position, key in enumerate(keys):
                if not await self._desk.attend(key):
                    for left in keys[position:]:
                        self._later(left)
                    return
                self._retries.pop(key, None)
        finally:
            self._visited.discard(device)
            self._desk.changed.set()

    def _later(self, key: SlotKey) -> None:
        tries = self._retries[key].tries + 1 if key in self._retries else 1
        pause = min(FIRST_PAUSE * 2 ** min(tries - 1, 10), LONGEST_PAUSE) * random.uniform(1 - JITTER, 1 + JITTER)
        self._retries[key] = Retry(self._clock.now() + pause, tries)
        (log.info if tries == 1 else log.debug)("claim left for later", point=key[0], slot=int(key[1]), tries=tries)

    async def _nap(self) -> None:
        """Until something changes or the next end or retry is due."""
        now = self._clock.now()
        ends = [claim.until for claim in self._desk.claims.standing() if claim.key not in self._retries]
        moments = [*ends, *(retry.at for retry in self._retries.values())]
        due = [moment - now for moment in moments if moment > now]
        pause = min([*due, LONGEST_NAP])
        sleep = asyncio.create_task(self._clock.sleep(pause.total_seconds()))
        changed = asyncio.create_task(self._desk.changed.wait())
        try:
            await asyncio.wait({sleep, changed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            changed.cancel()
            await asyncio.wait({sleep, changed})


def _device(key: SlotKey) -> str:
    """A point's id begins with its device's."""
    return key[0].split("/")[0]
