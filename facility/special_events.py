"""Special events: what a person wants of a programme for once, "theatre 3 until 23:00 tonight".

On record first, then on disk, then in force at once: the strategy takes it in and the planner is woken. An event always
has an end, outranks everything else that its programme says, and may be withdrawn by whoever might announce it:
somebody who may command every point that the programme moves. After a restart, what has not ended goes on.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from facility import views
from facility.answers import sentence
from facility.audit import Audit, AuditUnavailable
from facility.database import StateDatabase
from facility.guard import LONGEST, LONGEST_OF_AN_ENGINEER, REASON_LENGTH
from facility.permits import must, must_at
from facility.port import FacilityError
from facility.rows import keep_page, page
from facility.strategy import Strategy
from facility.users import Permission, User
from facility.wire import SpecialEventInfo
from points.catalog import CatalogBook
from points.clock import Clock
from points.errors import PointsError
from schedules.calendar import Programme, SpecialEvent

ANNOUNCE, WITHDRAW = "announce event", "withdraw event"
PAGE = "special-events"
MOST = 200  # at a site: more is a programme that nobody has written
LONGEST_REASON = 200
AHEAD = timedelta(days=366)  # who plans further ahead writes an exception


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """A special event, and who wants it."""

    id: str  # short: people read it to each other
    programme: str
    state: str
    begin: datetime
    end: datetime
    by: str
    reason: str

    @property
    def event(self) -> SpecialEvent:
        name = f"special event {self.id} of {views.owner(self.by)}"
        return SpecialEvent(name=name, state=self.state, begin=self.begin, end=self.end)


_KEPT = TypeAdapter(list[Announced])


class SpecialEvents:
    """All that are announced and not over, in the order in which they were."""

    def __init__(
        self,
        db: StateDatabase,
        audit: Audit,
        clock: Clock,
        strategy: Strategy,
        book: CatalogBook,
        *,
        wake: Callable[[], None],
        announced: Iterable[Announced] = (),
    ) -> None:
        """`wake`: has the planner look at the strategy again. `announced`: what is known from before."""
        self._db = db
        self._audit = audit
        self._clock = clock
        self._strategy = strategy
        self._book = book
        self._wake = wake
        self._announced = tuple(announced)
        self._one_by_one = asyncio.Lock()
        self._enforce()

    def infos(self) -> list[SpecialEventInfo]:
        """What is announced for programmes that there are."""
        now = self._clock.now()
        return [_info(each, now) for each in self._coming() if each.programme in self._strategy.programmes]

    async def announce(
        self, user: User, programme: str, state: str, until: datetime, reason: str, begin: datetime | None
    ) -> SpecialEventInfo:
        """Adds one. Raises `FacilityError` where it may not or cannot be."""
        _must_be_a_reason(reason)
        known = self._programme(programme)
        self._must_command(user, programme)
        _must_say(known, state)
        start, end = self._span(user, begin, until)
        new = Announced(
            id=self._new_id(), programme=programme, state=state, begin=start, end=end, by=user.by, reason=reason.strip()
        )
        async with self._one_by_one:
            if len(self._coming()) >= MOST:
                raise FacilityError(
                    "bad-wish", f"{MOST} events are announced already; `facility event list` shows them."
                )
            await self._change(user, ANNOUNCE, new, reason, (*self._coming(), new))
        return _info(new, self._clock.now())

    async def withdraw(self, user: User, identity: str, reason: str) -> SpecialEventInfo:
        """Ends one, or has it never begin. Raises `FacilityError` where it may not or cannot be."""
        _must_be_a_reason(reason)
        async with self._one_by_one:
            found = next((each for each in self._coming() if each.id == identity), None)
            if found is None:
                raise FacilityError("unknown", f"There is no event {identity!r}; `facility event list` shows them.")
            self._must_command(user, found.programme)
            left = tuple(each for each in self._coming() if each.id != identity)
            await self._change(user, WITHDRAW, found, reason, left)
        return _info(found, self._clock.now())

    async def _change(
        self, user: User, action: str, what: Announced, reason: str, after: tuple[Announced, ...]
    ) -> None:
        try:
            seq = await self._audit.intent(
                by=user.by,
                role=user.role,
                origin=user.origin,
                action=action,
                target=f"programme {what.programme}",
                value=f"{what.state} from {what.begin.isoformat()} until {what.end.isoformat()} ({what.id})",
                reason=reason.strip(),
            )
            try:
                await _keep(self._db, after)
            except PointsError as error:
                await self._audit.result(seq, f"failed: {error}")
                raise
        except PointsError as error:
            raise FacilityError("busy", f"{sentence(error)} Nothing was changed.") from None
        self._announced = after
        self._enforce()
        self._wake()
        with suppress(AuditUnavailable):  # it is owed, and written first when the audit can be
            await self._audit.result(seq, "in force")

    def _enforce(self) -> None:
        events: dict[str, tuple[SpecialEvent, ...]] = {}
        for each in self._coming():
            events[each.programme] = (*events.get(each.programme, ()), each.event)
        self._strategy.announce(events)

    def _coming(self) -> tuple[Announced, ...]:
        """Those that are not over."""
        now = self._clock.now()
        return tuple(each for each in self._announced if each.end > now)

    def _programme(self, name: str) -> Programme:
        programme = self._strategy.programmes.get(name)
        if programme is None:
            known = ", ".join(self._strategy.programmes) or "none"
            raise FacilityError("unknown", f"There is no programme {name!r}; known: {known}.")
        return programme

    def _must_command(self, user: User, programme: str) -> None:
        """Wherever the programme moves something; if it moves nothing, it concerns the whole building."""
        catalog = self._book.current
        points = (
            self._strategy.points_following(programme, catalog) if programme in self._strategy.programmes else set()
        )
        if not points:
            must(user, Permission.COMMAND)
        for point in sorted(points):
            must_at(user, Permission.COMMAND, catalog.points[point], catalog)

    def _span(self, user: User, begin: datetime | None, until: datetime) -> tuple[datetime, datetime]:
        """From when until when, in whole minutes; what has begun already begins now."""
        for each in (begin, until):
            if each is not None and (each.tzinfo is None or each.second or each.microsecond):
                raise FacilityError("bad-wish", "Times are whole minutes with their offset: 2026-03-01T23:00:00+01:00.")
        now = self._clock.now()
        start = max(begin or now, now).replace(second=0, microsecond=0)
        longest = LONGEST_OF_AN_ENGINEER if user.has(Permission.COMMAND_LONG) else LONGEST
        if until <= max(start, now):
            raise FacilityError("bad-wish", "The event would be over before it begins; say a later end.")
        if until - start > longest:
            hours = f"{longest / timedelta(hours=1):.0f} hours"
            raise FacilityError("bad-wish", f"An event of yours lasts {hours} at most; an exception is for longer.")
        if start - now > AHEAD:
            raise FacilityError("bad-wish", f"An event begins within {AHEAD.days} days; an exception is for later.")
        return start, until

    def _new_id(self) -> str:
        taken = {each.id for each in self._announced}
        while (name := secrets.token_hex(2)) in taken:
            pass
        return name


async def load(db: StateDatabase) -> list[Announced]:
    """What was announced when the agent last ran."""
    document = await db.run(lambda connection: page(connection, PAGE))
    return _KEPT.validate_json(document) if document else []


async def _keep(db: StateDatabase, announced: Iterable[Announced]) -> None:
    document = _KEPT.dump_json(list(announced)).decode()
    await db.run(lambda connection: keep_page(connection, PAGE, document))


def _must_be_a_reason(reason: str) -> None:
    if not REASON_LENGTH <= len(reason.strip()) <= LONGEST_REASON:
        text = f"An event needs a reason of {REASON_LENGTH} to {LONGEST_REASON} characters; never about a patient."
        raise FacilityError("bad-wish", text)


def _must_say(programme: Programme, state: str) -> None:
    states = {programme.default, *(entry.state for entry in programme.entries if entry.state is not None)}
    if state not in states:
        known = ", ".join(sorted(states))
        raise FacilityError("bad-wish", f"Programme {programme.name!r} is never {state!r}; it knows {known}.")


def _info(announced: Announced, now: datetime) -> SpecialEventInfo:
    return SpecialEventInfo(
        id=announced.id,
        programme=announced.programme,
        state=announced.state,
        begin=announced.begin,
        end=announced.end,
        by=views.owner(announced.by),
        reason=announced.reason,
        is_on=announced.begin <= now < announced.end,
    )
