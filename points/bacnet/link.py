"""Our own UDP sockets under bacpypes3, with the fast lane in front of it.

The sockets are opened here so that a port in use is an error with words (the library waits for
ever) and no second program can share the port unseen. Nobody's octets do more than be counted.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import structlog
from bacpypes3.comm import bind
from bacpypes3.ipv4 import IPv4DatagramServer
from bacpypes3.ipv4.bvll import BVLLCodec
from bacpypes3.ipv4.service import UDPMultiplexer
from bacpypes3.pdu import PDU, IPv4Address, LocalBroadcast

from points.bacnet.datagrams import Datagrams, Sender
from points.bacnet.senders import Senders, shown
from points.errors import BacnetUnavailable

BACNET_PORT = 47808
RECEIVE_BUFFER = 4 * 1024 * 1024  # octets; a burst of I-Ams or notifications of a whole site. The kernel may grant less

_ADDRESS = re.compile(r"(?P<host>[0-9.]+)(?:/(?P<a>\d+))?(?::(?P<port>\d+))?(?:/(?P<b>\d+))?")

_BROADCASTS = frozenset({b"\x81\x0b", b"\x81\x04"})  # an original one, one that a BBMD forwards

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
    """The datagram end of the stack: one socket for all that we send, one more to hear broadcasts.

    Each datagram is shown to the fast lane first; what the lane does not take goes to the library.
    """

    def __init__(self, interface: Interface, service: Any, *, foreign: bool, errors: Senders) -> None:
        opened = _open(interface.host, interface.port)
        self.port: int = opened.getsockname()[1]
        self.address = IPv4Address(f"{interface.host}/{interface.prefix}:{self.port}")
        self.take: Callable[[bytes, Sender], bool] = _not_taken
        self.own_broadcasts = 0  # of ours, that came back to us: proof that broadcasts are heard
        self.other_broadcasts = 0
        self._errors = errors
        self._under_way: set[asyncio.Future[None]] = set()
        self._datagrams = Datagrams(opened, partial(self._arrived, to=self.address))
        self._heard: Datagrams | None = None
        self._server = _Server(self.address, self._datagrams)
        codec, multiplexer = BVLLCodec(), UDPMultiplexer()
        bind(service, codec, multiplexer.annexJ)
        bind(multiplexer, self._server)
        broadcast = None if foreign else interface.broadcast
        if broadcast is not None:
            self._server.broadcast_address = (broadcast, self.port)
            if not interface.everywhere:
                # Linux gives broadcasts to sockets bound to 0.0.0.0 or to the broadcast address only
                try:
                    heard = _open(broadcast, self.port, shared=True)
                except BacnetUnavailable:
                    self.close()
                    raise
                self._heard = Datagrams(heard, partial(self._arrived, to=LocalBroadcast()))

    async def open(self) -> None:
        """Waits until datagrams can come and go."""
        await self._server._local_transport_ready.wait()  # noqa: SLF001 - the library has no public way to wait

    def send(self, octets: bytes, address: Sender) -> None:
        self._datagrams.send(octets, address)

    def close(self) -> None:
        for coming in self._under_way:
            coming.cancel()
        self._datagrams.close()
        if self._heard is not None:
            self._heard.close()

    def is_own(self, sender: Sender) -> bool:
        """Whether that is us: our own broadcasts come back to a socket bound to 0.0.0.0."""
        host, port = sender
        return port == self.port and _is_own_host(host)

    def _arrived(self, octets: bytes, sender: Sender, *, to: Any) -> None:
        if octets[:2] in _BROADCASTS:
            if self.is_own(sender):
                self.own_broadcasts += 1
                return
            self.other_broadcasts += 1
        try:
            taken = self.take(octets, sender)
        except Exception as error:  # noqa: BLE001 - anyone may send us anything
            self._failed(sender, error)
            return
        if not taken:
            coming = asyncio.ensure_future(self._to_library(octets, sender, to))
            self._under_way.add(coming)
            coming.add_done_callback(self._under_way.discard)

    async def _to_library(self, octets: bytes, sender: Sender, to: Any) -> None:
        try:
            await self._server.response(PDU(octets, source=IPv4Address(sender), destination=to))
        except asyncio.InvalidStateError:  # the library answers a request that was given up meanwhile
            _log.debug("an answer came too late", sender=shown(sender))
        except Exception as error:  # noqa: BLE001 - the library raises anything
            self._failed(sender, error)

    def _failed(self, sender: Sender, error: Exception) -> None:
        self._errors.count(shown(sender))
        _log.debug("a datagram that cannot be decoded", sender=shown(sender), error=repr(error))


class _Server(IPv4DatagramServer):  # type: ignore[misc]  # the library is untyped
    """The library's end of our socket."""

    def __init__(self, address: Any, datagrams: Datagrams) -> None:
        self._datagrams = datagrams
        super().__init__(address, no_broadcast=True)

    async def retrying_create_datagram_endpoint(self, *_: Any, **__: Any) -> Any:
        return self._datagrams, self


def _not_taken(_octets: bytes, _sender: Sender) -> bool:
    return False


def _shown(sender: Sender) -> str:
    return f"{sender[0]}:{sender[1]}"


@lru_cache(maxsize=4096)
def _is_own_host(host: str) -> bool:
    """The kernel reaches an address of its own from that same address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))  # nothing is sent by connecting a UDP socket
        except OSError:
            return False
        return bool(probe.getsockname()[0] == host)


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
