"""The keeper of what others told: per bed a state, per room its bookings, the utility's events.

- `feeds()` is what policies and the guard see: only what is fresh. A bed whose sender has been silent for half an hour
  is not in it, nor is a room one of whose beds is not known, a booking that is over or an event that has ended.
- Silence is per sender: one that speaks does not vouch for another that has fallen silent. Where something may have
  been missed (`missed`, a restart), a bed that is free is free from then on at the earliest.
- Whether a bed is isolated can reveal a condition: it is kept as occupied, which is all that anybody here needs.
- Whoever `follow`s is told when a policy may say something else, not of every message.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from facility.feeds.tally import Refused
from points.clock import Clock
from points.model import SpaceId
from schedules.feeds import BEDS, BOOKINGS, EVENTS, STALE_AFTER, Bed, BedState, Booking, DemandEvent, Feeds
from schedules.policy import earliest

KEPT = timedelta(hours=72)  # a bed of which nothing was said for so long is unknown, however lively its feed is
AHEAD = timedelta(minutes=2)  # how far the clock of a sender may be ahead of ours
BOOKINGS_PER_ROOM = 64  # the nearest ones
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
LONGEST_SLEEP_S = 60.0  # a step of the clock is noticed within this time


def to_milliseconds(time: datetime) -> datetime:
    """What is kept of a time that was told: further digits mean nothing, and could be those of a record number."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class BedReport:
    """What one message said of one bed."""

    space: SpaceId
    bed: str  # "" where the whole room is meant
    state: BedState
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingReport:
    """What one message said of one booking; one that ends when it starts is cancelled."""

    space: SpaceId
    start: datetime
    end: datetime
    key: bytes = b""  # tells bookings apart where their times change; b"": the start does


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBed:
    """The latest that is known of a bed."""

    state: BedState
    since: datetime
    told: datetime  # the time of the latest message
    sender: str


