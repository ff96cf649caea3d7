"""The BACnet port on the wire: one socket, the fast lane for what is hot, bacpypes3 for the rest.

What comes out of here is our types and our errors only. No device has more requests of ours
outstanding than its budget allows, whoever asks. A read is repeated after silence; a write never is,
because it may have been heard: whoever wrote reads back. An answer in segments, or to a device whose
router is not known yet, is the library's to fetch; what it says is decoded here like any other.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from bacpypes3.apdu import WhoIsRequest
from bacpypes3.ipv4.service import BIPNormal
from bacpypes3.pdu import GlobalBroadcast, LocalBroadcast

from points.bacnet.addresses import target_of
from points.bacnet.application import Listener, listener
from points.bacnet.budgets import Allowance, Budgets
from points.bacnet.datagrams import Sender
from points.bacnet.exchange import Exchange
from points.bacnet.foreign import Foreign, Registration
from points.bacnet.framing import Framing
from points.bacnet.lane import Lane
from points.bacnet.library import Library
from points.bacnet.link import Interface, Link
from points.bacnet.port import Answer, Datum, Decoded, IAm, Notification, Property, Query
from points.bacnet.routes import Routes
from points.bacnet.senders import Senders
from points.bacnet.values import plain, priority_array, shortest
from points.bacnet.wire import requests
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref, Slots, Value
from points.passport import Passports

LOWEST_OURS, LAST_PRIORITY = 8, 16  # levels 1-7 belong to life safety and critical equipment
WHAT_A_SCHEDULE_SAYS = frozenset(
    {("schedule", name) for name in ("weekly-schedule", "exception-schedule", "effective-period")}
    | {("calendar", "date-list")}
)
LONGEST_LIFETIME = 28_800  # seconds; what every COV server has to accept

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """How we appear on the network, and how much we may ask of it."""

    address: str = "0.0.0.0:47808"  # of this machine, with its mask: "10.1.2.3/24:47808"
    instance: int = 4_194_000
    name: str = "facility"
    foreign: str | None = None  # BBMD as host:port; None: we are on the network ourselves
    foreign_ttl: int = 60  # seconds
    patient: bool = False  # a BBMD that is silent at the start is no error: it is asked for ever
    vendor_id: int = 999
    apdu_timeout: float = 3.0  # seconds
    retries: int = 1  # of reads and subscriptions; never of writes
    max_outstanding_per_device: int = 1
    max_outstanding_per_network: int = 8
    requests_per_second: float = 50.0  # into one remote network
    local_requests_per_second: float = 2000.0


@asynccontextmanager
async def open_stack(settings: StackSettings, passports: Passports | None = None) -> AsyncIterator[Stack]:
    """A stack on the network, or BacnetUnavailable that says what to do."""
    _hush()
    application = listener(
        instance=settings.instance,
        name=settings.name,
        vendor_id=settings.vendor_id,
        timeout=settings.apdu_timeout,
    )
    service: Any = BIPNormal() if settings.foreign is None else Foreign()
    interface = Interface.parse(settings.address)
    link = Link(interface, service, foreign=settings.foreign is not None, errors=application.protocol_errors)
    application.nsap.bind(service, address=link.address)
    application.is_own = link.is_own
    renewal: asyncio.Task[None] | None = None
    stack: Stack | None = None
    try:
        await link.open()
        registration: Registration | None = None
        if settings.foreign is not None:
            registration = Registration(service, settings.foreign, settings.foreign_ttl)
            await registration.begin(patient=settings.patient)
            renewal = asyncio.create_task(registration.run(), name="foreign device registration")
        stack = Stack(application, link, settings, registration, Passports() if passports is None else passports)
        yield stack
    finally:
        if renewal is not None:
            renewal.cancel()
            await asyncio.gather(renewal, return_exceptions=True)
        if stack is not None:
            stack.close()
        link.close()


class Stack:
    """`points.bacnet.port.Bacnet` and `Constructed`, on the wire. Open one with `open_stack`."""

    def __init__(
        self,
        application: Listener,
        link: Link,
        settings: StackSettings,
        registration: Registration | None,
        passports: Passports,
    ) -> None:
        self._application = application
        self._link = link
        self._settings = settings
        self._registration = registration
        self._budgets = Budgets(
            Allowance(
                per_device=settings.max_outstanding_per_device,
                per_network=settings.max_outstanding_per_network,
                per_second=settings.requests_per_second,
                local_per_second=settings.local_requests_per_second,
            ),
            passports,
        )
        self._notification_handlers: list[Callable[[Notification], None]] = []
        self._routes = Routes(_routers(passports), partial(_note_router, passports))
        self._lane = Lane(
            link.send,
            notified=self._notified,
            late=self._came_late,
            errors=self.protocol_errors,
            routes=self._routes,
        )
        self._exchange = Exchange(
            lane=self._lane,
            library=Library(application, passports, timeout=settings.apdu_timeout),
            framing=Framing(
                self._lane,
                self._budgets,
                self._routes,
                passports,
                timeout=settings.apdu_timeout,
                retries=settings.retries,
            ),
            budgets=self._budgets,
            routes=self._routes,
            passports=passports,
            errors=self.protocol_errors,
        )
        self.port = link.port
        link.take = self._lane.take

    @property
    def registered(self) -> bool:
        """Whether broadcasts reach us: always, unless we are a foreign device whose BBMD has let us go."""
        return self._registration is None or self._registration.registered

    @property
    def own_broadcasts(self) -> int:
        """How many broadcasts of ours came back to us: proof that this machine lets broadcasts in."""
        return self._link.own_broadcasts

    @property
    def other_broadcasts(self) -> int:
        """How many broadcasts of others were heard."""
        return self._link.other_broadcasts

    @property
    def protocol_errors(self) -> Senders:
        """How often each sender sent what could not be decoded."""
        return self._application.protocol_errors

    @property
    def traffic(self) -> dict[str, int]:
        """What went through the lane since it was opened, by name."""
        return {**self._lane.traffic, "rate_waits": self._budgets.waits, "contested_routes": self._routes.contested}

    def outstanding(self) -> dict[int, tuple[int, int]]:
        """By network: requests on their way now, and how many may be."""
        return self._budgets.ways()

    def close(self) -> None:
        self._lane.close()

    def on_notification(self, handler: Callable[[Notification], None]) -> None:
        self._notification_handlers.append(handler)

    def on_i_am(self, handler: Callable[[IAm], None]) -> None:
        self._application.i_am_handlers.append(handler)

    async def who_is(self, low: int, high: int, *, target: str | None = None, wait: float = 1.0) -> list[IAm]:
        heard: list[IAm] = []
        handlers = self._application.i_am_handlers
        handlers.append(heard.append)
        try:
            request = WhoIsRequest(
                deviceInstanceRangeLowLimit=low, deviceInstanceRangeHighLimit=high, destination=self._everyone(target)
            )
            self._application.request(request)
            await asyncio.sleep(wait)
        finally:
            handlers.remove(heard.append)
        return [i_am for i_am in dict.fromkeys(heard) if low <= i_am.device.instance <= high]

    async def read(self, device: DeviceRef, wanted: Property, *, urgent: bool = False) -> Datum:
        (answer,) = await self.read_many(Query(device, (wanted,), urgent))
        if isinstance(answer, DeviceError):
            raise answer
        return shortest(answer) if isinstance(answer, float) else answer

    async def read_many(self, query: Query) -> Sequence[Answer]:
        return await self._exchange.read(query)

    def took(self, device: DeviceRef) -> float | None:
        return self._exchange.took(device)

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        if not LOWEST_OURS <= priority <= LAST_PRIORITY:
            raise ValueError(f"priority {priority} is not ours to write: {LOWEST_OURS}-{LAST_PRIORITY} are")
        await self._exchange.write(ref, value, priority)

    async def read_as(
        self, device: DeviceRef, wanted: Property, decode: Callable[[bytes], Decoded], *, urgent: bool = False
    ) -> Decoded:
        return await self._exchange.read_as(device, wanted, decode, urgent=urgent)

    async def write_as(self, device: DeviceRef, wanted: Property, octets: bytes) -> None:
        if (wanted.object_type, wanted.name) not in WHAT_A_SCHEDULE_SAYS:
            raise ValueError(f"{wanted.name} of a {wanted.object_type} is not ours to write")
        await self._exchange.write_constructed(device, wanted, octets)

    async def read_slots(self, ref: Ref) -> Slots:
        array = Property(ref.object_type, ref.instance, "priority-array")
        values = priority_array(await self.read(ref.device, array, urgent=True))
        if values is None:
            self._exchange.strange(ref.device)
            raise ProtocolError(f"{ref}: its priority array has no {LAST_PRIORITY} values")
        try:
            default = await self.read(
                ref.device, Property(ref.object_type, ref.instance, "relinquish-default"), urgent=True
            )
        except DeviceRefused:
            default = None  # the standard requires it; some devices do without
        return Slots(values=values, default=plain(default))

    async def subscribe(self, ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
        if not 1 <= lifetime <= LONGEST_LIFETIME:
            raise ValueError(f"a COV lifetime of {lifetime} s is not between 1 and {LONGEST_LIFETIME} s")
        parameters = requests.subscribe_cov(
            ref.object_type, ref.instance, process=process, lifetime=lifetime, confirmed=confirmed
        )
        await self._exchange.subscribe(ref.device, parameters, f"COV subscription to {ref}")

    async def unsubscribe(self, ref: Ref, *, process: int) -> None:
        parameters = requests.cancel_cov(ref.object_type, ref.instance, process=process)
        try:
            await self._exchange.subscribe(ref.device, parameters, f"end of COV subscription to {ref}", retries=0)
        except DeviceSilent:
            return  # it ends by itself: no subscription of ours is for ever

    def _came_late(self, device: DeviceRef, after: float) -> None:
        self._exchange.came_late(device, after)

    def _notified(self, notification: Notification) -> None:
        for handler in self._notification_handlers:
            handler(notification)

    def _everyone(self, target: str | None) -> Any:
        if target is not None:
            try:
                return target_of(target)
            except (ValueError, TypeError, RuntimeError):  # the last is the library's word for a name it cannot resolve
                raise DeviceError(f'{target!r} is no place to look: "11:*", "10.1.2.3" and "11:5" are') from None
        # A BBMD's distribution is one datagram of ours; on a network of our own we stay on it.
        return LocalBroadcast() if self._registration is None else GlobalBroadcast()


def _routers(passports: Passports) -> dict[int, Sender]:
    """By network, as an earlier life knew them."""
    known = {}
    for number, network in passports.networks().items():
        host, _, port = network.router.rpartition(":")
        if host and port.isdigit():
            known[number] = (host, int(port))
    return known


def _note_router(passports: Passports, network: int, router: Sender) -> None:
    passports.learn_network(network, router=f"{router[0]}:{router[1]}")


class _Quiet(logging.Handler):
    """The library's own log, without its stack traces: what matters of it is in our errors."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("bacpypes3", text=record.getMessage())


_quiet = _Quiet()


def _hush() -> None:
    library = logging.getLogger("bacpypes3")
    library.addHandler(_quiet)
    library.propagate = False
