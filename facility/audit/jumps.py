"""Steps of this machine's clock are on record: without them the times of the audit could not be understood."""

from __future__ import annotations

import structlog

from facility.audit.ledger import Audit, AuditUnavailable
from points.events import Events
from points.model import EventKind

CLOCK = "clock"
"""What a system event about a step of the clock is about; see `schedules.planner`."""

log = structlog.get_logger(__name__)


class Jumps:
    """Listens to what the planner notices."""

    name = "audit-jumps"

    def __init__(self, audit: Audit, events: Events) -> None:
        self._audit = audit
        self._events = events

    async def run(self) -> None:
        with self._events.listen() as heard:
            async for event in heard:
                if event.kind is EventKind.SYSTEM and event.about == CLOCK:
                    await self._note(event.text)

    async def _note(self, text: str) -> None:
        try:
            await self._audit.note(by="agent", action="time-jump", target=CLOCK, result=text)
        except AuditUnavailable as error:
            log.warning("a step of the clock is not on record", error=str(error), text=text)