@dataclass(slots=True)
class FeedBook:
    """All that was told. Nothing in it carries a person."""

    clock: Clock
    expected: Mapping[SpaceId, frozenset[str]] = field(default_factory=dict)
    """The beds of a room that the configuration names: it is known only if all of them are."""
    name: str = field(default="feeds", init=False)
    beds: dict[tuple[SpaceId, str], KeptBed] = field(default_factory=dict, init=False)
    bookings: dict[SpaceId, dict[bytes | datetime, Booking]] = field(default_factory=dict, init=False)
    heard: dict[tuple[str, str], datetime] = field(default_factory=dict, init=False)  # (feed, sender) -> when last
    changes: int = field(default=0, init=False)  # grows with each that is worth keeping
    _events: tuple[DemandEvent, ...] = field(default=(), init=False)
    _opted_out: str = field(default="", init=False)
    _followers: list[Callable[[], None]] = field(default_factory=list, init=False)
    _seen: Feeds | None = field(default=None, init=False)
    _seen_until: datetime | None = field(default=None, init=False)
    _seen_at: datetime | None = field(default=None, init=False)
    _rang: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def follow(self, told: Callable[[], None]) -> None:
        """`told` is called whenever policies may say something else."""
        self._followers.append(told)

    def feeds(self) -> Feeds:
        """What is known and fresh now."""
        now = self.clock.now()
        if self._seen is None or self._seen_at is None or not self._seen_at <= now < (self._seen_until or now + AHEAD):
            self._forget(now)
            self._seen, self._seen_until = self._made(now)
        self._seen_at = now
        return self._seen

    def take_bed(self, report: BedReport, sender: str, *, live: bool = True) -> Refused | None:
        """Takes it in, or says why not. Of two states at one time, the one that is not free counts.

        One that is not `live` was kept for us by somebody: it does not say that its sender is alive now.
        """
        key = (report.space, report.bed)
        known = self.beds.get(key)
        state: BedState = BedState.OCCUPIED if report.state is BedState.ISOLATED else report.state
        if known is not None and report.time < known.told:
            return Refused.OLDER
        if known is not None and report.time == known.told and known.state is not BedState.UNOCCUPIED:
            state = known.state
        stays = known is not None and known.state is state
        since = known.since if known is not None and stays else report.time
        self.beds[key] = KeptBed(state=state, since=since, told=report.time, sender=sender)
        self._hear(BEDS, sender, None if live else report.time, news=not stays)
        return None

    def take_booking(self, report: BookingReport, sender: str, *, live: bool = True) -> Refused | None:
        """Takes it in; one that has no length takes the earlier one away."""
        if not live and report.end <= self.clock.now():
            return Refused.OLDER
        room = self.bookings.setdefault(report.space, {})
        key = report.key or report.start
        before = room.pop(key, None)
        after = Booking(space=report.space, start=report.start, end=report.end) if report.end > report.start else None
        if after is not None:
            room[key] = after
            if len(room) > BOOKINGS_PER_ROOM:
                del room[max(room, key=lambda each: room[each].start)]
        self._hear(BOOKINGS, sender, None if live else self._heard_before(BOOKINGS, sender), news=before != after)
        return None

    def set_events(self, events: Iterable[DemandEvent], opted_out: str = "", heard: datetime | None = None) -> None:
        """The utility's events from now on, and why none is obeyed; `heard`: when their source last said anything."""
        events = tuple(events)
        news = events != self._events or opted_out != self._opted_out
        self._events, self._opted_out = events, opted_out
        if heard is not None:
            self.heard[EVENTS, ""] = heard
        self._change(news=news)

    def missed(self, feed: str, sender: str) -> None:
        """The sender may have said something that did not reach us: free beds are free from now on at the earliest."""
        if feed != BEDS:
            return
        now = self.clock.now()
        for key, bed in self.beds.items():
            if bed.sender == sender and bed.since < now:
                self.beds[key] = replace(bed, since=now)
        self._change(news=True)

    async def run(self) -> None:
        """Tells when time alone makes a difference: something falls silent, or is over."""
        while True:
            self.feeds()
            self._rang.clear()
            wait = LONGEST_SLEEP_S
            if self._seen_until is not None:
                wait = min(wait, max(0.0, (self._seen_until - self.clock.now()).total_seconds()))
            until = self._seen_until
            sleep = asyncio.ensure_future(self.clock.sleep(wait))
            ring = asyncio.ensure_future(self._rang.wait())
            try:
                await asyncio.wait({sleep, ring}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                sleep.cancel()
                ring.cancel()
            if until is not None and self.clock.now() >= until:
                self._change(news=True)

    def _hear(self, feed: str, sender: str, at: datetime | None, *, news: bool) -> None:
        """`at`: when the sender was alive for sure; None: now."""
        now = self.clock.now()
        before = self.heard.get((feed, sender))
        before = None if before is not None and before > now else before
        was_fresh = before is not None and self._is_fresh(before, now)
        self.heard[feed, sender] = max(now if at is None else min(at, now), before or _LONG_AGO)
        self._change(news=news or not was_fresh)

    def _heard_before(self, feed: str, sender: str) -> datetime:
        return self.heard.get((feed, sender), _LONG_AGO)

    def _change(self, *, news: bool) -> None:
        self._seen = None
        self.changes += 1
        self._rang.set()
        if news:
            for told in self._followers:
                told()

    def _is_fresh(self, heard: datetime, now: datetime) -> bool:
        return timedelta(0) <= now - heard <= STALE_AFTER

    def _forget(self, now: datetime) -> None:
        """What nobody may rely on any more is not kept either, nor when somebody was heard by a clock put back since:

        once that time comes again, he may have been silent for hours.
        """
        self.heard = {key: at for key, at in self.heard.items() if at <= now}
        self.beds = {key: bed for key, bed in self.beds.items() if now - bed.told < KEPT}
        for space in list(self.bookings):
            left = {key: booking for key, booking in self.bookings[space].items() if booking.end > now}
            if left:
                self.bookings[space] = left
            else:
                del self.bookings[space]

    def _made(self, now: datetime) -> tuple[Feeds, datetime | None]:
        """What is fresh, and until when it stays so by the clock alone."""
        fresh = {key: at for key, at in self.heard.items() if self._is_fresh(at, now)}
        rooms: dict[SpaceId, list[Bed]] = {}
        known = [(key, bed) for key, bed in self.beds.items() if (BEDS, bed.sender) in fresh]
        for (space, name), bed in known:
            rooms.setdefault(space, []).append(Bed(space=space, bed=name, state=bed.state, since=bed.since))
        told = Counter(space for space, _ in self.beds)
        whole = {
            space: tuple(sorted(beds, key=lambda bed: bed.bed))
            for space, beds in rooms.items()
            if self.expected.get(space, frozenset()) <= {bed.bed for bed in beds} and len(beds) == told[space]
        }
        bookings = {
            space: tuple(sorted(room.values(), key=lambda booking: booking.start))
            for space, room in self.bookings.items()
        }
        heard: dict[str, datetime] = {}
        for (feed, _), at in self.heard.items():
            heard[feed] = max(at, heard.get(feed, at))
        feeds = Feeds(
            beds=whole,
            bookings=bookings,
            events=self._events,
            opted_out=self._opted_out,
            heard=heard,
        )
        ends = [booking.end for room in self.bookings.values() for booking in room.values()]
        silent = [at + STALE_AFTER + timedelta(microseconds=1) for at in fresh.values()]
        old = [bed.told + KEPT for bed in self.beds.values()]
        return feeds, earliest([*ends, *silent, *old])
