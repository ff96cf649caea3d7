"""What waits for a second person: asked for by one, carried out only if another agrees in time.

A request writes nothing. It is on record before it is kept, it ends by itself, and whoever asked cannot be
the one who agrees. Kept in memory: what nobody has agreed to before a restart was not agreed to.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from facility.audit import Audit
from facility.model import Command
from facility.ruling import Verdict
from facility.users import User
from points.clock import Clock
from points.errors import PointsError
from points.events import Events
from points.model import Event, EventKind

WAITS = timedelta(minutes=10)  # long enough to call somebody, too short to be agreed to by the next shift
IN_MIND = 2 * WAITS  # a name is not given again: somebody may still have it on a slip of paper
MANY = 4_096


class UnknownRequest(PointsError):
    """Nobody waits for that, or not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A command that a second person has to agree to."""

    id: str  # short: people read it to each other
    command: Command
    verdict: Verdict  # why a second person is needed
    asked_at: datetime

    @property
    def expires(self) -> datetime:
        return self.asked_at + WAITS


class Requests:
    """All that wait now, the oldest first."""

    def __init__(self, clock: Clock, audit: Audit, events: Events) -> None:
        self._clock = clock
        self._audit = audit
        self._events = events
        self._open: dict[str, Request] = {}
        self._given: dict[str, datetime] = {}  # every id of late, and when
        self._dismissed: dict[str, Request] = {}  # so that none of them is put back

    async def ask(self, command: Command, verdict: Verdict) -> Request:
        """Keeps the command for a second person. What the same person asked for at the same slot gives way to it."""
        await self._audit.note(
            by=command.by,
            role=command.role,
            origin=command.origin,
            action="ask",
            target=command.point,
            value=command.value,
            priority=int(command.priority),
            reason=command.reason,
            rule=verdict.rule,
            request=str(command.id),
            result="waits for a second person",
        )
        request = Request(id=self._new_id(), command=command, verdict=verdict, asked_at=self._clock.now())
        self._open = {each.id: each for each in self.waiting() if not _same_wish(each.command, command)}
        self._open[request.id] = request
        self._tell(request, f"{command.by} asks for a second person: {command.point}")
        return request

    def waiting(self) -> list[Request]:
        """What has not run out."""
        now = self._clock.now()
        self._open, self._dismissed = (
            {key: request for key, request in some.items() if request.asked_at <= now < request.expires}
            for some in (self._open, self._dismissed)
        )
        return list(self._open.values())

    def named(self, request: str) -> Request:
        """Raises `UnknownRequest`."""
        found = next((each for each in self.waiting() if each.id == request), None)
        if found is None:
            raise UnknownRequest(
                f"No request {request!r} waits for a second person: it was carried out, withdrawn, or is more than "
                f"{WAITS // timedelta(minutes=1)} minutes old. `facility waiting` lists them."
            )
        return found

    async def agree(self, command: Command, user: User) -> Request:
        """Takes the request of `command` away to be carried out, once it is on record that `user` has agreed."""
        self._of(command)
        await self._note("second", user, command)
        found = self._of(command)  # looked up again: another may have agreed meanwhile
        del self._open[found.id]
        return found

    def put_back(self, request: Request) -> None:
        """It was agreed to and nothing was written: it waits as before, unless it was dismissed since."""
        if request.id not in self._dismissed:
            self._open.setdefault(request.id, request)

    async def dismiss(self, request: str, user: User) -> Request:
        """Takes it away: withdrawn by who asked, or declined by another.

        Raises `UnknownRequest`, also where somebody agreed meanwhile: then it is under way, and does not wait again.
        """
        found = self.named(request)
        await self._note("withdraw" if user.by == found.command.by else "decline", user, found.command)
        self._dismissed[found.id] = found
        if self._open.pop(found.id, None) is None:
            raise UnknownRequest(
                f"This waits no more: {found.command.point} was agreed to at the same moment, or ran out. "
                "See what it holds now; release it if that is not wanted."
            )
        self._tell(found, f"{user.by} has dismissed what {found.command.by} asked for: {found.command.point}")
        return found

    def _of(self, command: Command) -> Request:
        found = next((each for each in self.waiting() if each.command.id == command.id), None)
        if found is None:
            raise UnknownRequest(f"This waits no more: {command.point} was carried out, withdrawn, or ran out.")
        return found

    def _new_id(self) -> str:
        """None that anybody may still have in mind: who agrees to what is gone must not agree to something else."""
        now = self._clock.now()
        self._given = {name: at for name, at in self._given.items() if at <= now < at + IN_MIND}
        octets = 2 if len(self._given) < MANY else 4  # there is always one left
        while (name := secrets.token_hex(octets)) in self._given:
            pass
        self._given[name] = now
        return name

    async def _note(self, action: str, user: User, command: Command) -> None:
        await self._audit.note(
            by=user.by,
            role=user.role,
            origin=user.origin,
            action=action,
            target=command.point,
            value=command.value,
            priority=int(command.priority),
            reason=f"asked for by {command.by}: {command.reason}",
            request=str(command.id),
        )

    def _tell(self, request: Request, text: str) -> None:
        about = request.command.point
        self._events.tell(Event(kind=EventKind.COMMAND, time=self._clock.now(), about=about, text=text))


def _same_wish(one: Command, other: Command) -> bool:
    return (one.by, one.point, one.priority) == (other.by, other.point, other.priority)
