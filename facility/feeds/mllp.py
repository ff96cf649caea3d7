"""Takes bed status by HL7 v2 over MLLP: a frame is `<VT> message <FS> <CR>`, and each has one answer.

- Only from the peers that the configuration names; at most so many connections, each with bounded frames and waits.
- A message is taken when it is exactly a bed status (`facility.feeds.adt`). Any other is answered with a refusal, is
  counted by its reason and forgotten: its octets are in one buffer of this module, and nowhere else.
- A sender that is faster than `PACE` messages a second waits for its answers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address

import structlog

from facility.feeds import adt
from facility.feeds.book import BedReport
from facility.feeds.tally import Refused, Tally
from points.clock import Clock

BEGIN, END = 0x0B, b"\x1c\r"
LONGEST = 2048  # octets of a frame; a bed status has about 150
CONNECTIONS = 8
WHOLE_S = 10.0  # a frame that has begun is whole within this time
GOODBYE_S = 2.0
IDLE_S = 3600.0
PACE = 50.0  # messages a second on one connection
NAME = "hl7"

log = structlog.get_logger(__name__)

Take = Callable[[BedReport], Refused | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class MllpSettings:
    """Where to listen, and to whom."""

    host: str
    port: int
    peers: tuple[IPv4Network | IPv6Network, ...]
    hospital: adt.Hospital


class _Ended(Exception):
    """The connection is over. Says nothing of what was on it."""


class MllpServer:
    """The service."""

    name = "feeds-hl7"

    def __init__(self, settings: MllpSettings, take: Take, clock: Clock) -> None:
        self._settings = settings
        self._take = take
        self._clock = clock
        self._open: set[asyncio.Task[None]] = set()
        self._answers = 0
        self.tally = Tally()
        self.listening = False
        self.port = 0

    @property
    def connections(self) -> int:
        return len(self._open)

    async def run(self) -> None:
        server = await asyncio.start_server(self._connected, self._settings.host, self._settings.port, limit=LONGEST)
        self.port = server.sockets[0].getsockname()[1]
        self.listening = True
        log.info("bed status is taken by HL7", host=self._settings.host, port=self.port)
        try:
            async with server:
                await server.serve_forever()
        finally:
            self.listening = False
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_peer(writer) or len(self._open) >= CONNECTIONS:
            self.tally.refuse(Refused.PEER)
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer), name="hl7 connection")
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(_Ended, OSError, TimeoutError):
                await self._converse(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await writer.wait_closed()
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer = bytearray()
        verdict = None
        while verdict not in (Refused.TOO_LONG, Refused.NOT_READABLE):  # then nobody knows where the next frame begins
            verdict, control = await self._next(reader, buffer)
            if verdict is None:
                self.tally.accept()
            else:
                self.tally.refuse(verdict)
            self._answers += 1
            said = adt.answer(verdict, control, self._clock.now(), self._answers)
            writer.write(bytes((BEGIN,)) + said + END)
            async with asyncio.timeout(WHOLE_S):
                await writer.drain()
            await asyncio.sleep(1 / PACE)

    async def _next(self, reader: asyncio.StreamReader, buffer: bytearray) -> tuple[Refused | None, str]:
        """The verdict on the next message, and its control id. What was read of it is gone then."""
        if not buffer:
            async with asyncio.timeout(IDLE_S):
                buffer += await _more(reader)
        async with asyncio.timeout(WHOLE_S):
            while (end := buffer.find(END)) < 0 and len(buffer) <= LONGEST and buffer[0] == BEGIN:
                buffer += await _more(reader)
        if buffer[0] != BEGIN:
            buffer.clear()
            return Refused.NOT_READABLE, ""
        if not 0 <= end <= LONGEST:
            buffer.clear()
            return Refused.TOO_LONG, ""
        message = bytes(buffer[1:end])
        del buffer[: end + len(END)]
        report = adt.bed_report(message, self._settings.hospital, self._clock.now())
        verdict = report if isinstance(report, Refused) else self._take(report)
        return verdict, adt.control_id(message)

    def _is_peer(self, writer: asyncio.StreamWriter) -> bool:
        name = writer.get_extra_info("peername")
        if not name:
            return False
        address = ip_address(str(name[0]).partition("%")[0])
        return any(address.version == network.version and address in network for network in self._settings.peers)


async def _more(reader: asyncio.StreamReader) -> bytes:
    octets = await reader.read(LONGEST)
    if not octets:
        raise _Ended
    return octets
