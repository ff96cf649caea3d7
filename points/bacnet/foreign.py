"""Our own registration with a BBMD, as a foreign device.

The registration loop does not depend on the answer to the previous request: after any error it goes
on asking until it is registered again.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import structlog
from bacpypes3.ipv4.bvll import RegisterForeignDevice, Result
from bacpypes3.ipv4.service import BIPForeign
from bacpypes3.pdu import IPv4Address

from points.bacnet.link import BACNET_PORT
from points.errors import BacnetUnavailable

REGISTRATION_ANSWER = 2.0  # seconds a BBMD has to answer; it is one datagram each way
REGISTRATION_TRIES = 3  # before we say that there is no BBMD
REGISTRATION_RETRY = 5.0  # seconds between attempts while not registered

_log = structlog.get_logger(__name__)


class Foreign(BIPForeign):  # type: ignore[misc]  # the library is untyped
    """A foreign device whose registration is ours to renew."""

    def __init__(self) -> None:
        super().__init__()
        self._answered = asyncio.Event()
        self.code: int | None = None  # of the BBMD's latest answer: 0 is yes
        self.stale = asyncio.Event()  # the BBMD said that it does not know us

    @property
    def registered(self) -> bool:
        return bool(self.bbmdRegistrationStatus == 0)

    async def confirmation(self, lpdu: Any) -> None:
        if not isinstance(lpdu, Result):
            await super().confirmation(lpdu)
        elif lpdu.pduSource == self.bbmdAddress:
            self.code = lpdu.bvlciResultCode
            self._answered.set()
            if self.code:  # also a broadcast it would not distribute: then it has forgotten us
                self.stale.set()

    async def register_once(self, ttl: int) -> bool:
        """Asks once; True if the BBMD said yes."""
        self.code = None
        self._answered.clear()
        await self.request(RegisterForeignDevice(ttl, destination=self.bbmdAddress))
        try:
            async with asyncio.timeout(REGISTRATION_ANSWER):
                await self._answered.wait()
        except TimeoutError:
            return False
        return self.code == 0


class Registration:
    """Keeps us in a BBMD's foreign device table."""

    def __init__(self, service: Foreign, bbmd: str, ttl: int) -> None:
        self._service = service
        self._bbmd = bbmd
        self._ttl = ttl

    @property
    def registered(self) -> bool:
        return self._service.registered

    async def begin(self, *, patient: bool) -> None:
        """Registers, or raises BacnetUnavailable with what to do; `patient`: a silent BBMD is asked again later."""
        self._service.bbmdAddress = await _resolved(self._bbmd)
        self._service.bbmdTimeToLive = self._ttl
        for _ in range(REGISTRATION_TRIES):
            if await self._service.register_once(self._ttl):
                self._mark(registered=True)
                return
            if self._service.code:
                raise BacnetUnavailable(
                    f"The BBMD at {self._bbmd} refuses foreign devices (result {self._service.code:#06x}). "
                    "Allow them there, or give the address of another BBMD."
                )
            if patient:
                _log.warning("the BBMD does not answer yet", bbmd=self._bbmd)
                return
        raise BacnetUnavailable(
            f"The BBMD at {self._bbmd} does not answer. Is the address right, is it running, and does a firewall "
            "let UDP through both ways? Without a BBMD leave `foreign` out."
        )

    async def run(self) -> None:
        """Renews at half the time to live; after a failure every few seconds until it works again."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            await self._rest(self._ttl / 2 if self.registered else min(REGISTRATION_RETRY, self._ttl / 2))
            self._service.stale.clear()
            if await self._service.register_once(self._ttl):
                heard = loop.time()
                self._mark(registered=True)
            elif self._service.code or loop.time() - heard > self._ttl:
                self._mark(registered=False)

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._service.stale.wait()
        except TimeoutError:
            return
        await asyncio.sleep(min(1.0, seconds))  # a BBMD that always says no is not asked in a tight loop

    def _mark(self, *, registered: bool) -> None:
        if registered != self.registered:
            log = _log.info if registered else _log.warning
            log("registration with the BBMD", bbmd=self._bbmd, registered=registered)
        # These two are what the library asks before it sends or accepts a broadcast.
        self._service.bbmdRegistrationStatus = 0 if registered else -2
        event = self._service._registration_event  # noqa: SLF001
        event.set() if registered else event.clear()


async def _resolved(bbmd: str) -> Any:
    host, _, port = bbmd.partition(":")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, int(port or BACNET_PORT), family=socket.AF_INET, type=socket.SOCK_DGRAM
        )
    except (OSError, ValueError) as error:
        raise BacnetUnavailable(f"The BBMD {bbmd!r} is no address: {error}. Write it as host:port.") from error
    return IPv4Address(found[0][4])
