"""What is shown: the catalog, the states, the alarms, the events.

Each is a task for the time of one connection. Only these make payloads; an id that cannot be a topic costs its own
point a place on MQTT and nothing else.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
from collections import defaultdict
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import structlog

from facility.audit.anchors import Anchor
from facility.mirror import payloads
from facility.mirror.leftovers import Leftovers
from facility.mirror.outlet import Outlet
from facility.mirror.topics import BadTopic, Topics
from facility.model import Alarm
from points.catalog import Catalog, CatalogBook
from points.clock import Clock
from points.events import Events, Listener
from points.model import DeviceId, Event, Point, PointId, Reading
from points.store import PointStore

log = structlog.get_logger(__name__)

SILENCE = 0.5  # seconds without a next one: the alarm feed has told all that stand (it tells them at once)

REPEAT = timedelta(seconds=60)  # a value that is as it was is told again so seldom; its `t` is never younger than it is


class AlarmFeed(Protocol):
    """Who knows the alarms."""

    def watch(self) -> AbstractContextManager[AsyncIterable[Alarm]]:
        """All present alarms, then every change; conflated per alarm. One that is over is told once more."""
        ...


class Heads(Protocol):
    """Who signs the head of the audit."""

    @property
    def latest(self) -> Anchor | None: ...

    async def changed(self) -> None:
        """Returns once `latest` is another."""
        ...

    async def compare(self, lines: Iterable[str], where: str) -> None:
        """Looks whether the audit bears out what was told of it before."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The catalog as it is on the broker."""

    catalog: Catalog
    points: Mapping[str, Point]  # by state topic
    pages: Mapping[str, bytes]  # by catalog topic: the digest of what is there


