"""The BACnet port on the wire: one socket, the fast lane for what is hot, bacpypes3 for the rest.

What comes out of here is our types and our errors only. No device has more requests of ours
outstanding than its budget allows, whoever asks. A read is repeated after silence; a write never is,
because it may have been heard: whoever wrote reads back. An answer in segments, or to a device whose
router is not known yet, is the library's to fetch; what it says is decoded here like any other.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from bacpypes3.apdu import WhoIsRequest
from bacpypes3.ipv4.service import BIPNormal
from bacpypes3.pdu import GlobalBroadcast, LocalBroadcast

from points.bacnet.addresses import target_of
from points.bacnet.application import Listener, listener
from points.bacnet.budgets import Allowance, Budget, Budgets
from points.bacnet.foreign import Foreign, Registration
from points.bacnet.lane import Lane, Peer, Reply, Segmented
from points.bacnet.library import Library
from points.bacnet.link import Interface, Link
from points.bacnet.port import Answer, Datum, IAm, Notification, Property, Query
from points.bacnet.values import shortest
from points.bacnet.wire import frames, replies, requests
from points.bacnet.wire.reading import Memory
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref, Slots, Value
from points.passport import Oddity, Passports

LOWEST_OURS, LAST_PRIORITY = 8, 16  # levels 1-7 belong to life safety and critical equipment
LONGEST_LIFETIME = 28_800  # seconds; what every COV server has to accept
LONGEST_PATIENCE = 10.0  # seconds; a device whose answers come later than that is as good as silent

# Lists that are as long as the device is big: asked for with segments allowed, at once.
_LONG = frozenset({"object-list", "property-list", "structured-object-list", "subordinate-list"})
LATE_ALLOWANCE = 1.5  # times as long as its late answer took, a slow device is waited for
_APDU_SIZES = (50, 128, 206, 480, 1024, 1476)  # octets, by their code
_INVOKE_ID = 2  # where it stands in a confirmed request
_NO_ROOM = frozenset({"segmentation-not-supported", "buffer-overflow"})

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
        if stack is not None:
            stack.close()
        link.close()


@dataclass(slots=True, eq=False)
class _Framed:
    """A request as it goes to one station: all of its datagram but the invoke id, and what it has to wait for."""

    peer: Peer
    head: bytes  # up to the invoke id
    tail: bytes  # from the service choice on
    budget: Budget


@dataclass(slots=True, eq=False)
class _Kept:
    """What is kept of a query between two of its requests."""

    memory: Memory
    framed: _Framed
    answers: Sequence[Answer] | None = None


class Stack:
    """`points.bacnet.port.Bacnet`, on the wire. Open one with `open_stack`."""

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
        self._passports = passports
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
        self._library = Library(application, timeout=settings.apdu_timeout)
        self._lane = Lane(link.send, notified=self._notified, late=self._came_late, errors=application.protocol_errors)
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
    def protocol_errors(self) -> Counter[str]:
        """How often each sender sent what could not be decoded."""
        return self._application.protocol_errors

    @property
    def traffic(self) -> dict[str, int]:
        """What went through the lane since it was opened, by name."""
        return {**self._lane.traffic, "rate_waits": self._budgets.waits}

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

    async def read(self, device: DeviceRef, wanted: Property) -> Datum:
        (answer,) = await self.read_many(Query(device, (wanted,)))
        if isinstance(answer, DeviceError):
            raise answer
        return shortest(answer) if isinstance(answer, float) else answer

    async def read_many(self, query: Query) -> Sequence[Answer]:
        if not query.wanted:
            return []
        kept = self._kept(query)
        if kept is None or (len(query.wanted) == 1 and _is_long(query.wanted[0])):
            return await self._by_library(query)
        memory = kept.memory
        try:
            reply = await self._ask(query.device, kept.framed, memory.service)
            decoded = memory.decoded
            answers = memory.take(reply.octets, reply.at)
        except Segmented:
            return await self._by_library(query)
        except DeviceError as error:
            if len(query.wanted) == 1 and isinstance(error, DeviceRefused) and error.code in _NO_ROOM:
                return await self._by_library(query)
            if isinstance(error, ProtocolError):
                self._strange(query.device)
            raise _explained(error, _about(query)) from error
        if answers is kept.answers:
            self._lane.traffic["unchanged"] += 1
        elif memory.decoded != decoded:
            self._look_at(query.device, answers)
        kept.answers = answers
        return answers

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        if not LOWEST_OURS <= priority <= LAST_PRIORITY:
            raise ValueError(f"priority {priority} is not ours to write: {LOWEST_OURS}-{LAST_PRIORITY} are")
        async with self._budget(ref.device):
            try:
                await self._library.write(ref, value, priority)
            except ProtocolError:
                self._strange(ref.device)
                raise

    async def read_slots(self, ref: Ref) -> Slots:
        array = Property(ref.object_type, ref.instance, "priority-array")
        values = await self.read(ref.device, array)
        if not isinstance(values, tuple) or len(values) != LAST_PRIORITY:
            self._strange(ref.device)
            raise ProtocolError(f"{ref}: its priority array has no {LAST_PRIORITY} values")
        try:
            default = await self.read(ref.device, Property(ref.object_type, ref.instance, "relinquish-default"))
        except DeviceRefused:
            default = None  # the standard requires it; some devices do without
        return Slots(values=tuple(_plain(value) for value in values), default=_plain(default))

    async def subscribe(self, ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
        if not 1 <= lifetime <= LONGEST_LIFETIME:
            raise ValueError(f"a COV lifetime of {lifetime} s is not between 1 and {LONGEST_LIFETIME} s")
        parameters = requests.subscribe_cov(
            ref.object_type, ref.instance, process=process, lifetime=lifetime, confirmed=confirmed
        )
        await self._arrange(ref.device, parameters, f"COV subscription to {ref}")

    async def unsubscribe(self, ref: Ref, *, process: int) -> None:
        parameters = requests.cancel_cov(ref.object_type, ref.instance, process=process)
        try:
            await self._arrange(ref.device, parameters, f"end of COV subscription to {ref}", retries=0)
        except DeviceSilent:
            return  # it ends by itself: no subscription of ours is for ever

    async def _arrange(self, device: DeviceRef, parameters: bytes, about: str, *, retries: int | None = None) -> None:
        """A SubscribeCOV. Its answer is short: it never needs the library, only a known router."""
        try:
            framed = self._framed(device, requests.SUBSCRIBE_COV, parameters)
            if framed is None:
                raise DeviceSilent("no router leads there")
            await self._ask(device, framed, requests.SUBSCRIBE_COV, retries)
        except DeviceError as error:
            if isinstance(error, ProtocolError):
                self._strange(device)
            raise _explained(error, about) from error

    async def _ask(self, device: DeviceRef, framed: _Framed, service: int, retries: int | None = None) -> Reply:
        """One request inside the budget, repeated after silence with another invoke id."""
        passport = self._passports.of(device)
        timeout = passport.timeout or self._settings.apdu_timeout
        left = retries if retries is not None else passport.retries
        left = self._settings.retries if left is None else left
        budget = framed.budget
        async with budget:
            while True:
                try:
                    reply = await self._lane.ask(framed.peer, framed.head, service, framed.tail, timeout)
                except DeviceSilent:
                    budget.silent()
                    if left <= 0:
                        raise
                    left -= 1
                else:
                    budget.answered()
                    return reply

    async def _by_library(self, query: Query) -> Sequence[Answer]:
        """Each property by itself, in segments where it takes them."""
        self._lane.traffic["by_library"] += 1
        alone = len(query.wanted) == 1
        return [await self._one_by_library(query.device, wanted, alone=alone) for wanted in query.wanted]

    async def _one_by_library(self, device: DeviceRef, wanted: Property, *, alone: bool) -> Answer:
        about = f"{replies.of_property(wanted)} of {device}"
        retries = self._passports.of(device).retries
        left = self._settings.retries if retries is None else retries
        budget = self._budget(device)
        async with budget:
            while True:
                try:
                    octets = await self._library.read(device, wanted, about)
                    return replies.read_property(octets, 0, wanted)
                except DeviceSilent:
                    budget.silent()
                    if left <= 0:
                        raise
                    left -= 1
                except DeviceError as error:
                    if isinstance(error, ProtocolError):
                        self._strange(device)
                    if alone:
                        raise
                    return error

    def _kept(self, query: Query) -> _Kept | None:
        """What is known of the query; None while the way to its device has to be found by the library."""
        kept = query.memory
        if isinstance(kept, _Kept) and self._lane.peer(query.device) is kept.framed.peer:
            return kept
        try:
            memory = kept.memory if isinstance(kept, _Kept) else Memory(query.wanted)
        except ValueError as error:
            raise ProtocolError(f"{_about(query)}: cannot be asked ({error})") from error
        framed = self._framed(query.device, memory.service, memory.parameters)
        if framed is None:
            return None
        query.memory = kept = _Kept(memory, framed)
        return kept

    def _framed(self, device: DeviceRef, service: int, parameters: bytes) -> _Framed | None:
        """The request's datagram around its invoke id; None while no router to the device's network is known."""
        try:
            peer = self._lane.peer(device)
        except ValueError as error:
            raise ProtocolError(f"{device} cannot be asked ({error})") from error
        if peer is None:
            return None
        code = _apdu_code(self._passports.of(device).max_apdu)
        apdu = requests.confirmed(0, service, parameters, max_apdu_code=code)
        datagram = frames.unicast(peer.head + apdu)
        at = len(datagram) - len(apdu) + _INVOKE_ID
        return _Framed(peer, datagram[:at], datagram[at + 1 :], self._budget(device))

    def _budget(self, device: DeviceRef) -> Budget:
        return self._budgets.of(device, self._lane.router_of(device.network))

    def _look_at(self, device: DeviceRef, answers: Sequence[Answer]) -> None:
        strange = sum(isinstance(answer, ProtocolError) for answer in answers)
        if strange:
            self.protocol_errors[str(device)] += strange

    def _strange(self, device: DeviceRef) -> None:
        self.protocol_errors[str(device)] += 1

    def _came_late(self, device: DeviceRef, after: float) -> None:
        """An answer to a request that was given up: the device is slow, not silent."""
        self._passports.odd(device, Oddity.LATE_ANSWERS)
        patience = min(LONGEST_PATIENCE, after * LATE_ALLOWANCE)
        if patience > (self._passports.of(device).timeout or self._settings.apdu_timeout):
            self._passports.learn(device, timeout=round(patience, 1))

    def _notified(self, notification: Notification) -> None:
        for handler in self._notification_handlers:
            handler(notification)

    def _everyone(self, target: str | None) -> Any:
        if target is not None:
            try:
                return target_of(target)
            except (ValueError, TypeError):
                raise DeviceError(f'{target!r} is no place to look: "11:*", "10.1.2.3" and "11:5" are') from None
        # A BBMD's distribution is one datagram of ours; on a network of our own we stay on it.
        return LocalBroadcast() if self._registration is None else GlobalBroadcast()


def _is_long(wanted: Property) -> bool:
    return wanted.index is None and wanted.name in _LONG


def _apdu_code(octets: int | None) -> int:
    """What we say that we take, as ASHRAE 135, clause 20.1.2.5 encodes it: no more than the way lets through."""
    if octets is None:
        return len(_APDU_SIZES) - 1
    return max((code for code, size in enumerate(_APDU_SIZES) if size <= octets), default=0)


def _about(query: Query) -> str:
    if len(query.wanted) == 1:
        return f"{replies.of_property(query.wanted[0])} of {query.device}"
    return f"{len(query.wanted)} properties of {query.device}"


def _explained(error: DeviceError, about: str) -> DeviceError:
    """The same error, in a sentence that says what was asked of whom."""
    text = f"{about}: {error}"
    return DeviceRefused(text, error.code) if isinstance(error, DeviceRefused) else type(error)(text)


def _plain(value: Datum) -> Value | None:
    """A slot's value; one of a constructed type still occupies its slot, as text."""
    if isinstance(value, float):
        return shortest(value)
    return value if isinstance(value, (int, bool, str)) or value is None else repr(value)


class _Quiet(logging.Handler):
    """The library's own log, without its stack traces: what matters of it is in our errors."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("bacpypes3", text=record.getMessage())


_quiet = _Quiet()


def _hush() -> None:
    library = logging.getLogger("bacpypes3")
    library.addHandler(_quiet)
    library.propagate = False
