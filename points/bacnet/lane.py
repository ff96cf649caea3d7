"""The fast lane: hot, unsegmented services straight from octets, on the same socket as the library.

What it takes: answers to its own requests, and COV notifications. Everything else is handed on.
An answer counts only if its sender's address, its invoke id and its service are those of a request
that still waits. The lane's invoke ids are the upper half of all, the library's the lower: they
never collide. The id of a request that was given up is set aside, so that a late answer is known
as what it is, and is never taken for the answer to a later request.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import structlog

from points.bacnet.addresses import device_of, sender_of, station_of
from points.bacnet.datagrams import Sender
from points.bacnet.port import Notification
from points.bacnet.routes import Routes
from points.bacnet.wire import frames, notifications, replies, requests
from points.errors import DeviceError, DeviceSilent, ProtocolError
from points.model import DeviceRef

FIRST_ID = 128  # the library's are below
IDS = 128
SET_ASIDE = 60.0  # seconds in which an answer may still come to a request that was given up
SWEEP = 0.02  # seconds; how exactly a time-out is kept
INVALID_TAG, SEGMENTS_NOT_TAKEN = 4, 4  # a Reject's and an Abort's reason

# PDU types (ASHRAE 135, clause 20.1.2), as the upper half of an APDU's first octet.
_CONFIRMED, _UNCONFIRMED, _SIMPLE_ACK, _COMPLEX_ACK = 0x00, 0x10, 0x20, 0x30
_ERROR, _REJECT, _ABORT = 0x50, 0x60, 0x70
_ANSWERS = frozenset({_SIMPLE_ACK, _COMPLEX_ACK, _ERROR, _REJECT, _ABORT})
_SEGMENTED = 0x08
_PLAIN = b"\x01\x00"  # the NPDU of a message between two stations of one network

# Services whose requests reach us as notifications; True where they carry several objects.
_CONFIRMED_COV = {1: False, 31: True}
_UNCONFIRMED_COV = {2: False, 11: True}

_log = structlog.get_logger(__name__)

_Key = Sender | tuple[int, bytes]
"""A station: its IP address and port, or its network and MAC behind whichever router."""


class Reply(NamedTuple):
    """A positive answer: `octets` from `at` on are its service's parameters."""

    octets: bytes
    at: int


class Segmented(Exception):
    """The answer comes in segments: the library has to ask for it."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A request on its way."""

    service: int
    answer: asyncio.Future[Reply]
    sent: float
    until: float


class Peer:
    """A station that we ask: where its datagrams go, and which of its invoke ids are in use."""

    def __init__(self, device: DeviceRef, key: _Key, router: Sender, station: bytes) -> None:
        self.device = device
        self.key = key
        self.router = router  # itself, on our own network
        self.head = frames.head(device.network, station, expecting_reply=True)
        self.return_head = frames.head(device.network, station, expecting_reply=False)
        self.replaced = False  # another router leads to it now
        self.waiting: dict[int, _Waiting] = {}
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


