"""What is rare or hard goes the library's way: writes, segmented answers, networks whose router is not known yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from bacpypes3.apdu import ComplexAckPDU, SimpleAckPDU
from bacpypes3.pdu import IPv4Address

from points.bacnet.addresses import address_of
from points.bacnet.answers import Refusal, device_error
from points.bacnet.application import Listener
from points.bacnet.port import Property
from points.bacnet.requests import read_property, write_constructed, write_property
from points.bacnet.values import encode
from points.errors import DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref, Value
from points.passport import Passports

SEGMENTS_ALLOWANCE = 30.0  # seconds more than the time-out for a segmented answer, or for a library that forgot us


class Library:
    """One request at a time of each kind, as octets or errors of ours."""

    def __init__(self, application: Listener, passports: Passports, *, timeout: float) -> None:
        self._application = application
        self._passports = passports
        self._timeout = timeout

    async def read(self, device: DeviceRef, wanted: Property, about: str) -> bytes:
        """The parameters of the acknowledgement of a ReadProperty, put together from its segments."""
        answer = await self._ask(device, partial(read_property, wanted=wanted), about)
        if not isinstance(answer, ComplexAckPDU):
            raise ProtocolError(f"{about}: answered with {type(answer).__name__}")
        return bytes(answer.pduData)

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        """A value that the object's type cannot have is not sent: as if the device had said no."""
        about = f"write to {ref}"
        try:
            encoded = encode(ref.object_type, value)
            encoded.encode()  # a number that is out of its type's range shows only here
        except (ValueError, TypeError, OverflowError) as error:
            raise DeviceRefused(f"{about}: {value!r} cannot be sent ({error})", "value-out-of-range") from error
        request = partial(write_property, ref=ref, encoded=encoded, priority=priority)
        answer = await self._ask(ref.device, request, about)
        if not isinstance(answer, SimpleAckPDU):
            raise ProtocolError(f"{about}: answered with {type(answer).__name__}")

    async def write_constructed(self, device: DeviceRef, wanted: Property, octets: bytes, about: str) -> None:
        """A value that is encoded already."""
        answer = await self._ask(device, partial(write_constructed, wanted=wanted, octets=octets), about)
        if not isinstance(answer, SimpleAckPDU):
            raise ProtocolError(f"{about}: answered with {type(answer).__name__}")

    def router_to(self, network: int) -> tuple[str, int] | None:
        """Through which router the library reaches a network on its own."""
        for (_, reached), (address, _) in self._application.nsap.router_info_cache.path_info.items():
            if reached == network and isinstance(address, IPv4Address):
                host, port = address.addrTuple
                return str(host), int(port)
        return None

    async def lead(self, network: int, router: tuple[str, int]) -> None:
        """Tells the library which router leads there, so that it need not ask."""
        if self.router_to(network) != router:
            await self._application.nsap.update_router_references(None, IPv4Address(router), [network])

    def forget_router(self, network: int) -> None:
        """The library asks who leads there, before the next request into that network."""
        cache = self._application.nsap.router_info_cache
        for path in [path for path in cache.path_info if path[1] == network]:
            del cache.path_info[path]
        for networks in cache.router_dnets.values():  # or the same router would not be believed again
            networks.discard(network)

    async def _ask(self, device: DeviceRef, request: Callable[[Any], Any], about: str) -> Any:
        try:
            apdu = request(address_of(device))
        except (ValueError, TypeError) as error:  # a name or an address that BACnet does not know
            raise ProtocolError(f"{about}: cannot be asked ({error})") from error
        answered = False
        timeout = self._passports.of(device).timeout or self._timeout
        self._application.asap.patience[apdu.pduDestination] = int(timeout * 1000)
        try:
            async with asyncio.timeout(timeout + SEGMENTS_ALLOWANCE):
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
            raise ProtocolError(f"{about}: the library fails at it ({error!r})") from error
        finally:
            if not answered:
                self._application.forget(apdu)
        if isinstance(answer, Refusal):
            raise device_error(answer, about)
        return answer
