"""The BACnet port on bacpypes3: one long-lived application, one socket.

What comes out of here is our types and our errors only. No device has more requests of ours
outstanding than its lane allows, whoever asks. A read is repeated after silence; a write never is,
because it may have been heard: whoever wrote reads back.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from bacpypes3.apdu import ReadPropertyACK, ReadPropertyMultipleACK, SimpleAckPDU, WhoIsRequest
from bacpypes3.pdu import GlobalBroadcast, LocalBroadcast

from points.bacnet.addresses import address_of, target_of
from points.bacnet.answers import Refusal, device_error, property_error
from points.bacnet.application import Listener, listener
from points.bacnet.lanes import Lanes
from points.bacnet.link import Foreign, Interface, Link, Registration
from points.bacnet.port import Answer, Datum, IAm, Notification, Property, Query
from points.bacnet.requests import (
    cancel_cov,
    read_property,
    read_property_multiple,
    subscribe_cov,
    write_property,
)
from points.bacnet.values import decode, encode, object_identifier, property_identifier
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref, Slots, Value

LOWEST_OURS, LAST_PRIORITY = 8, 16  # levels 1-7 belong to life safety and critical equipment
LONGEST_LIFETIME = 28_800  # seconds; what every COV server has to accept
SEGMENTS_ALLOWANCE = 30.0  # seconds more than the time-out for a segmented answer, or for a library that forgot us

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSettings:
    """How we appear on the network."""

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


@asynccontextmanager
async def open_stack(settings: StackSettings) -> AsyncIterator[Stack]:
    """A stack on the network, or BacnetUnavailable that says what to do."""
    _hush()
    application = listener(
        instance=settings.instance,
        name=settings.name,
        vendor_id=settings.vendor_id,
        timeout=settings.apdu_timeout,
    )
    interface = Interface.parse(settings.address)
    link = Link(interface, foreign=settings.foreign is not None, errors=application.protocol_errors)
    application.nsap.bind(link.service, address=link.address)
    application.port = link.port
    renewal: asyncio.Task[None] | None = None
    try:
        await link.open()
        registration: Registration | None = None
        if settings.foreign is not None and isinstance(link.service, Foreign):
            registration = Registration(link.service, settings.foreign, settings.foreign_ttl)
            await registration.begin(patient=settings.patient)
            renewal = asyncio.create_task(registration.run(), name="foreign device registration")
        yield Stack(application, settings, registration, port=link.port)
    finally:
        if renewal is not None:
            renewal.cancel()
        link.close()
        await asyncio.sleep(0)  # lets asyncio close the sockets now: the port is free when we return


class Stack:
    """`points.bacnet.port.Bacnet`, on the wire. Open one with `open_stack`."""

    def __init__(
        self, application: Listener, settings: StackSettings, registration: Registration | None, *, port: int
    ) -> None:
        self._application = application
        self._settings = settings
        self._registration = registration
        self._lanes = Lanes(
            per_device=settings.max_outstanding_per_device, per_network=settings.max_outstanding_per_network
        )
        self.port = port

    @property
    def registered(self) -> bool:
        """Whether broadcasts reach us: always, unless we are a foreign device whose BBMD has let us go."""
        return self._registration is None or self._registration.registered

    @property
    def protocol_errors(self) -> Counter[str]:
        """How often each sender sent what could not be decoded."""
        return self._application.protocol_errors

    def on_notification(self, handler: Callable[[Notification], None]) -> None:
        self._application.notification_handlers.append(handler)

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
        about = _about(device, wanted)
        answer = await self._ask(device, partial(read_property, wanted=wanted), ReadPropertyACK, about)
        if (
            answer.objectIdentifier != object_identifier(wanted.object_type, wanted.instance)
            or answer.propertyIdentifier != property_identifier(wanted.name)
            or answer.propertyArrayIndex != wanted.index
        ):
            raise self._nonsense(device, f"{about}: answered for something else")
        return self._decoded(device, wanted, answer.propertyValue)

    async def read_many(self, query: Query) -> Sequence[Answer]:
        device, wanted = query.device, query.wanted
        if not wanted:
            return []
        about = f"{len(wanted)} properties of {device}"
        request = partial(read_property_multiple, wanted=wanted)
        answer = await self._ask(device, request, ReadPropertyMultipleACK, about)
        try:
            results = {
                (result.objectIdentifier, element.propertyIdentifier, element.propertyArrayIndex): element.readResult
                for result in answer.listOfReadAccessResults
                for element in result.listOfResults
            }
        except (TypeError, AttributeError) as error:
            raise self._nonsense(device, f"{about}: the answer cannot be decoded ({error})") from error
        return [self._answer(device, property_, results) for property_ in wanted]

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        if not LOWEST_OURS <= priority <= LAST_PRIORITY:
            raise ValueError(f"priority {priority} is not ours to write: {LOWEST_OURS}-{LAST_PRIORITY} are")
        try:
            encoded = encode(ref.object_type, value)
            encoded.encode()  # a number that is out of its type's range shows only here
        except (ValueError, TypeError, OverflowError) as error:  # nothing was sent: as if the device had said no
            raise DeviceRefused(f"write to {ref}: {value!r} cannot be sent ({error})", "value-out-of-range") from error
        request = partial(write_property, ref=ref, encoded=encoded, priority=priority)
        await self._ask(ref.device, request, SimpleAckPDU, f"write to {ref}", retries=0)

    async def read_slots(self, ref: Ref) -> Slots:
        array = Property(ref.object_type, ref.instance, "priority-array")
        values = await self.read(ref.device, array)
        if not isinstance(values, tuple) or len(values) != LAST_PRIORITY:
            raise self._nonsense(ref.device, f"{ref}: its priority array has no {LAST_PRIORITY} values")
        try:
            default = await self.read(ref.device, Property(ref.object_type, ref.instance, "relinquish-default"))
        except DeviceRefused:
            default = None  # the standard requires it; some devices do without
        return Slots(values=tuple(_plain(value) for value in values), default=_plain(default))

    async def subscribe(self, ref: Ref, *, process: int, lifetime: int, confirmed: bool = False) -> None:
        if not 1 <= lifetime <= LONGEST_LIFETIME:
            raise ValueError(f"a COV lifetime of {lifetime} s is not between 1 and {LONGEST_LIFETIME} s")
        request = partial(subscribe_cov, ref=ref, process=process, lifetime=lifetime, confirmed=confirmed)
        await self._ask(ref.device, request, SimpleAckPDU, f"COV subscription to {ref}")

    async def unsubscribe(self, ref: Ref, *, process: int) -> None:
        request = partial(cancel_cov, ref=ref, process=process)
        try:
            await self._ask(ref.device, request, SimpleAckPDU, f"end of COV subscription to {ref}", retries=0)
        except DeviceSilent:
            return  # it ends by itself: no subscription of ours is for ever

    async def _ask(
        self,
        device: DeviceRef,
        request: Callable[[Any], Any],
        expected: type[Any],
        about: str,
        *,
        retries: int | None = None,
    ) -> Any:
        """The acknowledgement of a confirmed request, or a DeviceError."""
        left = self._settings.retries if retries is None else retries
        try:
            address = address_of(device)
            request(address)  # a name that BACnet does not know shows here, before anything is sent
        except (ValueError, TypeError) as error:
            raise ProtocolError(f"{about}: cannot be asked ({error})") from error
        async with self._lanes.of(device):
            while True:
                try:
                    answer = await self._ask_once(device, request(address), about)
                    break
                except DeviceSilent:
                    if left <= 0:
                        raise
                    left -= 1
        if not isinstance(answer, expected):
            raise self._nonsense(device, f"{about}: answered with {type(answer).__name__}")
        return answer

    async def _ask_once(self, device: DeviceRef, apdu: Any, about: str) -> Any:
        """One request with an invoke id of its own: a late answer to an earlier one finds nobody."""
        answered = False
        try:
            async with asyncio.timeout(self._settings.apdu_timeout + SEGMENTS_ALLOWANCE):
                answer = await self._application.request(apdu)
            answered = True
        except TimeoutError:
            raise DeviceSilent(f"{about}: no answer") from None
        except Refusal as refusal:
            answered = True
            raise device_error(refusal, about) from None  # it is a BaseException: not even as a cause
        except OSError as error:
            raise DeviceSilent(f"{about}: cannot be sent ({error})") from error
        except Exception as error:
            raise self._nonsense(device, f"{about}: the library fails at it ({error!r})") from error
        finally:
            if not answered:
                self._application.forget(apdu)
        if isinstance(answer, Refusal):
            raise device_error(answer, about)
        return answer

    def _answer(self, device: DeviceRef, wanted: Property, results: dict[Any, Any]) -> Answer:
        key = (
            object_identifier(wanted.object_type, wanted.instance),
            property_identifier(wanted.name),
            wanted.index,
        )
        about = _about(device, wanted)
        if key not in results:
            return self._nonsense(device, f"{about}: missing in the answer")
        result = results[key]
        if result.propertyAccessError is not None:
            return property_error(result.propertyAccessError, about)
        try:
            return self._decoded(device, wanted, result.propertyValue)
        except DeviceError as error:
            return error

    def _decoded(self, device: DeviceRef, wanted: Property, value: Any) -> Datum:
        try:
            return decode(wanted.object_type, wanted.name, wanted.index, getattr(value, "tagList", None) or ())
        except ProtocolError as error:
            raise self._nonsense(device, f"{device}: {error}") from error

    def _nonsense(self, device: DeviceRef, text: str) -> ProtocolError:
        self.protocol_errors[str(device)] += 1
        return ProtocolError(text)

    def _everyone(self, target: str | None) -> Any:
        if target is not None:
            try:
                return target_of(target)
            except (ValueError, TypeError):
                raise DeviceError(f'{target!r} is no place to look: "11:*", "10.1.2.3" and "11:5" are') from None
        # A BBMD's distribution is one datagram of ours; on a network of our own we stay on it.
        return LocalBroadcast() if self._registration is None else GlobalBroadcast()


def _about(device: DeviceRef, wanted: Property) -> str:
    index = "" if wanted.index is None else f"[{wanted.index}]"
    if wanted.object_type == "device":
        return f"{wanted.name}{index} of {device}"
    return f"{wanted.name}{index} of {wanted.object_type} {wanted.instance} of {device}"


def _plain(value: Datum) -> Value | None:
    """A slot's value; one of a constructed type still occupies its slot, as text."""
    return value if isinstance(value, (float, int, bool, str)) or value is None else repr(value)


class _Quiet(logging.Handler):
    """The library's own log, without its stack traces: what matters of it is in our errors."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("bacpypes3", text=record.getMessage())


_quiet = _Quiet()


def _hush() -> None:
    library = logging.getLogger("bacpypes3")
    library.addHandler(_quiet)
    library.propagate = False
