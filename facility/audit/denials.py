"""What the guard refused to a person who only looked: on record, although nothing was asked of a device.

A plan that is refused is never committed, so this is where it is told of. That it cannot be recorded changes
nothing: a refusal has no consequence.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from facility.audit.ledger import Audit, AuditUnavailable
from facility.model import Command
from facility.ruling import Verdict
from facility.users import User
from points.clock import Clock

ONCE_IN = timedelta(minutes=1)  # that the same wish of the same person is recorded

Asked = tuple[object, ...]


class Denials:
    """Of everybody."""

    def __init__(self, audit: Audit, clock: Clock) -> None:
        self._audit = audit
        self._clock = clock
        self._told: dict[Asked, datetime] = {}

    async def note(self, user: User, command: Command, verdict: Verdict) -> None:
        """Records that the guard refused `command` to `user`; who asks the same again, not more than once a minute."""
        now = self._clock.now()
        self._told = {asked: at for asked, at in self._told.items() if timedelta() <= now - at < ONCE_IN}
        wish = (type(command.value), command.value, command.priority, command.lasts)
        asked = (user.by, command.point, *wish, verdict.rule)
        if asked in self._told:
            return
        self._told[asked] = now
        with suppress(AuditUnavailable):
            await self._audit.note(
                by=user.by,
                role=user.role,
                origin=user.origin,
                rule=verdict.rule,
                action="hold" if command.value is not None else "release",
                target=command.point,
                value=command.value,
                priority=int(command.priority),
                reason=command.reason,
                request=str(command.id),
                result=f"refused ({verdict.rule}): {verdict.text}",
            )
