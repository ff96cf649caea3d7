"""The course of a rehearsal: the planner's rounds, one after another, without waiting for the time between them.

It shares the event loop with the agent that it runs in: after every few milliseconds of work it lets the others go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from facility.judgement import Judging
from facility.rehearsal.forecast import Forecast
from facility.rehearsal.model import Clash, Refused, Rehearsed, Write
from facility.rehearsal.shadow import STRETCH_S, ShadowHands
from points.catalog import CatalogBook
from points.model import Event, PointId, Reading
from points.store import PointStore
from schedules.decider import Decider
from schedules.feeds import Feeds
from schedules.plan import Slot, Standing
from schedules.planner import REST_S, Planner
from schedules.policy import Memory, Policy, View, earliest
from schedules.steadiness import Steadiness
from schedules.wakeups import Wakeups

SELDOM = timedelta(days=1)  # how often everything is compared: nothing gets lost in a rehearsal
REST = timedelta(seconds=REST_S)
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Present:
    """Everything that a rehearsal starts from: the building and the planner as they are now."""

    now: datetime
    zone: ZoneInfo
    book: CatalogBook
    readings: Mapping[PointId, Reading]
    feeds: Feeds
    held: Mapping[Slot, Standing]
    memories: Mapping[str, Memory]
    steady: Steadiness
    judge: Judging
    """The guard, asked about readings, times and feeds that are not the real ones."""


class Rehearsal:
    """One rehearsal of some policies, from the present on."""

    def __init__(
        self, present: Present, policies: Sequence[Policy], forecast: Callable[[PointStore], Forecast]
    ) -> None:
        self._present = present
        self._now = present.now
        self._policies = tuple(policies)
        self._catalog = present.book.current
        self._store = PointStore()
        for reading in present.readings.values():
            self._store.put(reading)
        self.forecast = forecast(self._store)
        self._clashes: dict[str, Clash] = {}
        self._refused: dict[tuple[PointId, str], Refused] = {}
        self._faults: dict[str, None] = {}
        judge = present.judge(self._store, self, self._outside)
        self._hands = ShadowHands(judge, present.book, self._store, present.held, self.now)
        self._rests_until = present.now
        self._planner = Planner(
            policies=lambda: self._policies,
            view=self._view,
            store=self._store,
            hands=self._hands,
            clock=self,
            tell=_unheard,
            wakeups=Wakeups(self),
            decider=Decider(present.now, present.memories, present.steady.copy()),
            compare=SELDOM,
            pause=self._hands.breathe,
        )

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        """A clock's: time passes between rounds only, so the planner is patient with its hands for ever."""
        await asyncio.Event().wait()

    async def run(self, end: datetime) -> AsyncIterator[datetime]:
        """Rehearses until `end`; tells now and then how far it has come. It goes by the catalog that it began with."""
        worked = time.perf_counter()
        await self._round()
        while self._now < end:
            self._advance(end)
            if self._turn() <= self._now:
                await self._round()
            if time.perf_counter() - worked > STRETCH_S:
                yield self._now
                await asyncio.sleep(0)
                worked = time.perf_counter()
        yield self._now

    @property
    def writes(self) -> Sequence[Write]:
        """What was written so far; a live view, for a forecast that lives by it."""
        return self._hands.writes

    @property
    def found(self) -> Rehearsed:
        """Everything that was found so far."""
        return Rehearsed(
            start=self._present.now,
            end=self._now,
            writes=tuple(self._hands.writes),
            refused=(*self._refused.values(), *self._hands.refused.values()),
            clashes=tuple(self._clashes.values()),
            faults=tuple(self._faults),
        )

    async def _round(self) -> None:
        await self._planner.round()
        self._rests_until = self._now + REST
        written = [reading for point in self._hands.changed if (reading := self._store.get(point)) is not None]
        self._hands.changed.clear()
        self._planner.decider.note(written, self._now)
        self._note()

    def _turn(self) -> datetime:
        """When the planner next has a round, as far as it is known: it rests between two of them."""
        if self._planner.decider.is_waiting:
            return max(self._now, self._rests_until)
        again = (trouble.again for trouble in self._planner.troubles.values())
        return max(earliest([self._planner.next_turn, *again]) or NEVER, self._rests_until)

    def _advance(self, end: datetime) -> None:
        """To the next moment at which anything can be otherwise."""
        coming = self.forecast.next(self._now)
        self._now = min(self._turn(), coming or NEVER, end)
        if coming is not None and coming <= self._now:
            told = list(self.forecast.readings(self._now))
            for reading in told:
                self._store.put(reading)
            self._planner.decider.note(told, self._now)

    def _note(self) -> None:
        """Who wants the same slot, who may not have what he wants, and who failed."""
        decider = self._planner.decider
        for conflict in decider.conflicts:
            text = str(conflict)
            self._clashes.setdefault(text, Clash(at=self._now, text=text))
        for refusal in decider.refusals:
            demand = refusal.demand
            key = (demand.point, demand.policy)
            refused = Refused(at=self._now, point=demand.point, policy=demand.policy, why=refusal.why)
            self._refused.setdefault(key, refused)
        for policy, error in decider.faults.items():
            self._faults.setdefault(f"Policy {policy} failed ({type(error).__name__}: {error})")

    def _view(self) -> View:
        return View(
            now=self._now,
            zone=self._present.zone,
            catalog=self._catalog,
            readings=self._store.snapshot(),
            outside=self._outside,
        )

    def _outside(self) -> Feeds:
        """What was heard stays as it is, and as fresh."""
        heard = {feed: when + (self._now - self._present.now) for feed, when in self._present.feeds.heard.items()}
        return replace(self._present.feeds, heard=heard)


def _unheard(_event: Event) -> None:
    """What the planner tells is seen at the decider, with its time."""
