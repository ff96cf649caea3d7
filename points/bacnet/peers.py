"""The stations that we ask, and which of their invoke ids are in use.

The lane's invoke ids are the upper half of all, the library's the lower: they never collide. The id
of a request that was given up is set aside, so that a late answer is known as what it is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from points.bacnet.addresses import sender_of, station_of
from points.bacnet.datagrams import Sender
from points.bacnet.wire import frames
from points.errors import DeviceSilent
from points.model import DeviceRef

FIRST_ID = 128  # the library's are below
IDS = 128
SET_ASIDE = 60.0  # seconds in which an answer may still come to a request that was given up
MOST = 20_000  # stations that are remembered; more than any site has, and no more than a liar can make us keep

Key = Sender | tuple[int, bytes]
"""A station: its IP address and port, or its network and MAC behind whichever router."""


class Reply(NamedTuple):
    """A positive answer: `octets` from `at` on are its service's parameters."""

    octets: bytes
    at: int


@dataclass(slots=True, eq=False)
class Waiting:
    """A request on its way."""

    service: int
    answer: asyncio.Future[Reply]
    sent: float
    until: float


class Peer:
    """One station."""

    __slots__ = ("_aside", "_next", "device", "given_up", "head", "here", "network", "return_head", "waiting")

    def __init__(self, device: DeviceRef) -> None:
        """ValueError if the device's address is none."""
        station = station_of(device) if device.network else b""
        self.device = device  # the one of its devices that was asked last
        self.network = device.network
        self.here = None if device.network else sender_of(device)  # where its datagrams go, without a router
        self.head = frames.head(device.network, station, expecting_reply=True)
        self.return_head = frames.head(device.network, station, expecting_reply=False)
        self.waiting: dict[int, Waiting] = {}
        self.given_up: dict[int, float] = {}  # id -> when the request was sent
        self._aside: deque[tuple[float, int]] = deque()
        self._next = 0

    def free_id(self, now: float) -> int:
        """An id that no answer of this station can carry but the one to the next request."""
        while self._aside and (self._aside[0][0] <= now or len(self._aside) >= IDS - 1):
            self.given_up.pop(self._aside.popleft()[1], None)
        for _ in range(IDS):
            id_ = FIRST_ID + self._next
            self._next = (self._next + 1) % IDS
            if id_ not in self.waiting and id_ not in self.given_up:
                return id_
        raise DeviceSilent("too many requests are on their way to it")

    def give_up(self, id_: int, now: float) -> None:
        waiting = self.waiting.pop(id_, None)
        if waiting is not None:
            self.given_up[id_] = waiting.sent
            self._aside.append((now + SET_ASIDE, id_))


class Peers:
    """All stations, by where they are."""

    def __init__(self) -> None:
        self._peers: dict[Key, Peer] = {}

    def of(self, device: DeviceRef) -> Peer:
        """The station of `device`; ValueError if its address is none."""
        key: Key = (device.network, station_of(device)) if device.network else sender_of(device)
        peer = self._peers.get(key)
        if peer is None:
            if len(self._peers) >= MOST:
                self._make_room()
            peer = self._peers[key] = Peer(device)
        peer.device = device
        return peer

    def at(self, key: Key) -> Peer | None:
        return self._peers.get(key)

    def _make_room(self) -> None:
        """Forgets stations of which nothing is expected any more."""
        idle = [key for key, peer in self._peers.items() if not peer.waiting and not peer.given_up]
        for key in idle[: MOST // 2] or list(self._peers)[:1]:
            del self._peers[key]