class Content:
    """Turns the agent's knowledge into messages."""

    def __init__(
        self, topics: Topics, *, store: PointStore, book: CatalogBook, events: Events, alarms: AlarmFeed, clock: Clock
    ) -> None:
        self._topics = topics
        self._store = store
        self._book = book
        self._events = events
        self._alarms = alarms
        self._clock = clock
        self._numbers = itertools.count(1)
        self._told: dict[PointId, Reading] = {}  # by this connection
        self._unfit: set[str] = set()  # ids that cannot be topics, told once
        self._ears = ExitStack()
        self._heard: Listener | None = None
        self._untold: Event | None = None  # taken from the listener, not yet with the broker

    def listen(self) -> None:
        """Events from here on are told, if need be by a later connection."""
        if self._heard is None:
            self._heard = self._ears.enter_context(self._events.listen())

    def hush(self) -> None:
        self._ears.close()
        self._heard = None

    async def replace(self, outlet: Outlet, leftovers: Leftovers) -> Told:
        """Puts the catalog where an earlier run's was. Also marks every point that has not been read since."""
        before = Told(catalog=Catalog(), points={}, pages=dict.fromkeys(leftovers.pages, b""))
        told = await self._tell(outlet, self._book.current, before, leftovers.states)
        for topic, point in told.points.items():
            if self._store.get(point.id) is None:
                await self._put_state(outlet, topic, point)
        return told

    async def follow_catalog(self, outlet: Outlet, told: Told) -> None:
        """What changes in the catalog from `told` on, and the states it changes with it."""
        while True:
            if self._book.current is told.catalog:
                await self._book.changed()
            before, told = told, await self._tell(outlet, self._book.current, told, told.points)
            for topic, point in told.points.items():
                if before.points.get(topic) != point:
                    await self._put_state(outlet, topic, point)

    async def follow_states(self, outlet: Outlet, caught_up: Callable[[], Awaitable[None]]) -> None:
        """Every present reading, then `caught_up`, then what changes, and from time to time what does not."""
        self._told.clear()  # to an earlier connection
        with self._store.watch() as watch:
            if len(self._store):
                for reading in await watch.batch():
                    await self._show(outlet, reading)
            await outlet.settled()
            await caught_up()
            async for reading in watch:
                if not self._is_told(reading):
                    await self._show(outlet, reading)

    async def follow_alarms(self, outlet: Outlet, leftovers: set[str]) -> None:
        """Every alarm that is not over; leftovers are cleared once all that stand are told."""
        orphans = set(leftovers)
        with self._alarms.watch() as alarms:
            async for alarm in _with_silence(alarms):
                if alarm is None:
                    for topic in orphans:
                        await outlet.clear(topic)
                    orphans.clear()
                    continue
                topic = self._topics.alarm(alarm.id)
                orphans.discard(topic)
                over = alarm.ended is not None and alarm.acknowledged is not None
                await outlet.put(topic, b"" if over else payloads.alarm(alarm))

    async def follow_heads(self, outlet: Outlet, heads: Heads, before: Iterable[str]) -> None:
        """The latest signed head of the audit; the one from before is compared with the audit and then replaced."""
        await heads.compare(before, f"MQTT {self._topics.audit_head}")
        while True:
            if (head := heads.latest) is not None:
                await outlet.put(self._topics.audit_head, head.line)
            if heads.latest is head:
                await heads.changed()

    async def tell_events(self, outlet: Outlet) -> None:
        """Each event once, in order; one that did not reach the broker is told by the next connection."""
        if self._untold is not None:
            await self._tell_event(outlet, self._untold)
        if self._heard is None:
            return
        async for event in self._heard:
            self._untold = event
            await self._tell_event(outlet, event)

    async def _tell_event(self, outlet: Outlet, event: Event) -> None:
        payload = payloads.event(event, next(self._numbers))
        await (await outlet.put(self._topics.event(event.kind.value), payload, retain=False))
        self._untold = None

    async def _tell(self, outlet: Outlet, catalog: Catalog, before: Told, held: Iterable[str]) -> Told:
        """Shows `catalog` in place of `before`: states that left it go first, see `facility.mirror.leftovers`."""
        points = {topic: point for point in catalog.points.values() if (topic := self._fitting(point)) is not None}
        gone = set(held) - points.keys()
        for topic in gone:
            await outlet.clear(topic)
        if gone:
            await outlet.settled()
        pages: dict[str, bytes] = {}
        for topic, page in self._pages(catalog, points.values()):
            pages[topic] = hashlib.blake2b(page, digest_size=16).digest()
            if before.pages.get(topic) != pages[topic]:
                await outlet.put(topic, page)
            await asyncio.sleep(0)  # a large site is no reason to let others wait
        for topic in before.pages.keys() - pages.keys():
            await outlet.clear(topic)
        await outlet.settled()
        return Told(catalog=catalog, points=points, pages=pages)

    def _pages(self, catalog: Catalog, points: Iterable[Point]) -> Iterator[tuple[str, bytes]]:
        of_device: dict[DeviceId, list[Point]] = defaultdict(list)
        for point in points:
            of_device[point.device].append(point)
        for device in catalog.devices.values():
            try:
                self._topics.catalog(device.id)
            except BadTopic as why:
                self._leave_out(device.id, why)
                continue
            for number, page in enumerate(payloads.catalog_pages(device, of_device[device.id]), 1):
                yield self._topics.catalog(device.id, number), page

    async def _show(self, outlet: Outlet, reading: Reading) -> None:
        """A reading of a point that left the catalog, or is not in it yet, is shown with the catalog that has it."""
        point = self._book.current.points.get(reading.point)
        topic = self._fitting(point) if point is not None else None
        if point is not None and topic is not None:
            self._told[reading.point] = reading
            await outlet.put(topic, payloads.sample(reading, point, next(self._numbers)))

    def _is_told(self, reading: Reading) -> bool:
        """Whether the broker has this value as it is, from not long ago."""
        told = self._told.get(reading.point)
        return (
            told is not None
            and told.value == reading.value
            and told.quality is reading.quality
            and told.reason == reading.reason
            and told.source is reading.source
            and told.flags == reading.flags
            and timedelta() <= reading.time - told.time < REPEAT
        )

    async def _put_state(self, outlet: Outlet, topic: str, point: Point) -> None:
        reading = self._store.get(point.id)
        number = next(self._numbers)
        if reading is None:
            await outlet.put(topic, payloads.never_read(point, self._clock.now(), number))
        else:
            await outlet.put(topic, payloads.sample(reading, point, number))

    def _fitting(self, point: Point) -> str | None:
        try:
            return self._topics.state(point.id)
        except BadTopic as why:
            self._leave_out(point.id, why)
            return None

    def _leave_out(self, unfit: str, why: BadTopic) -> None:
        if unfit not in self._unfit:
            log.warning("this cannot be shown on MQTT", id=unfit, why=str(why))
            self._unfit.add(unfit)


async def _with_silence(alarms: AsyncIterable[Alarm]) -> AsyncIterator[Alarm | None]:
    """The alarms, and one None when the first burst of them is over."""
    source = aiter(alarms)
    coming = asyncio.ensure_future(anext(source))
    try:
        while (await asyncio.wait({coming}, timeout=SILENCE))[0]:
            yield coming.result()
            coming = asyncio.ensure_future(anext(source))
        yield None
        yield await coming
    finally:
        coming.cancel()
    async for alarm in source:
        yield alarm
