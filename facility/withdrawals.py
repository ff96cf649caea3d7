"""A consent ends: the stricter holds at once, but where something of ours is held at a point that it would lock.

Once the point is locked nothing is written there, not even a release: so what is held is let go of first, by the agent.
As long as that does not succeed the point stays as it is, the withdrawal waits, and it is tried again for ever, also
after a start. What could not be stored holds all the same, and is stored when it can be.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress

import structlog
from sqlalchemy import Connection, select

from facility.books import AGENT
from facility.commands import CommandDesk
from facility.consents import Consents
from facility.database import StateDatabase, StateUnavailable
from facility.model import Claim, Command, Outcome
from facility.rows import PageRow, table_of, upsert
from points.clock import Clock

PAGE = "withdrawals"
AGAIN_S = 10.0
PATIENCE_S = 15.0  # of who withdraws; shorter than his call lasts

log = structlog.get_logger(__name__)

_PAGES = table_of(PageRow)


class Withdrawals:
    """All consents that have been withdrawn and have not ended yet."""

    name = "withdrawals"

    def __init__(
        self,
        consents: Consents,
        db: StateDatabase,
        desk: CommandDesk,
        clock: Clock,
        reshape: Callable[[], Awaitable[None]],
    ) -> None:
        """`reshape` makes the catalog in use anew."""
        self._consents = consents
        self._db = db
        self._desk = desk
        self._clock = clock
        self._reshape = reshape
        self._ending: dict[str, str] = {}  # by the key of the relaxation: why what is held is let go of
        self._releasing: set[asyncio.Task[Outcome]] = set()
        self._kept = False  # whether the page has any

    @property
    def ending(self) -> Collection[str]:
        """The keys of what was withdrawn and waits."""
        return self._ending.keys()

    async def withdraw(self, keys: Collection[str], why: str) -> None:
        """Nobody agrees any more. Raises `StateUnavailable` where that holds, but is not stored yet."""
        self._ending |= dict.fromkeys(keys, why)
        await self._let_go()
        await self._finish()

    async def run(self) -> None:
        self._ending |= await self._db.run(_kept)
        self._kept = bool(self._ending)
        while True:
            if self._ending:
                await self._let_go()
                with suppress(StateUnavailable):
                    await self._finish()
            await self._clock.sleep(AGAIN_S)

    async def _let_go(self) -> None:
        """Of all that is held where a consent ends; for some seconds, the rest goes on by itself."""
        tasks = [
            asyncio.create_task(self._desk.submit(_ending(claim, self._ending[key])))
            for key, claims in self._held().items()
            for claim in claims
        ]
        self._releasing |= set(tasks)
        for task in tasks:
            task.add_done_callback(self._releasing.discard)
        if tasks:
            done, _ = await asyncio.wait(tasks, timeout=PATIENCE_S)
            for task in done:
                if (error := task.exception()) is not None:
                    log.warning("what is held where a consent ends could not be let go of", error=str(error))

    async def _finish(self) -> None:
        """Ends those whose points hold nothing of ours any more."""
        held = self._held()
        over = [key for key in self._ending if key not in held]
        if over:
            try:
                await self._consents.withdraw(self._db, over)
            finally:
                await self._reshape()
        for key in over:
            self._ending.pop(key, None)
        if held:
            points = sorted({claim.point for claims in held.values() for claim in claims})
            log.warning("consents stand until what is held is let go of", points=points)
        if held or self._kept:
            await self._keep()

    def _held(self) -> dict[str, list[Claim]]:
        """What stands at the points of the consents that end."""
        found: dict[str, list[Claim]] = {}
        for standing in self._consents.standing():
            key, point = standing.relaxation.key, standing.relaxation.point
            if key in self._ending and point is not None and (claims := self._desk.claims.of(point)):
                found[key] = list(claims)
        return found

    async def _keep(self) -> None:
        document = json.dumps(self._ending)
        await self._db.run(lambda connection: upsert(connection, PageRow, [{"name": PAGE, "document": document}]))
        self._kept = bool(self._ending)


def _ending(claim: Claim, why: str) -> Command:
    return Command(point=claim.point, value=None, priority=claim.priority, by=AGENT, reason=why)


def _kept(connection: Connection) -> dict[str, str]:
    document = connection.scalar(select(_PAGES.c.document).where(_PAGES.c.name == PAGE))
    kept: dict[str, str] = json.loads(document) if document else {}
    return kept
