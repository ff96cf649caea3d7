"""The utility's events: who sent what, until they are over. On record first, then on disk, then in force.

- An id is an event: sent again as it is, it is known already and nothing happens; sent otherwise, it is changed; one
  that was cancelled stays so, whatever arrives late, until its time is over.
- Whatever way an event came (HTTP, MQTT, OpenADR), it is the same event and goes the same way.
- While there are more alarms than people can look at, no event is obeyed (`Flood`).
- What is on disk survives a restart. What cannot be put on record or on disk is not in force.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, select

from facility.audit import Audit, AuditUnavailable
from facility.database import StateDatabase
from facility.feeds.book import FeedBook
from facility.rows import PageRow, table_of, upsert
from facility.wire import DemandAnswer, DemandEventInfo, DemandNotice
from points.clock import Clock
from points.errors import PointsError
from schedules.feeds import DemandEvent
from schedules.utility import begins

PAGE = "demand-events"
MOST = 200
AHEAD = timedelta(days=31)  # who is told earlier cannot do anything about it yet
NEAR = timedelta(hours=1)
LOOK_EVERY_S = 10.0
FLOOD_BEGINS, FLOOD_ENDS, FLOOD_WINDOW = 10, 5, timedelta(minutes=10)  # ISA-18.2: ten alarms in ten minutes

_PAGES = table_of(PageRow)


class EventRefused(PointsError):
    """The event cannot be taken; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who sends, for the audit."""

    by: str
    role: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """An event, who sent it, and whether it was cancelled."""

    id: str
    level: int
    start: datetime
    end: datetime
    randomize_s: float
    source: str
    by: str
    cancelled: str = ""  # by whom; "" if it was not

    @property
    def event(self) -> DemandEvent:
        return DemandEvent(
            id=self.id,
            level=self.level,
            start=self.start,
            end=self.end,
            randomize=timedelta(seconds=self.randomize_s),
            source=self.source,
        )


_KEPT = TypeAdapter(list[Kept])


class Flood:
    """Whether there are more new alarms than anybody can look at, with hysteresis."""

    def __init__(self, raised: Callable[[], Iterable[datetime]]) -> None:
        """`raised`: when each alarm that stands was raised."""
        self._raised = raised
        self.is_on = False

    def look(self, now: datetime) -> bool:
        recent = sum(1 for since in self._raised() if timedelta(0) <= now - since <= FLOOD_WINDOW)
        self.is_on = recent >= (FLOOD_ENDS if self.is_on else FLOOD_BEGINS)
        return self.is_on


class UtilityEvents:
    """The service: takes events in, tells the book of feeds, and forgets what is over."""

    name = "demand-events"

    def __init__(
        self,
        book: FeedBook,
        db: StateDatabase,
        audit: Audit,
        clock: Clock,
        *,
        site: str,
        raised: Callable[[], Iterable[datetime]] = tuple,
        kept: Sequence[Kept] = (),
    ) -> None:
        """`raised`: see `Flood`. `kept`: what is known from before."""
        self._book = book
        self._db = db
        self._audit = audit
        self._clock = clock
        self._site = site
        self._flood = Flood(raised)
        self._kept = tuple(kept)
        self._one_by_one = asyncio.Lock()
        self._told: tuple[tuple[DemandEvent, ...], str] | None = None
        self._tell()

    def watch_alarms(self, raised: Callable[[], Iterable[datetime]]) -> None:
        """Looks there for floods from now on: the alarms come up later than we do."""
        self._flood = Flood(raised)

    async def run(self) -> None:
        while True:
            self.look()
            await self._clock.sleep(LOOK_EVERY_S)

    def look(self) -> None:
        """Time alone makes a difference: an event is over, a flood begins or ends."""
        self._flood.look(self._clock.now())
        self._tell()

    def infos(self) -> list[DemandEventInfo]:
        now, out = self._clock.now(), self._why_out()
        return [self._info(each, now, out) for each in sorted(self._coming(), key=lambda each: (each.start, each.id))]

    async def take(self, notice: DemandNotice, sender: Sender, *, again: bool = False) -> DemandAnswer:
        """Takes one in, `again` also if its sender had taken it back. Raises `EventRefused`."""
        now = self._clock.now()
        if notice.until <= now:
            raise EventRefused(f"Event {notice.id} is over already.")
        if notice.start > now + AHEAD:
            raise EventRefused(f"Event {notice.id} begins in more than {AHEAD.days} days; send it later.")
        new = Kept(
            id=notice.id,
            level=notice.level,
            start=notice.start,
            end=notice.until,
            randomize_s=notice.randomize.total_seconds(),
            source=notice.source,
            by=sender.by,
        )
        async with self._one_by_one:
            known = self._find(notice.id)
            if known is not None and known.cancelled and not (again and known.cancelled == sender.by):
                raise EventRefused(f"Event {notice.id} was cancelled; what is meant anew needs another id.")
            if known is not None and replace(known, by=new.by) == new:
                return DemandAnswer(id=notice.id, result="known")
            others = tuple(each for each in self._coming() if each.id != notice.id)
            if len(others) >= MOST:
                raise EventRefused(f"There are {MOST} events already; cancel some.")
            await self._change("demand event", new, sender, (*others, new))
        return DemandAnswer(id=notice.id, result="taken" if known is None else "changed")

    async def cancel(self, identity: str, sender: Sender) -> DemandAnswer:
        """Takes one back; a second time, nothing happens. Raises `EventRefused`."""
        async with self._one_by_one:
            known = self._find(identity)
            if known is None:
                raise EventRefused(f"There is no event {identity}; `facility dr list` shows them.")
            if not known.cancelled:
                gone = replace(known, cancelled=sender.by)
                others = tuple(each for each in self._coming() if each.id != identity)
                await self._change("cancel demand event", gone, sender, (*others, gone))
        return DemandAnswer(id=identity, result="cancelled")

    async def follow(self, notices: Collection[DemandNotice], sender: Sender, *, complete: bool = True) -> None:
        """All that a source says now: what it does not name any more is taken back, if this is surely all."""
        told = {notice.id for notice in notices}
        for each in self._coming() if complete else ():
            if each.by == sender.by and each.id not in told and not each.cancelled:
                await self.cancel(each.id, sender)
        for notice in notices:
            with suppress(EventRefused):  # over, too far ahead, or cancelled by a person: he has the last word
                await self.take(notice, sender, again=True)

    async def _change(self, action: str, what: Kept, sender: Sender, after: tuple[Kept, ...]) -> None:
        said = f"level {what.level} from {what.start.isoformat()} until {what.end.isoformat()}"
        try:
            seq = await self._audit.intent(
                by=sender.by,
                role=sender.role,
                origin=sender.origin,
                action=action,
                target=f"demand event {what.id}",
                value=said,
                reason=what.source,
            )
            try:
                await _keep(self._db, after)
            except PointsError as error:
                with suppress(AuditUnavailable):
                    await self._audit.result(seq, f"failed: {error}")
                raise
        except PointsError as error:
            raise EventRefused(f"{error} Nothing was changed.") from None
        self._kept = after
        self._tell()
        with suppress(AuditUnavailable):  # it is owed, and written first when the audit can be
            await self._audit.result(seq, "in force")

    def _tell(self) -> None:
        events = tuple(each.event for each in self._coming() if not each.cancelled)
        told = (events, self._why_out())
        if told != self._told:
            self._told = told
            self._book.set_events(*told)

    def _why_out(self) -> str:
        return "more alarms than people can look at" if self._flood.is_on else ""

    def _coming(self) -> tuple[Kept, ...]:
        now = self._clock.now()
        return tuple(each for each in self._kept if each.end > now)

    def _find(self, identity: str) -> Kept | None:
        return next((each for each in self._coming() if each.id == identity), None)

    def _info(self, kept: Kept, now: datetime, out: str) -> DemandEventInfo:
        begin = begins(kept.event, self._site)
        waits = "near" if begin - now <= NEAR else "far"
        status = "cancelled" if kept.cancelled else "active" if begin <= now else waits
        return DemandEventInfo.model_validate(
            {
                "id": kept.id,
                "level": kept.level,
                "start": kept.start,
                "end": kept.end,
                "begins": begin,
                "source": kept.source,
                "by": kept.by,
                "status": status,
                "opted_out": out,
            }
        )


async def load(db: StateDatabase) -> list[Kept]:
    """What was known when the agent last ran."""
    return await db.run(_stored)


def _stored(connection: Connection) -> list[Kept]:
    document = connection.scalar(select(_PAGES.c.document).where(_PAGES.c.name == PAGE))
    try:
        return _KEPT.validate_json(document) if document else []
    except ValidationError:  # of another version: as if nothing had been said; whoever sent it can send it again
        return []


async def _keep(db: StateDatabase, kept: Iterable[Kept]) -> None:
    document = _KEPT.dump_json(list(kept)).decode()
    await db.run(lambda connection: upsert(connection, PageRow, [{"name": PAGE, "document": document}]))
