"""A device of our own that answers with the octets a test gives it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from points.model import DeviceRef

PATIENCE = 30.0  # seconds a test waits for what has to come


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.005)


class Parrot(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.answer: Callable[[int], bytes] | None = None  # invoke id -> APDU
        self.result: int | None = None  # of a foreign device's registration
        self.address = ""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport
        self.here: tuple[str, int] = transport.get_extra_info("sockname")
        self.address = "{}:{}".format(*self.here)

    def datagram_received(self, octets: bytes, sender: tuple[str, int]) -> None:
        self.heard.append(octets)
        if octets[1] == 0x05:
            if self.result is not None:
                self.transport.sendto(b"\x81\x00\x00\x06" + struct.pack(">H", self.result), sender)
        elif self.answer is not None:
            npdu = b"\x01\x00" + self.answer(octets[8])
            self.transport.sendto(b"\x81\x0a" + struct.pack(">H", len(npdu) + 4) + npdu, sender)

    @property
    def ref(self) -> DeviceRef:
        return DeviceRef(network=0, address=self.address, instance=1)


@asynccontextmanager
async def parrot() -> AsyncIterator[Parrot]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Parrot, local_addr=("127.0.0.1", 0))
    try:
        yield protocol
    finally:
        transport.close()
        await asyncio.sleep(0)


def read_ack(value: bytes, *, property_: int = 85, object_: int = 1) -> Callable[[int], bytes]:
    return lambda invoke: (
        bytes([0x30, invoke, 12, 0x0C]) + struct.pack(">I", object_) + bytes([0x19, property_, 0x3E]) + value + b"\x3f"
    )
