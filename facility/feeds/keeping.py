"""Keeps what the feeds told through a restart, and no longer than it is fresh.

On disk is, per bed, whether it is free and since when, and the times of bookings: no state of a bed but free or not,
no id, nothing that was refused. One page, overwritten; what is over is not in it any more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, select

from facility.database import StateDatabase, StateUnavailable
from facility.feeds.book import FeedBook, KeptBed
from facility.rows import PageRow, table_of, upsert
from points.clock import Clock
from points.model import SpaceId
from schedules.feeds import BEDS, BOOKINGS, STALE_AFTER, BedState, Booking

PAGE = "feeds"
SAVE_EVERY_S = 10.0

_PAGES = table_of(PageRow)
Short = Annotated[str, Field(max_length=70)]


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Bed(_Row):
    space: Short
    bed: Short
    free: bool
    since: datetime
    told: datetime
    sender: Short


class _Booking(_Row):
    space: Short
    start: datetime
    end: datetime


class _Page(_Row):
    beds: tuple[_Bed, ...] = ()
    bookings: tuple[_Booking, ...] = ()
    heard: dict[Short, dict[Short, datetime]] = {}  # feed -> sender -> when last


class FeedKeeper:
    """The service that stores the book."""

    name = "feeds-kept"

    def __init__(self, book: FeedBook, db: StateDatabase, clock: Clock) -> None:
        self._book = book
        self._db = db
        self._clock = clock
        self._saved = ""

    async def restore(self) -> None:
        """Takes back what is still fresh. What was said meanwhile may have been missed."""
        document = await self._db.run(_stored)
        try:
            page = _Page.model_validate_json(document)
        except ValidationError:  # of another version: as if nothing had been said
            return
        now = self._clock.now()
        fresh = {
            (feed, sender): at
            for feed, senders in page.heard.items()
            for sender, at in senders.items()
            if feed in (BEDS, BOOKINGS) and now - STALE_AFTER <= at <= now
        }
        self._book.heard.update(fresh)
        for bed in page.beds:
            if (BEDS, bed.sender) in fresh and bed.told <= now:
                state = BedState.UNOCCUPIED if bed.free else BedState.OCCUPIED
                kept = KeptBed(state=state, since=min(bed.since, now), told=bed.told, sender=bed.sender)
                self._book.beds[SpaceId(bed.space), bed.bed] = kept
        for booking in page.bookings:
            if booking.end > now:
                kept_booking = Booking(space=SpaceId(booking.space), start=booking.start, end=booking.end)
                self._book.bookings.setdefault(kept_booking.space, {})[booking.start] = kept_booking
        for feed, sender in fresh:
            self._book.missed(feed, sender)

    async def run(self) -> None:
        try:
            while True:
                await self._clock.sleep(SAVE_EVERY_S)
                await self.save()
        finally:
            await self.save()

    async def save(self) -> None:
        """Stores what has changed; what cannot be stored is unknown after a restart, and that is all."""
        self._book.feeds()  # what is over is dropped first
        document = self._page().model_dump_json()
        if document == self._saved:
            return
        try:
            await self._db.run(lambda connection: upsert(connection, PageRow, [{"name": PAGE, "document": document}]))
            self._saved = document
        except StateUnavailable:
            return

    def _page(self) -> _Page:
        book = self._book
        heard: dict[str, dict[str, datetime]] = {}
        for (feed, sender), at in book.heard.items():
            if feed in (BEDS, BOOKINGS):
                heard.setdefault(feed, {})[sender] = at
        return _Page(
            beds=tuple(
                _Bed(
                    space=space,
                    bed=name,
                    free=bed.state is BedState.UNOCCUPIED,
                    since=bed.since,
                    told=bed.told,
                    sender=bed.sender,
                )
                for (space, name), bed in book.beds.items()
            ),
            bookings=tuple(
                _Booking(space=space, start=booking.start, end=booking.end)
                for space, room in book.bookings.items()
                for booking in room.values()
            ),
            heard=heard,
        )


def _stored(connection: Connection) -> str:
    document: str | None = connection.scalar(select(_PAGES.c.document).where(_PAGES.c.name == PAGE))
    return document or "{}"
