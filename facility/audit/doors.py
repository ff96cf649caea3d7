"""Who came, who left, and who was turned away: on record, and never a reason to keep anybody out or in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta

from facility.audit.ledger import Audit, AuditUnavailable
from facility.users import Caller, User
from points.clock import Clock

ONCE_IN = timedelta(minutes=1)  # that a caller who is refused the same again and again is recorded


@asynccontextmanager
async def visit(audit: Audit, user: User) -> AsyncIterator[None]:
    """A screen is attached while this is open."""
    await _noted(audit, user, "login")
    try:
        yield
    finally:
        await _noted(audit, user, "logout")


async def _noted(audit: Audit, user: User, action: str) -> None:
    with suppress(AuditUnavailable):  # who only looks may look while nothing can be recorded
        await audit.note(by=user.by, role=user.role, origin=user.origin, action=action, target="agent")


class Refusals:
    """What callers were not allowed."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._told: dict[tuple[int, str], datetime] = {}  # by uid and call

    async def note(self, caller: Caller, call: str, why: str) -> None:
        """Records that `caller` may not do `call`, not more than once a minute."""
        now = self._clock.now()
        told = self._told.get((caller.uid, call))
        if told is not None and timedelta() <= now - told < ONCE_IN:
            return
        self._told[caller.uid, call] = now
        with suppress(AuditUnavailable):
            await self._audit.note(
                by=f"user:{caller.name}", origin=caller.origin, action="refused", target=call, result=why
            )
