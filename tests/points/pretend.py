"""A clock that stands until it is told to go, and a BACnet network that answers as a test says."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from points.bacnet.port import Answer, Datum, IAm, Notification, Property, Query
from points.errors import DeviceError, DeviceRefused, DeviceSilent
from points.model import Device, DeviceId, DeviceRef, Kind, Point, PointId, Ref, Slots, Value

START = datetime(2025, 3, 3, 8, tzinfo=UTC)
SETTLE = 60  # turns of the event loop; enough for every chain of awaits here


class PretendClock:
    """Time passes in `pass_`, and only there."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._set_by = timedelta()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = 0

    def now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed) + self._set_by

    async def sleep(self, seconds: float) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._elapsed + seconds, self._order, done))
        await done

    async def pass_(self, seconds: float) -> None:
        until = self._elapsed + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            when, _, done = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, when)
            if not done.done():
                done.set_result(None)
                await settle()
        self._elapsed = until
        await settle()

    def jump(self, seconds: float) -> None:
        """Somebody sets the clock. Those who sleep sleep on."""
        self._set_by += timedelta(seconds=seconds)


async def settle() -> None:
    for _ in range(SETTLE):
        await asyncio.sleep(0)


class PretendDevice:
    """Objects with properties; knobs for what is wrong with it."""

    def __init__(self, instance: int = 1, *, address: str = "10.0.0.1:47808", network: int = 0) -> None:
        self.ref = DeviceRef(network=network, address=address, instance=instance)
        self.properties: dict[tuple[str, int, str], Answer] = {("device", instance, "system-status"): "operational"}
        self.silent = False
        self.took: float | None = None  # seconds that its answers take
        self.reads_multiple = True
        self.most_at_once: int | None = None  # properties in one request, before it aborts
        self.cov_room: int | None = None
        self.cov_error: str = "no-space-to-add-list-element"
        self.first_notification_early = True
        self.takes: Callable[[], Awaitable[None]] | None = None  # how long it thinks about every request
        self.refused = 0  # whole requests
        self.requests: list[str] = []
        self.reads: list[tuple[str, int, str]] = []
        self.subscriptions: dict[tuple[str, int], tuple[int, int, bool]] = {}

    def has(self, object_type: str, instance: int, **properties: Answer) -> None:
        for name, value in properties.items():
            self.properties[object_type, instance, name.replace("_", "-")] = value

    def value(self, wanted: Property) -> Answer:
        self.reads.append((wanted.object_type, wanted.instance, wanted.name))
        key = (wanted.object_type, wanted.instance, wanted.name)
        if key not in self.properties:
            return DeviceRefused(f"{key}", "unknown-property")
        whole = self.properties[key]
        if wanted.index is None or isinstance(whole, DeviceError):
            return whole
        assert isinstance(whole, tuple)
        return len(whole) if wanted.index == 0 else whole[wanted.index - 1]