class Lane:
    """All that is asked in the lane and all that comes in by it."""

    def __init__(
        self,
        send: Callable[[bytes, Sender], None],
        *,
        notified: Callable[[Notification], None],
        late: Callable[[DeviceRef, float], None],
        errors: Counter[str],
        routes: Routes,
    ) -> None:
        self._send = send
        self._routes = routes
        self._notified = notified
        self._late = late
        self._errors = errors
        self._loop = asyncio.get_running_loop()
        self._peers: dict[_Key, Peer] = {}
        self._busy: set[Peer] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self.traffic: Counter[str] = Counter()

    def peer(self, device: DeviceRef) -> Peer | None:
        """The station of `device`; None where no router to its network is known yet. ValueError: no address."""
        if not device.network:
            here = sender_of(device)
            return self._peers.get(here) or self._new_peer(device, here, here, b"")
        router = self._routes.to(device.network)
        if router is None:
            return None
        key = (device.network, station_of(device))
        known = self._peers.get(key)
        if known is None or known.router != router:
            return self._new_peer(device, key, router, key[1])
        return known

    def ask(self, peer: Peer, head: bytes, service: int, tail: bytes, timeout: float) -> asyncio.Future[Reply]:
        """Sends `head` + invoke id + `tail`; what comes of it is the acknowledgement.

        DeviceError for every other answer and for none, Segmented where the library has to ask. Whoever
        does not wait any more cancels it.
        """
        now = self._loop.time()
        id_ = peer.free_id(now)
        waiting = _Waiting(service, self._loop.create_future(), now, now + timeout)
        try:
            self._send(b"%b%c%b" % (head, id_, tail), peer.router)
        except OSError as error:
            raise DeviceSilent(f"cannot be sent ({error})") from error
        peer.waiting[id_] = waiting
        self._busy.add(peer)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP, self._sweep)
        self.traffic["requests"] += 1
        return waiting.answer

    def take(self, octets: bytes, sender: Sender) -> bool:
        """Whether this datagram was the lane's. One that is not is the library's."""
        try:
            return self._taken(octets, sender)
        except ProtocolError as error:
            self._wrong(sender, error)
            return True

    def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        for peer in self._busy:
            for waiting in peer.waiting.values():
                waiting.answer.cancel()

    def _taken(self, octets: bytes, sender: Sender) -> bool:
        if octets[4:6] == _PLAIN and octets[:2] == b"\x81\x0a":
            network, station, at, source = 0, b"", 6, sender
            if int.from_bytes(octets[2:4], "big") != len(octets):
                return False
        else:
            frame = frames.parse(octets)
            if frame is None:
                return False
            network, station, at = frame.network, frame.station, frame.apdu
            source = frame.forwarded or sender
            if network and self._routes.hear(network, source, self._loop.time()):
                for peer in self._peers.values():
                    peer.replaced = peer.replaced or peer.device.network == network
        if len(octets) < at + 3:
            return False
        first = octets[at]
        kind = first & 0xF0
        if kind in _ANSWERS:
            if octets[at + 1] < FIRST_ID or (kind == _ABORT and not first & 1):
                return False
            self._answered((network, station) if network else source, octets, at)
            return True
        if kind == _UNCONFIRMED and octets[at + 1] in _UNCONFIRMED_COV:
            self._cov(octets, at + 2, source, network, station, multiple=_UNCONFIRMED_COV[octets[at + 1]])
            return True
        if kind == _CONFIRMED and not first & _SEGMENTED and len(octets) > at + 3 and octets[at + 3] in _CONFIRMED_COV:
            self._confirmed_cov(octets, at, source, network, station)
            return True
        return False

    def _answered(self, key: _Key, octets: bytes, at: int) -> None:
        peer, id_ = self._peers.get(key), octets[at + 1]
        waiting = peer.waiting.pop(id_, None) if peer is not None else None
        if peer is None or waiting is None:
            self._too_late(peer, id_)
            return
        if waiting.answer.done():  # whoever asked has gone
            self.traffic["late"] += 1
            return
        kind = octets[at] & 0xF0
        if kind == _COMPLEX_ACK and octets[at] & _SEGMENTED:
            self.traffic["handed_on"] += 1
            abort = requests.abort(id_, SEGMENTS_NOT_TAKEN, server=False)
            self._send(frames.unicast(peer.return_head + abort), peer.router)
            waiting.answer.set_exception(Segmented())
        elif kind in (_COMPLEX_ACK, _SIMPLE_ACK, _ERROR) and octets[at + 2] != waiting.service:
            waiting.answer.set_exception(ProtocolError(f"the answer is to service {octets[at + 2]}"))
        elif kind in (_COMPLEX_ACK, _SIMPLE_ACK):
            waiting.answer.set_result(Reply(octets, at + 3))
        else:
            waiting.answer.set_exception(_refusal(octets, at))
        if not peer.waiting:
            self._busy.discard(peer)

    def _too_late(self, peer: Peer | None, id_: int) -> None:
        if peer is None or id_ not in peer.given_up:
            self.traffic["unasked"] += 1
            return
        self.traffic["late"] += 1
        self._late(peer.device, self._loop.time() - peer.given_up[id_])

    def _confirmed_cov(self, octets: bytes, at: int, sender: Sender, network: int, station: bytes) -> None:
        id_, service = octets[at + 2], octets[at + 3]
        head = frames.head(network, station, expecting_reply=False)
        try:
            self._cov(octets, at + 4, sender, network, station, multiple=_CONFIRMED_COV[service])
        except ProtocolError:
            self._send(frames.unicast(head + bytes((_REJECT, id_, INVALID_TAG))), sender)
            raise
        self._send(frames.unicast(head + requests.simple_ack(id_, service)), sender)

    def _cov(self, octets: bytes, at: int, sender: Sender, network: int, station: bytes, *, multiple: bool) -> None:
        for told in notifications.cov(octets, at, multiple=multiple):
            self.traffic["notifications"] += 1
            if told.undecodable:
                self._errors[_shown(sender)] += told.undecodable
            device = device_of(sender, network, station, told.device_instance)
            self._notified(
                Notification(
                    device=device,
                    process=told.process,
                    object_type=told.object_type,
                    instance=told.instance,
                    properties=told.properties,
                )
            )

    def _new_peer(self, device: DeviceRef, key: _Key, router: Sender, station: bytes) -> Peer:
        before = self._peers.get(key)
        peer = self._peers[key] = Peer(device, key, router, station)
        if before is not None:  # the ids that are in use stay in use
            peer.waiting, peer.given_up = before.waiting, before.given_up
        return peer

    def _sweep(self) -> None:
        now = self._loop.time()
        for peer in list(self._busy):
            for id_, waiting in list(peer.waiting.items()):
                if waiting.answer.done():  # whoever asked has gone
                    peer.give_up(id_, now)
                elif waiting.until <= now:
                    peer.give_up(id_, now)
                    waiting.answer.set_exception(DeviceSilent("no answer"))
            if not peer.waiting:
                self._busy.discard(peer)
        self._sweeping = self._loop.call_later(SWEEP, self._sweep) if self._busy else None

    def _wrong(self, sender: Sender, error: ProtocolError) -> None:
        self._errors[_shown(sender)] += 1
        _log.debug("a datagram that cannot be decoded", sender=_shown(sender), error=str(error))


def _refusal(octets: bytes, at: int) -> DeviceError:
    try:
        return replies.refusal(octets, at, "the answer")
    except ProtocolError as error:
        return error


def _shown(sender: Sender) -> str:
    return f"{sender[0]}:{sender[1]}"
