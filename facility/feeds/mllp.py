"""Takes bed status by HL7 v2 over MLLP: a frame is `<VT> message <FS> <CR>`, and each has one answer.

- Only from the peers that the configuration names; at most so many connections, each with bounded frames and waits.
  Where all are taken, the one that has been silent for longest makes room: an engine that was cut off comes back.
- With a certificate, by TLS only; with `ca_file`, only from those who have a certificate of it.
- A message is taken when it is exactly a bed status (`facility.feeds.adt`). Any other is answered with a refusal, is
  counted by its reason and forgotten: its octets are in one buffer of this module, and nowhere else.
- A sender that is faster than `PACE` messages a second waits for its answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
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
GIVES_WAY_S = 30.0  # a connection that has been silent for so long, where another needs its place
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
    tls: Callable[[], ssl.SSLContext] | None = None
    """Read whenever the port is opened; None: not encrypted."""


@dataclass(slots=True)
class _Line:
    """One connection, and when it last said anything, by the loop's clock."""

    heard: float
    task: asyncio.Task[None] | None = field(default=None)


class _Ended(Exception):
    """The connection is over. Says nothing of what was on it."""


class MllpServer:
    """The service."""

    name = "feeds-hl7"

    def __init__(self, settings: MllpSettings, take: Take, clock: Clock) -> None:
        self._settings = settings
        self._take = take
        self._clock = clock
        self._open: list[_Line] = []
        self._answers = 0
        self.tally = Tally()
        self.listening = False
        self.port = 0

    @property
    def connections(self) -> int:
        return len(self._open)

    async def run(self) -> None:
        where, tls = self._settings, self._settings.tls
        server = await asyncio.start_server(
            self._connected,
            where.host,
            where.port,
            limit=LONGEST,
            ssl=None if tls is None else tls(),
            ssl_handshake_timeout=None if tls is None else WHOLE_S,
            ssl_shutdown_timeout=None if tls is None else GOODBYE_S,
        )
        self.port = server.sockets[0].getsockname()[1]
        self.listening = True
        log.info("bed status is taken by HL7", host=where.host, port=self.port, tls=tls is not None)
        try:
            async with server:
                await server.serve_forever()
        finally:
            self.listening = False
            tasks = [line.task for line in self._open if line.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._is_peer(writer) or not self._has_room():
            self.tally.refuse(Refused.PEER)
            writer.transport.abort()
            return
        line = _Line(asyncio.get_running_loop().time())
        self._open.append(line)
        line.task = asyncio.create_task(self._serve(reader, writer, line), name="hl7 connection")
        line.task.add_done_callback(lambda _: self._left(line))

    def _left(self, line: _Line) -> None:
        if line in self._open:
            self._open.remove(line)

    def _has_room(self) -> bool:
        if len(self._open) < CONNECTIONS:
            return True
        quietest = min(self._open, key=lambda line: line.heard)
        if asyncio.get_running_loop().time() - quietest.heard < GIVES_WAY_S or quietest.task is None:
            return False
        quietest.task.cancel()
        self._open.remove(quietest)
        return True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: _Line) -> None:
        try:
            with contextlib.suppress(_Ended, OSError, TimeoutError):
                await self._converse(reader, writer, line)
        finally:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await writer.wait_closed()
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: _Line) -> None:
        buffer = bytearray()
        verdict = None
        while verdict not in (Refused.TOO_LONG, Refused.NOT_READABLE):  # then nobody knows where the next frame begins
            verdict, control = await self._next(reader, buffer)
            line.heard = asyncio.get_running_loop().time()
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
        return self._verdict(message), adt.control_id(message)

    def _verdict(self, message: bytes) -> Refused | None:
        try:
            report = adt.bed_report(message, self._settings.hospital, self._clock.now())
            return report if isinstance(report, Refused) else self._take(report)
        except Exception as fault:  # noqa: BLE001 - a fault of ours, whose text could hold what was read
            log.error("reading a feed failed", fault=type(fault).__name__)  # noqa: TRY400 - for the same reason
            return Refused.NOT_READABLE

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
