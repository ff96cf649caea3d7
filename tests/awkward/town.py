"""The network between awkward devices and an agent: sockets on loopback, a BBMD for broadcasts, routers with trunks.

The agent registers as a foreign device; what it broadcasts reaches every device of the town, and what a device
broadcasts reaches the agent.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from device import Device
from octets import Npdu, bvll, npdu, npdu_of

UNICAST, BROADCAST, FORWARDED, REGISTER, DISTRIBUTE, RESULT = 0x0A, 0x0B, 0x04, 0x05, 0x09, 0x00
WHO_IS_ROUTER, I_AM_ROUTER, REJECT_MESSAGE = 0, 1, 3
EVERYWHERE = 0xFFFF
FORGOTTEN_AFTER = 0.5  # seconds; then a router takes a request that was not answered for lost

Address = tuple[str, int]


class Socket(asyncio.DatagramProtocol):
    """One UDP port. `taken` gets each BVLL function with its content."""

    def __init__(self) -> None:
        self.taken: Callable[[int, bytes, Address], None] = lambda _function, _content, _sender: None
        self.address: Address = ("", 0)

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport
        self.address = transport.get_extra_info("sockname")

    def datagram_received(self, octets: bytes, sender: Address) -> None:
        self.taken(octets[1], octets[4:], sender)

    def send(self, content: bytes, to: Address, *, function: int = UNICAST) -> None:
        self.transport.sendto(bvll(function, content), to)

    def __str__(self) -> str:
        return f"{self.address[0]}:{self.address[1]}"


@dataclass(eq=False)
class Router:
    """Between the town and trunks of devices; `down` loses everything, `busy` says so."""

    trunks: dict[int, dict[int, Device]]
    down: bool = False
    unreachable: bool = False  # refuses to route, and says so
    flood: int | None = None  # requests at once that it bears; more are lost
    carried: int = 0  # requests
    most: int = 0  # requests under way at once
    lost: int = 0
    _under_way: int = field(default=0)

    def plug(self, town: Town, socket: Socket) -> None:
        self.town, self.socket = town, socket
        socket.taken = lambda function, content, sender: self._taken(*_unwrapped(function, content, sender))
        for network, devices in self.trunks.items():
            for mac, device in devices.items():
                device.network, device.address = network, str(mac)
                device.send = self._broadcaster((network, bytes([mac])))

    def hears(self, content: bytes, sender: Address) -> None:
        """A broadcast of the town."""
        self._taken(content, sender)

    def _broadcaster(self, from_: tuple[int, bytes]) -> Callable[[bytes], None]:
        return lambda apdu: None if self.down else self.town.broadcast(npdu(apdu, from_=from_), self.socket)

    def _taken(self, content: bytes, sender: Address) -> None:
        if self.down:
            return
        message = npdu_of(content)
        if message.message == WHO_IS_ROUTER:
            networks = b"".join(struct.pack(">H", network) for network in self.trunks)
            self.socket.send(b"\x01\x80" + bytes([I_AM_ROUTER]) + networks, sender)
        if message.message is not None or message.to is None:
            return
        network, mac = message.to
        if self.unreachable and network in self.trunks:
            refusal = b"\x01\x80" + bytes([REJECT_MESSAGE, 1]) + struct.pack(">H", network)
            self.socket.send(refusal, sender)
            return
        for trunk, devices in self.trunks.items():
            if network in (trunk, EVERYWHERE):
                for address in [mac[0]] if mac else devices:
                    if address in devices:
                        self._carry(message, trunk, address, devices[address], sender)

    def _carry(self, message: Npdu, trunk: int, mac: int, device: Device, sender: Address) -> None:
        request = message.content[0] >> 4 == 0
        if request:
            self.carried += 1
            if self.flood is not None and self._under_way >= self.flood:
                self.lost += 1
                return
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            asyncio.get_running_loop().call_later(FORGOTTEN_AFTER, lambda: reply(b""))

        def reply(apdu: bytes) -> None:
            nonlocal request
            if request:
                request = False
                self._under_way -= 1
            if apdu and not self.down:
                self.socket.send(npdu(apdu, from_=(trunk, bytes([mac]))), sender)

        device.receive(message.content, reply)


class Town:
    """Devices and routers, each with a socket of its own."""

    def __init__(self) -> None:
        self.hub = Socket()
        self.foreign: Address | None = None
        self.devices: dict[Device, Socket] = {}
        self.routers: dict[Router, Socket] = {}
        self._sockets: list[Socket] = []

    @property
    def bbmd(self) -> str:
        return str(self.hub)

    async def open(self) -> None:
        self.hub = await self.socket()
        self.hub.taken = self._at_the_hub

    def close(self) -> None:
        for socket in self._sockets:
            socket.transport.close()

    async def socket(self) -> Socket:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.create_datagram_endpoint(Socket, local_addr=("127.0.0.1", 0))
        self._sockets.append(protocol)
        return protocol

    async def add(self, device: Device) -> Device:
        """Plugs it in, at an address that nobody had before; a device that was here has moved."""
        socket = await self.socket()
        if (before := self.devices.get(device)) is not None:
            before.taken = lambda _function, _content, _sender: None
        self.plug(device, socket)
        return device

    def plug(self, device: Device, socket: Socket) -> None:
        self.devices[device] = socket
        device.address = str(socket)
        device.send = lambda apdu: self.broadcast(npdu(apdu), socket)
        socket.taken = lambda function, content, sender: _deliver(device, socket, function, content, sender)

    async def add_router(self, router: Router) -> Router:
        socket = await self.socket()
        self.routers[router] = socket
        router.plug(self, socket)
        return router

    def broadcast(self, content: bytes, from_: Socket) -> None:
        """What a device of the town says to all: the agent hears it through its BBMD."""
        if self.foreign is not None:
            host, port = from_.address
            origin = bytes(map(int, host.split("."))) + struct.pack(">H", port)
            self.hub.send(origin + content, self.foreign, function=FORWARDED)

    def to_agent(self, octets: bytes, from_: Socket) -> None:
        """A datagram as it stands, whatever it is."""
        assert self.foreign is not None
        from_.transport.sendto(octets, self.foreign)

    def _at_the_hub(self, function: int, content: bytes, sender: Address) -> None:
        if function == REGISTER:
            self.foreign = sender
            self.hub.send(b"\x00\x00", sender, function=RESULT)
        elif function == DISTRIBUTE:
            for device, socket in list(self.devices.items()):
                _deliver(device, socket, BROADCAST, content, sender)
            for router in self.routers:
                router.hears(content, sender)


def _deliver(device: Device, socket: Socket, function: int, content: bytes, sender: Address) -> None:
    content, sender = _unwrapped(function, content, sender)
    message = npdu_of(content)
    if message.message is None and (message.to is None or message.to[0] == EVERYWHERE):
        device.receive(message.content, lambda apdu: socket.send(npdu(apdu), sender))


def _unwrapped(function: int, content: bytes, sender: Address) -> tuple[bytes, Address]:
    if function != FORWARDED:
        return content, sender
    return content[6:], (".".join(map(str, content[:4])), int.from_bytes(content[4:6], "big"))


@asynccontextmanager
async def town(*inhabitants: Device | Router) -> AsyncIterator[Town]:
    here = Town()
    await here.open()
    try:
        for one in inhabitants:
            await (here.add(one) if isinstance(one, Device) else here.add_router(one))
        yield here
    finally:
        here.close()
        await asyncio.sleep(0)
