"""Our own UDP sockets under bacpypes3, and our own registration with a BBMD.

The sockets are opened here so that a port in use is an error with words (the library waits for
ever) and no second program can share the port unseen. The registration loop does not depend on
the answer to the previous request: after any error it goes on asking until it is registered again.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import socket
from collections import Counter
from dataclasses import dataclass
from typing import Any

import structlog
from bacpypes3.comm import bind
from bacpypes3.ipv4 import IPv4DatagramProtocol, IPv4DatagramServer
from bacpypes3.ipv4.bvll import BVLLCodec, RegisterForeignDevice, Result
from bacpypes3.ipv4.service import BIPForeign, BIPNormal, UDPMultiplexer
from bacpypes3.pdu import IPv4Address, LocalBroadcast

from points.errors import BacnetUnavailable

BACNET_PORT = 47808
RECEIVE_BUFFER = 4 * 1024 * 1024  # octets; a burst of I-Ams or notifications of a whole site. The kernel may grant less
TAKEN_AT_ONCE = 64  # datagrams in one turn of the event loop; then timers and everybody else have theirs
LARGEST_DATAGRAM = 65_536  # octets
REGISTRATION_ANSWER = 2.0  # seconds a BBMD has to answer; it is one datagram each way
REGISTRATION_TRIES = 3  # before we say that there is no BBMD
REGISTRATION_RETRY = 5.0  # seconds between attempts while not registered

_ADDRESS = re.compile(r"(?P<host>[0-9.]+)(?:/(?P<a>\d+))?(?::(?P<port>\d+))?(?:/(?P<b>\d+))?")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An IPv4 address of this machine, its port, and the prefix length of its network (32: no broadcast)."""

    host: str
    port: int
    prefix: int

    @classmethod
    def parse(cls, text: str) -> Interface:
        """From "10.1.2.3/24:47808"; port and mask may be left out, or stand the other way round."""
        match = _ADDRESS.fullmatch(text.strip())
        parts = match.groupdict() if match else {"host": text, "a": None, "b": None, "port": None}
        try:
            host = str(ipaddress.IPv4Address(parts["host"]))
            prefix = int(parts["a"] or parts["b"] or 32)
            port = BACNET_PORT if parts["port"] is None else int(parts["port"])
            ipaddress.IPv4Network((host, prefix), strict=False)
        except ValueError:
            raise BacnetUnavailable(
                f"{text!r} is not a BACnet address. Write an IPv4 address of this machine with its mask "
                'and port, such as "10.1.2.3/24:47808".'
            ) from None
        if port > 65535:
            raise BacnetUnavailable(f"{text!r}: a UDP port is at most 65535; BACnet's own is 47808.")
        return cls(host=host, port=port, prefix=prefix)

    @property
    def everywhere(self) -> bool:
        return self.host == "0.0.0.0"

    @property
    def broadcast(self) -> str | None:
        """Where broadcasts go; None where there are none (a host route, loopback with a full mask)."""
        if self.everywhere:
            return "255.255.255.255"
        network = ipaddress.IPv4Network((self.host, self.prefix), strict=False)
        return str(network.broadcast_address) if self.prefix < 31 else None


class Link:
    """The datagram end of the stack: one socket for all that we send, one more to hear broadcasts."""

    def __init__(self, interface: Interface, *, foreign: bool, errors: Counter[str]) -> None:
        self._socket = _open(interface.host, interface.port)
        self.port: int = self._socket.getsockname()[1]
        self.address = IPv4Address(f"{interface.host}/{interface.prefix}:{self.port}")
        self._broadcast = None if foreign else interface.broadcast
        self._listens_apart = self._broadcast is not None and not interface.everywhere
        self.service: Any = Foreign() if foreign else BIPNormal()
        self._server = _Server(self.address, no_broadcast=True, bind_socket=self._socket)
        self._server.errors = errors
        codec, multiplexer = BVLLCodec(), UDPMultiplexer()
        bind(self.service, codec, multiplexer.annexJ)
        bind(multiplexer, self._server)

    async def open(self) -> None:
        """Waits until datagrams can come and go."""
        await self._server._local_transport_ready.wait()  # noqa: SLF001 - the library has no public way to wait
        if self._broadcast is None:
            return
        self._server.broadcast_address = (self._broadcast, self.port)
        if self._listens_apart:  # Linux gives broadcasts to sockets bound to 0.0.0.0 or to the broadcast address only
            heard = _open(self._broadcast, self.port, shared=True)
            loop = asyncio.get_running_loop()
            self._server.broadcast_transport, _ = await loop.create_datagram_endpoint(self._broadcasts, sock=heard)

    def close(self) -> None:
        self._server.close()

    def _broadcasts(self) -> Any:
        protocol = _Broadcasts()
        protocol.server = self._server
        return protocol


class _Server(IPv4DatagramServer):  # type: ignore[misc]  # the library is untyped
    """Lets nobody's octets do more than be counted."""

    errors: Counter[str]

    async def retrying_create_datagram_endpoint(
        self, loop: asyncio.AbstractEventLoop, _address: Any, bind_socket: socket.socket
    ) -> Any:
        return await loop.create_datagram_endpoint(lambda: _Arrivals(self, bind_socket), sock=bind_socket)

    async def confirmation(self, pdu: Any) -> None:
        if pdu.pduSource.addrTuple == self.local_address:
            return  # our own broadcast
        try:
            await self.response(pdu)
        except asyncio.InvalidStateError:  # the library answers a request that was given up meanwhile
            _log.debug("an answer came too late", sender=str(pdu.pduSource))
        except Exception as error:  # noqa: BLE001 - anyone may send us anything, and the library raises anything
            self.errors[str(pdu.pduSource)] += 1
            _log.debug("a datagram that cannot be decoded", sender=str(pdu.pduSource), error=repr(error))


class _Arrivals(IPv4DatagramProtocol):  # type: ignore[misc]  # the library is untyped
    """Takes in what has arrived, in the order in which it came.

    asyncio takes one datagram in each turn of the loop. When turns are long because much is going on,
    answers would wait behind notifications until they are too late, or the kernel drops them.
    """

    def __init__(self, server: _Server, opened: socket.socket) -> None:
        self.server = server
        self._socket = opened

    def datagram_received(self, octets: bytes, sender: tuple[str, int]) -> None:
        super().datagram_received(octets, sender)
        for _ in range(TAKEN_AT_ONCE - 1):
            try:
                arrived = self._socket.recvfrom(LARGEST_DATAGRAM)
            except OSError:  # there is no more
                return
            super().datagram_received(*arrived)


class _Broadcasts(IPv4DatagramProtocol):  # type: ignore[misc]  # the library is untyped
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.destination = LocalBroadcast()


def _open(host: str, port: int, *, shared: bool = False) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.settimeout(0)  # never blocks
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        if shared:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
    except OSError as error:
        opened.close()
        raise BacnetUnavailable(_why(error, host, port)) from error
    return opened


def _why(error: OSError, host: str, port: int) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return (
                f"UDP port {port} on {host} is in use: another BACnet program, or a second agent, runs on this "
                "machine. Stop it, or give this agent another port in the BACnet address."
            )
        case errno.EADDRNOTAVAIL:
            return f"No interface of this machine has the address {host}. `ip -4 address` lists those it has."
        case errno.EACCES | errno.EPERM:
            return f"This user may not open UDP port {port} on {host}: {error.strerror}."
    return f"UDP port {port} on {host} cannot be opened: {error.strerror}."


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