class PretendBacnet:
    """`points.bacnet.port.Bacnet` over pretend devices."""

    def __init__(self, *devices: PretendDevice) -> None:
        self.devices = {device.ref: device for device in devices}
        self._notified: list[Callable[[Notification], None]] = []
        self._announced: list[Callable[[IAm], None]] = []

    async def _reach(self, ref: DeviceRef, what: str) -> PretendDevice:
        device = self.devices.get(ref)
        if device is None:
            raise DeviceSilent(f"{ref}: nobody is there")
        device.requests.append(what)
        if device.takes is None:
            await asyncio.sleep(0)
        else:
            await device.takes()
        if device.silent:
            raise DeviceSilent(f"{ref}: no answer")
        return device

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        del target, wait
        return [self.i_am(d) for d in self.devices.values() if low <= d.ref.instance <= high and not d.silent]

    def took(self, device: DeviceRef) -> float | None:
        return self.devices[device].took

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        del urgent
        answer = (await self._reach(device, "read")).value(wanted)
        if isinstance(answer, DeviceError):
            raise answer
        return answer

    async def read_many(self, query: Query) -> Sequence[Answer]:
        wanted = query.wanted
        reached = await self._reach(query.device, "read_many")
        if not reached.reads_multiple:
            reached.refused += 1
            raise DeviceRefused("no RPM", "unrecognized-service")
        if reached.most_at_once is not None and len(wanted) > reached.most_at_once:
            reached.refused += 1
            raise DeviceRefused("too big", "segmentation-not-supported")
        answers = [reached.value(property_) for property_ in wanted]
        if query.memory != answers:  # the same answers are the same object, as the port promises
            query.memory = answers
        assert isinstance(query.memory, list)
        return query.memory

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        raise AssertionError("nothing here writes")

    async def read_slots(self, ref: Ref) -> Slots:
        raise AssertionError("nothing here commands")

    async def subscribe(self, ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
        device = await self._reach(ref.device, "subscribe")
        key = (ref.object_type, ref.instance)
        held = device.subscriptions
        if device.cov_room is not None and key not in held and len(held) >= device.cov_room:
            device.refused += 1
            raise DeviceRefused("no room", device.cov_error)
        device.subscriptions[key] = (process, lifetime, confirmed)
        if device.first_notification_early:
            self.notify(device, *key)

    async def unsubscribe(self, ref: Ref, *, process: int) -> None:
        del process
        (await self._reach(ref.device, "unsubscribe")).subscriptions.pop((ref.object_type, ref.instance), None)

    def on_notification(self, handler: Callable[[Notification], None]) -> None:
        self._notified.append(handler)

    def on_i_am(self, handler: Callable[[IAm], None]) -> None:
        self._announced.append(handler)

    def i_am(self, device: PretendDevice) -> IAm:
        return IAm(device=device.ref, max_apdu=480, segmentation="no-segmentation", vendor_id=999)

    def announce(self, device: PretendDevice) -> None:
        for handler in self._announced:
            handler(self.i_am(device))

    def notify(self, device: PretendDevice, object_type: str, instance: int, **properties: Answer) -> None:
        """A notification of what the object holds now, with `properties` changed before."""
        device.has(object_type, instance, **properties)
        told: dict[str, Datum] = {}
        for name in ("present-value", "status-flags"):
            value = device.properties.get((object_type, instance, name))
            if value is not None and not isinstance(value, DeviceError):
                told[name] = value
        process = device.subscriptions.get((object_type, instance), (0, 0, False))[0]
        self.tell(device, process, object_type, instance, told)

    def tell(
        self, device: PretendDevice, process: int, object_type: str, instance: int, properties: dict[str, Datum]
    ) -> None:
        """Any notification at all."""
        for handler in self._notified:
            handler(
                Notification(
                    device=device.ref,
                    process=process,
                    object_type=object_type,
                    instance=instance,
                    properties=properties,
                )
            )

    def restart(self, device: PretendDevice, time: str | None = "2025-03-03 08:00") -> None:
        """It forgets its subscriptions, and says nothing of that."""
        device.subscriptions.clear()
        if time is not None:
            device.has("device", device.ref.instance, time_of_device_restart=time)


FINE = (False, False, False, False)


def a_device(device: PretendDevice, id_: str = "ahu-1", **changes: object) -> Device:
    fields: dict[str, object] = {
        "id": DeviceId(id_),
        "ref": device.ref,
        "name": id_.upper(),
        "reads_multiple": True,
        "serves_cov": False,
    }
    return Device(**(fields | changes))  # type: ignore[arg-type]  # each field by its name


def a_point(device: PretendDevice, instance: int, id_: str = "ahu-1", **changes: object) -> Point:
    """An analog input of the pretend device, which gets it too."""
    device.has("analog-input", instance, present_value=20.0 + instance, status_flags=FINE)
    fields: dict[str, object] = {
        "id": PointId(f"{id_}/ai-{instance}"),
        "device": DeviceId(id_),
        "ref": Ref(device=device.ref, object_type="analog-input", instance=instance),
        "name": f"AI {instance}",
        "kind": Kind.ANALOG,
    }
    return Point(**(fields | changes))  # type: ignore[arg-type]
