"""What is written down about commands: claims, audit and events, kept in step.

What comes *before* a write (`intent`, a new claim) raises when it cannot be stored, so that nothing
is written. What comes *after* it never does: the device has already been told, and what the books
lack is compared later, because its slot is listed in `unsure`.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from facility.audit import Audit, AuditUnavailable
from facility.claims import Claims
from facility.database import StateUnavailable
from facility.model import GUARD, Claim, Command, Held, Mismatch, Outcome, Outranked, Rejected, SlotKey, is_policy
from points.clock import Clock
from points.events import Events
from points.model import Event, EventKind, PointId, Reading, Value

AGENT = "agent"
"""Who lets go when the time is up."""

SETTLING = timedelta(seconds=10)  # after this, a request that was under way has arrived or never will

log = structlog.get_logger(__name__)


class Books:
    """The one place where a command leaves its marks."""

    def __init__(self, claims: Claims, audit: Audit, events: Events, clock: Clock) -> None:
        self.claims = claims
        self.unsure: dict[SlotKey, datetime] = {}  # since when a write may have reached the slot, or not
        self._audit = audit
        self._events = events
        self._clock = clock
        self._told: dict[SlotKey, str] = {}  # what a machine that asks again and again was last told

    async def intent(self, command: Command, action: str, found: Value | None) -> int:
        second = f"seconded by {command.seconded_by}" if command.seconded_by else ""
        return await self._audit.intent(
            by=command.by,
            role=command.role,
            origin=command.origin,
            action=action,
            target=command.point,
            value=command.value,
            found=found,
            priority=int(command.priority),
            reason=command.reason,
            rule="; ".join(filter(None, (command.rule, second))),
            request=str(command.id),
        )

    async def end(self, seq: int, outcome: Outcome) -> Outcome:
        """Records and tells the end of an intent. That it cannot be recorded does not change what happened."""
        text = in_words(outcome)
        await self.keep(self._audit.result(seq, text))
        self._told.pop((outcome.command.point, outcome.command.priority), None)
        self.tell(outcome.command.point, f"{outcome.command.by}: {text}")
        return outcome

    async def unwritten(self, outcome: Outcome) -> Outcome:
        """Records and tells what ended without a write; to a machine that asks again and again, once."""
        command, text = outcome.command, in_words(outcome)
        key = (command.point, command.priority)
        if is_policy(command.by) or command.by in (AGENT, GUARD):
            if self._told.get(key) == text:
                return outcome
            self._told[key] = text
        note = self._audit.note(
            by=command.by,
            role=command.role,
            origin=command.origin,
            rule=outcome.rule if isinstance(outcome, Rejected) else command.rule,
            action="hold" if command.value is not None else "release",
            target=command.point,
            value=command.value,
            priority=int(command.priority),
            reason=command.reason,
            request=str(command.id),
            result=text,
        )
        await self.keep(note)
        self.tell(command.point, f"{command.by}: {text}")
        return outcome

    async def lose(self, claim: Claim | None, found: Value | None) -> None:
        """Drops a claim whose slot does not hold what we wrote, and says so."""
        if claim is None:
            return
        await self.keep(self.forget(claim.key))
        holds = "is empty" if found is None else f"holds {found}, which is not ours and is left alone"
        text = (
            f"slot {int(claim.priority)} of {claim.point} {holds}; the claim of {claim.by} to {claim.value} is dropped"
        )
        note = self._audit.note(
            by=AGENT, action="drop", target=claim.point, priority=int(claim.priority), reason=claim.reason, result=text
        )
        await self.keep(note)
        self.tell(claim.point, text)

    async def undo(self, key: SlotKey, older: Claim | None) -> None:
        """The write did not happen: the claim before it stands again."""
        await self.keep(self.forget(key) if older is None else self.claims.restore(older))

    async def doubt(self, claim: Claim, older: Claim | None) -> None:
        """The write seems not to have happened, but may yet: whatever the slot will hold is known to be ours."""
        if older is not None:
            await self.keep(self.claims.restore(replace(older, unproven=(*older.unproven, claim.value))))
        self.question(claim.key)

    async def forget(self, key: SlotKey) -> None:
        await self.claims.drop(key)
        self.unsure.pop(key, None)

    async def keep(self, writing: Awaitable[object]) -> None:
        """Brings the books up to date after the fact. What cannot be written now is compared later."""
        try:
            await writing
        except (AuditUnavailable, StateUnavailable) as error:
            log.warning("the books are behind", error=str(error))
            for claim in self.claims.standing():
                if not claim.confirmed:
                    self.question(claim.key)

    def question(self, key: SlotKey) -> None:
        """From now on it is not known what the slot holds."""
        self.unsure.setdefault(key, self._clock.now())

    def questioned(self, now: datetime) -> set[SlotKey]:
        """The slots that have been in doubt long enough to be compared."""
        return {key for key, since in self.unsure.items() if now - since >= SETTLING or since > now}

    def is_unsettled(self, key: SlotKey) -> bool:
        """Whether a write may still be under way to the slot."""
        return key in self.unsure and key not in self.questioned(self._clock.now())

    def tell(self, point: PointId, text: str) -> None:
        self._events.tell(Event(kind=EventKind.COMMAND, time=self._clock.now(), about=point, text=text))


def in_words(outcome: Outcome) -> str:
    """How a command ended, as the audit keeps it."""
    slot = int(outcome.command.priority)
    match outcome:
        case Held(command=Command(value=None)):
            return f"released slot {slot}"
        case Held(goal=None):
            return f"held {outcome.command.value} in slot {slot}"
        case Held():
            return f"held {outcome.command.value} in slot {slot}, on its way to {outcome.goal}"
        case Outranked():
            return f"outranked: slot {slot} holds {outcome.command.value}, but slot {outcome.by_slot} wins"
        case Mismatch(present=Reading() as present):
            return f"mismatch: slot {slot} holds {outcome.found} and wins, but the present value is {present.value}"
        case Mismatch(found=None):
            return f"mismatch: slot {slot} is empty"
        case Mismatch():
            return f"mismatch: slot {slot} holds {outcome.found}"
        case Rejected():
            return f"refused ({outcome.rule}): {outcome.why}"
        case _:
            return f"failed: {outcome.why}" + (" The write may have reached the device." if outcome.written else "")
