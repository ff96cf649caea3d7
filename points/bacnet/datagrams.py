"""A UDP socket that gives every datagram to one function, in the order in which they came.

asyncio's own endpoints take one datagram in each turn of the loop and allocate a quarter of a
megabyte for it; when turns are long, answers wait behind notifications until they are too late, or
the kernel drops them. This one takes what has arrived, up to a limit, in every turn.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

_log = structlog.get_logger(__name__)

TAKEN_AT_ONCE = 64  # datagrams in one turn of the event loop; then timers and everybody else have theirs
LARGEST = 2048  # octets; a BACnet/IP datagram fits an Ethernet frame
LONGEST_BACKLOG = 4096  # datagrams that wait for room in the kernel; then the oldest are lost, as on any network

Sender = tuple[str, int]


class Datagrams:
    """One open socket in the running loop. Its `sendto` and `close` are those of an asyncio transport."""

    def __init__(self, opened: socket.socket, arrived: Callable[[bytes, Sender], None]) -> None:
        self._socket = opened
        self._arrived = arrived
        self._loop = asyncio.get_running_loop()
        self._backlog: deque[tuple[bytes, Sender]] = deque(maxlen=LONGEST_BACKLOG)
        self._loop.add_reader(opened.fileno(), self._take)

    def sendto(self, octets: bytes, address: Sender) -> None:
        """As `send`, but where there is no way the datagram is lost, as on any network: for the library."""
        try:
            self.send(octets, address)
        except OSError as error:
            _log.debug("a datagram cannot be sent", to=address, error=str(error))

    def send(self, octets: bytes, address: Sender) -> None:
        """Sends now, or as soon as the kernel has room; OSError where there is no way at all."""
        if self._backlog:
            self._backlog.append((octets, address))
            return
        try:
            self._socket.sendto(octets, address)
        except BlockingIOError:
            self._backlog.append((octets, address))
            self._loop.add_writer(self._socket.fileno(), self._flush)

    def close(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._loop.remove_writer(self._socket.fileno())
            self._socket.close()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._socket if name == "socket" else default

    def _take(self) -> None:
        receive, arrived = self._socket.recvfrom, self._arrived
        try:
            for _ in range(TAKEN_AT_ONCE):
                arrived(*receive(LARGEST))
        except OSError:  # there is no more, or the socket was closed meanwhile
            return

    def _flush(self) -> None:
        try:
            while self._backlog:
                self._socket.sendto(*self._backlog[0])
                self._backlog.popleft()
        except BlockingIOError:
            return
        except OSError:  # this one cannot be sent; the others may be
            self._backlog.popleft()
            return
        self._loop.remove_writer(self._socket.fileno())
