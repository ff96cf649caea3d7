"""A real mosquitto, a small building, and a mirror of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import aiomqtt
import orjson
from broker_process import HERE

from facility.mirror.content import Heads
from facility.mirror.service import BrokerLost, Mirror
from facility.mirror.settings import MirrorSettings
from facility.model import Alarm
from points.catalog import Catalog, CatalogBook
from points.clock import SystemClock
from points.events import Events
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Quality, Reading, Ref, Safety, Source
from points.store import PointStore


class Feed:
    """Alarms as `AlarmFeed` promises them."""

    def __init__(self) -> None:
        self._present: dict[str, Alarm] = {}
        self._queues: set[asyncio.Queue[Alarm]] = set()

    def tell(self, alarm: Alarm) -> None:
        if alarm.ended and alarm.acknowledged:
            self._present.pop(alarm.id, None)
        else:
            self._present[alarm.id] = alarm
        for queue in self._queues:
            queue.put_nowait(alarm)

    @property
    def listeners(self) -> int:
        return len(self._queues)

    @contextlib.contextmanager
    def watch(self) -> Iterator[AsyncIterator[Alarm]]:
        queue: asyncio.Queue[Alarm] = asyncio.Queue()
        for alarm in self._present.values():
            queue.put_nowait(alarm)
        self._queues.add(queue)
        try:
            yield self._each(queue)
        finally:
            self._queues.discard(queue)

    async def _each(self, queue: asyncio.Queue[Alarm]) -> AsyncIterator[Alarm]:
        while True:
            yield await queue.get()


@dataclass
class Building:
    """What a mirror shows."""

    store: PointStore = field(default_factory=PointStore)
    book: CatalogBook = field(default_factory=CatalogBook)
    events: Events = field(default_factory=Events)
    alarms: Feed = field(default_factory=Feed)
    heads: Heads | None = None

    def has(self, *points: Point) -> None:
        """Makes these the catalog, with a device for each of their devices."""
        devices = {point.device: make_device(point.device) for point in points}
        self.book.replace(Catalog.of(devices.values(), points))

    def reads(self, point: str, value: object, quality: Quality = Quality.GOOD, reason: str = "") -> Reading:
        now = datetime.now(UTC)
        reading = Reading(
            point=PointId(point), value=value, time=now, at=now, quality=quality, source=Source.COV, reason=reason
        )
        self.store.put(reading)
        return reading

    def mirror(self, port: int, **settings: object) -> Mirror:
        return Mirror(
            MirrorSettings(**({"host": HERE, "port": port, "site": "main", "agent": "one"} | settings)),
            store=self.store,
            book=self.book,
            events=self.events,
            alarms=self.alarms,
            clock=SystemClock(),
            version="1.2.3",
            heads=self.heads,
        )


def make_device(name: str) -> Device:
    return Device(id=DeviceId(name), ref=DeviceRef(network=0, address="10.0.0.9:47808", instance=9), name=name.upper())


def make_point(path: str, **changes: object) -> Point:
    device = path.split("/", maxsplit=1)[0]
    point = Point(
        id=PointId(path),
        device=DeviceId(device),
        ref=Ref(device=make_device(device).ref, object_type="analog-input", instance=1),
        name=path,
        kind=Kind.ANALOG,
        unit="degrees-celsius",
        safety=Safety.COMFORT,
    )
    return replace(point, **changes)


@contextlib.asynccontextmanager
async def running(mirror: Mirror, *, ready: bool = True) -> AsyncIterator[asyncio.Task[None]]:
    """The mirror, run again when it loses its broker, until the block ends."""

    async def again_and_again() -> None:
        while True:
            with contextlib.suppress(BrokerLost):
                await mirror.run()
            await asyncio.sleep(0.05)

    task = asyncio.create_task(again_and_again())
    try:
        if ready:
            await until(
                lambda: mirror.link().state in ("ok", "degraded") and "catching" not in mirror.link().text, task
            )
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(so: object, task: asyncio.Task[None] | None = None, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not so():
            if task is not None and task.done():
                task.result()
            await asyncio.sleep(0.01)


class Reader:
    """A fresh subscriber; remembers what each topic said last, and all of it."""

    def __init__(self) -> None:
        self.latest: dict[str, bytes] = {}
        self.all: list[tuple[str, bytes, bool]] = []

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic = message.topic.value
            self.all.append((topic, bytes(message.payload), bool(message.retain)))
            self.latest[topic] = bytes(message.payload)

    def of(self, topic: str) -> dict[str, object]:
        return orjson.loads(self.latest[f"fac/v1/main/one/{topic}"])

    def has(self, topic: str) -> bool:
        return bool(self.latest.get(f"fac/v1/main/one/{topic}"))


@contextlib.asynccontextmanager
async def reader(port: int, topic: str = "fac/v1/#", **login: object) -> AsyncIterator[Reader]:
    hears = Reader()
    async with aiomqtt.Client(HERE, port, **login) as client:
        await client.subscribe(topic, qos=1)
        task = asyncio.create_task(hears.listen(client))
        try:
            yield hears
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
                await task
