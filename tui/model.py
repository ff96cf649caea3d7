"""The building as this screen knows it: followed from the agent's live stream.

Nothing is shown before a snapshot is complete, and a lost agent is noticed within three seconds,
by the end of the stream or by its silence. What was known then stays readable, marked as old, until a
new snapshot is complete; only then it is taken for live again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import structlog

from facility.port import AgentLost, Facility, FacilityError
from facility.wire import AlarmInfo, Hello, Overview, PointInfo, Update, ValueInfo, WaitingInfo
from points.clock import Clock, SystemClock
from tui import text

log = structlog.get_logger(__name__)

FIRST_RETRY = 1.0
LONGEST_RETRY = 10.0
SILENCE = 5.0
"""Seconds without a message after which the agent counts as lost: an overview comes every second."""
PATIENCE = 10.0
"""Seconds for opening the stream and for each part of the first snapshot: a large catalog takes its time."""
SOON = 0.5
"""Seconds to the next attempt below which it reads as "now"."""
GRACE = 0.1
"""Seconds more, for what has come while this screen itself was stopped or busy."""
SILENT = "not answering"
KINDS = ("hello", "catalog", "values", "overview", "alarms")


class Link(Enum):
    """How the screen stands with the agent."""

    CONNECTING = "connecting"  # no snapshot has ever been complete
    LIVE = "live"
    LOST = "lost"


@dataclass(slots=True)
class Snapshot:
    """What one connection has brought."""

    arrived: set[str] = field(default_factory=set)
    hello: Hello | None = None
    points: dict[str, PointInfo] = field(default_factory=dict)
    values: dict[str, ValueInfo] = field(default_factory=dict)
    overview: Overview | None = None
    alarms: dict[str, AlarmInfo] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return self.arrived.issuperset(KINDS)

    def take(self, update: Update) -> None:
        self.arrived.add(update.kind)
        if update.hello is not None:
            self.hello = update.hello
        if update.points is not None:  # always the whole catalog, so that one that is gone leaves
            self.points = {point.id: point for point in update.points}
        for value in update.values or ():
            self.values[value.id] = value
        if update.overview is not None:
            self.overview = update.overview
        if update.alarms is not None:  # always all that stand, so that one that is over leaves
            self.alarms = {alarm.id: alarm for alarm in update.alarms}


class Picture:
    """Follows the agent for ever. `revision` grows with everything that could be seen."""

    def __init__(self, facility: Facility, *, clock: Clock | None = None) -> None:
        self._facility = facility
        self._clock = clock or SystemClock()
        self._agent_ahead = timedelta(0)
        self._heard_at: datetime | None = None
        self._retry_at: datetime | None = None
        self._shown = Snapshot()
        self.gathering = Snapshot()
        self.link = Link.CONNECTING
        self.trouble = ""  # why the last attempt ended; stays until a snapshot is complete
        self.lost_at: datetime | None = None
        self.news = ""
        self.revision = 0
        self.catalog_revision = 0
        self._said: dict[str, str] = {}
        self._said_at = -1

    @property
    def live(self) -> bool:
        return self.link is Link.LIVE

    @property
    def hello(self) -> Hello | None:
        return self._shown.hello or self.gathering.hello

    @property
    def points(self) -> dict[str, PointInfo]:
        return self._shown.points

    @property
    def values(self) -> dict[str, ValueInfo]:
        return self._shown.values

    @property
    def overview(self) -> Overview | None:
        return self._shown.overview

    @property
    def zone(self) -> tzinfo:
        """The site's, not the laptop's."""
        if self.hello is not None:
            with suppress(ZoneInfoNotFoundError, ValueError):
                return ZoneInfo(self.hello.zone)
        return UTC

    @property
    def now(self) -> datetime:
        """The agent's time, running on between messages and while it is lost: for ages."""
        return self._clock.now() + self._agent_ahead

    @property
    def heard_at(self) -> datetime | None:
        """The agent's time in its last message: a clock on a screen must not run on over dead values."""
        return self._heard_at

    @property
    def retry_in(self) -> float:
        """Seconds to the next attempt."""
        return max(0.0, (self._retry_at - self._clock.now()).total_seconds()) if self._retry_at else 0.0

    @property
    def again(self) -> str:
        """When the next attempt is, in words."""
        return f"in {self.retry_in:.0f} s" if self.retry_in >= SOON else "now"

    @property
    def may_command(self) -> str:
        """Why commands are off; empty when they are not."""
        return self.may_not("command")

    def may_not(self, what: str) -> str:
        """Why something of `Hello.permissions` is off; empty when it is not."""
        if not self.live or self.hello is None:
            return "no agent: nothing was sent"
        if what in self.hello.permissions:
            return ""
        role = self.hello.role
        only = "look only" if self.hello.permissions == ["see"] else f"you may not {what}"
        return f"you are {'an' if role[0] in 'aeiou' else 'a'} {role}: {only}"

    @property
    def asked(self) -> list[WaitingInfo]:
        """What waits for a second person and is this person's business: his own, and what he may agree to."""
        waiting = self.overview.waiting if self.overview else []
        return [request for request in waiting if request.mine or request.may_second]

    def sign(self, point: str) -> str:
        """The tag of a point's row. While the agent is lost nothing is known."""
        return text.sign(self.values.get(point), live=self.live)

    def alarms(self) -> list[AlarmInfo]:
        """By level, then not acknowledged, then newest."""
        return sorted(
            self._shown.alarms.values(),
            key=lambda a: (text.LEVELS.index(a.severity), a.acknowledged is not None, -a.since.timestamp(), a.id),
        )

    def says(self, alarm: AlarmInfo) -> str:
        """What an alarm says in a list, told apart from the others of its place."""
        if self._said_at != self.revision:
            self._said, self._said_at = text.told_apart(self._shown.alarms.values(), self.points), self.revision
        return self._said.get(alarm.id, alarm.text)

    def alarm(self, alarm: str) -> AlarmInfo | None:
        return self._shown.alarms.get(alarm)

    def put(self, value: ValueInfo) -> None:
        """A reading that came as the answer to a question."""
        self._shown.values[value.id] = value
        self.revision += 1

    def put_alarm(self, alarm: AlarmInfo) -> None:
        """An alarm that came as the answer to an acknowledgement."""
        self._shown.alarms[alarm.id] = alarm
        if alarm.ended is not None:
            del self._shown.alarms[alarm.id]
        self.revision += 1

    async def run(self) -> None:
        """Connects, follows, is lost, waits and connects again, until cancelled."""
        wait = FIRST_RETRY
        while True:
            self._retry_at = None
            self.gathering = Snapshot()
            trouble = "The agent has ended the connection."
            try:
                async with AsyncExitStack() as opened:
                    async with asyncio.timeout(PATIENCE):
                        updates = await opened.enter_async_context(self._facility.watch())
                    async for update in self._heard(updates):
                        self._take(update)
                        if self.live:
                            wait = FIRST_RETRY
            except FacilityError as error:
                trouble = str(error)
            except TimeoutError:
                trouble = f"The agent is {SILENT}."
            self._lose(trouble, wait)
            await self._clock.sleep(wait)
            wait = min(LONGEST_RETRY, wait * 2)

    async def _heard(self, updates: AsyncIterator[Update]) -> AsyncIterator[Update]:
        """The stream. A silence in it is as good as its end: a hung agent counts as lost."""
        while True:
            message = asyncio.ensure_future(anext(updates, None))
            try:
                for patience in (SILENCE if self.live else PATIENCE, GRACE):
                    await asyncio.wait({message}, timeout=patience)
            finally:
                if not message.done():
                    message.cancel()
                    with suppress(asyncio.CancelledError, FacilityError):
                        await message
            if message.cancelled():
                raise AgentLost(f"The agent is {SILENT}.")
            update = message.result()
            if update is None:
                return
            yield update

    def _take(self, update: Update) -> None:
        self._agent_ahead = update.at - self._clock.now()
        self._heard_at = update.at
        self.gathering.take(update)
        self.revision += 1
        if update.kind == "catalog":
            self.catalog_revision += 1
        if self.live or not self.gathering.complete:
            return
        before, self._shown = self._shown, self.gathering
        if self.link is Link.LOST:
            self.news = self._back(before)
        self.link, self.lost_at, self.trouble = Link.LIVE, None, ""
        self.catalog_revision += 1

    def _lose(self, trouble: str, wait: float) -> None:
        self.trouble = trouble
        if self.live:
            self.link, self.lost_at = Link.LOST, self._heard_at
            log.warning("agent lost", trouble=self.trouble)
        self._retry_at = self._clock.now() + timedelta(seconds=wait)
        self.revision += 1

    def _back(self, before: Snapshot) -> str:
        """What the time without an agent has brought."""
        away = text.since(self.lost_at, self.now)
        alarms = len(self._shown.alarms.keys() - before.alarms.keys())
        changed = sum(before.values.get(key) != value for key, value in self._shown.values.items())
        return f"back after {away}: {alarms} new alarms, {changed} values changed"
