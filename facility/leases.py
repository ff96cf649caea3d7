"""Lets go of what is over, and compares what is in doubt: first after a start, then for ever.

Every claim ends, whether anybody still thinks of it or not. Every operator's claim is compared with its slot
every few minutes, and every claim of a device at once when the device comes back or announces itself: what a
device has lost is not shown as held. A device that does not answer is asked again with growing, jittered pauses,
and holds up no other device; neither does a fault of our own at one point.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from facility.audit import Audit, AuditUnavailable
from facility.commands import CommandDesk
from facility.model import Claim, SlotKey, is_policy
from points.bacnet.port import Bacnet, IAm
from points.clock import Clock
from points.events import Events, Listener
from points.model import DeviceId, EventKind

FIRST_PAUSE = timedelta(seconds=5)  # a device that was only busy has answered by then
LONGEST_PAUSE = timedelta(minutes=5)  # how long a slot of ours may outlast the return of its device
LOOK_EVERY = timedelta(minutes=5)  # how long a lost override may be shown as held; a look costs two reads
ANNOUNCED_AGAIN = timedelta(minutes=1)  # an I-Am may mean a restart, or only that somebody asked who is there
JITTER = 0.2  # of a pause, so that devices that fell silent together are not asked together
RETURNS = (EventKind.DEVICE_BACK, EventKind.DEVICE_RESTARTED, EventKind.DEVICE_MOVED)
LONGEST_NAP = timedelta(seconds=30)  # the wall clock may be set while we sleep

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Retry:
    """When a slot is asked again, and how often it has been."""

    at: datetime
    tries: int

    def is_ahead(self, now: datetime) -> bool:
        """No pause is so long as one that the clock was put back in: that one is over."""
        return now < self.at <= now + LONGEST_PAUSE * (1 + JITTER)


class Leases:
    """The service that attends to claims."""

    name = "commands"

    def __init__(self, desk: CommandDesk, audit: Audit, clock: Clock, *, events: Events, bacnet: Bacnet) -> None:
        self._desk = desk
        self._audit = audit
        self._clock = clock
        self._events = events
        self._compared: dict[SlotKey, datetime] = {}  # when we last did
        self._asked: set[SlotKey] = set()  # to be compared, whenever that was
        self._retries: dict[SlotKey, Retry] = {}
        self._visited: set[str] = set()  # devices that somebody is at
        bacnet.on_i_am(self._announced)

    async def run(self) -> None:
        self._visited.clear()
        with self._events.listen() as told:
            await self.reconcile()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._hear(told))
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

    async def _hear(self, told: Listener) -> None:
        """A device that was away may have forgotten what it held; one out of quarantine has not been asked."""
        async for event in told:
            if event.kind in RETURNS:
                self._desk.forget_meeting(DeviceId(event.about))
                claims = self._desk.claims.standing()
                self._question([claim.key for claim in claims if _device(claim.key) == event.about])

    def _announced(self, i_am: IAm) -> None:
        now = self._clock.now()
        claims = self._desk.claims_at(i_am.device)
        self._question([claim.key for claim in claims if not self._was_compared(claim, now, ANNOUNCED_AGAIN)])

    def _question(self, keys: Iterable[SlotKey]) -> None:
        for key in keys:
            self._asked.add(key)
            self._retries.pop(key, None)
            self._desk.changed.set()

    def _was_compared(self, claim: Claim, now: datetime, within: timedelta) -> bool:
        """Not in the future either: the clock may have been put back."""
        return timedelta(0) <= now - self._compared.get(claim.key, claim.since) < within

    def _due(self, now: datetime) -> list[SlotKey]:
        """What is over or in doubt, then what has not been looked at for long; policies look after their own."""
        claims = {claim.key: claim for claim in self._desk.claims.standing()}
        self._compared = {key: self._compared[key] for key in claims if key in self._compared}
        self._asked &= claims.keys()
        looks = [
            key
            for key, claim in claims.items()
            if key in self._asked or not (is_policy(claim.by) or self._was_compared(claim, now, LOOK_EVERY))
        ]
        return list(dict.fromkeys([*self._desk.due(now), *looks]))

    def _errands(self) -> dict[str, list[SlotKey]]:
        """What is due now, by device, without the devices that somebody is at."""
        now = self._clock.now()
        due = self._due(now)
        self._retries = {key: self._retries[key] for key in due if key in self._retries}
        errands: defaultdict[str, list[SlotKey]] = defaultdict(list)
        for key in due:
            device, retry = _device(key), self._retries.get(key)
            if device not in self._visited and (retry is None or not retry.is_ahead(now)):
                errands[device].append(key)
        return errands

    async def _visit(self, device: str, keys: Sequence[SlotKey]) -> None:
        """One device's errands, one after the other; the first that is not done sends us away.

        A fault of our own at one point must not end the service that every other claim's end depends on.
        """
        try:
            for position, key in enumerate(keys):
                self._asked.discard(key)
                try:
                    compared = await self._desk.attend(key)
                except Exception:
                    log.exception("a claim could not be compared", point=key[0], slot=int(key[1]))
                    self._later(key)
                    continue
                if not compared:
                    for left in keys[position:]:
                        self._later(left)
                    return
                self._compared[key] = self._clock.now()
                self._retries.pop(key, None)
        finally:
            self._visited.discard(device)
            self._desk.changed.set()

    def _later(self, key: SlotKey) -> None:
        self._asked.add(key)
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
