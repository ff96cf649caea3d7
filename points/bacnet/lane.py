"""The fast lane: hot, unsegmented services straight from octets, on the same socket as the library.

What it takes: answers to its own requests, and COV notifications. Everything else is handed on.
An answer counts only if its sender's address, its invoke id and its service are those of a request
that still waits; a late one is known as what it is, and is never taken for the answer to a later
request.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import structlog

from points.bacnet.addresses import device_of
from points.bacnet.datagrams import Sender
from points.bacnet.peers import FIRST_ID, Key, Peer, Peers, Reply, Waiting
from points.bacnet.port import Notification
from points.bacnet.routes import Routes
from points.bacnet.senders import Senders, shown
from points.bacnet.wire import frames, notifications, replies, requests
from points.errors import DeviceSilent, ProtocolError
from points.model import DeviceRef

SWEEP = 0.02  # seconds; how exactly a time-out is kept
INVALID_TAG = 4  # a Reject's reason
SEGMENTS_NOT_TAKEN = 4  # an Abort's

# PDU types (ASHRAE 135, clause 20.1.2), as the upper half of an APDU's first octet.
_CONFIRMED, _UNCONFIRMED, _SIMPLE_ACK, _COMPLEX_ACK = 0x00, 0x10, 0x20, 0x30
_ERROR, _REJECT, _ABORT = 0x50, 0x60, 0x70
_ANSWERS = frozenset({_SIMPLE_ACK, _COMPLEX_ACK, _ERROR, _REJECT, _ABORT})
_SEGMENTED = 0x08
_PLAIN = b"\x01\x00"  # the NPDU of a message between two stations of one network

# Services whose requests reach us as notifications; True where they carry several objects.
_UNCONFIRMED_SINGLE = 2
_CONFIRMED_COV = {1: False, 31: True}
_UNCONFIRMED_COV = {2: False, 11: True}

_log = structlog.get_logger(__name__)


class Segmented(Exception):
    """The answer comes in segments: the library has to ask for it."""


class Lane:
    """All that is asked in the lane and all that comes in by it."""

    def __init__(
        self,
        send: Callable[[bytes, Sender], None],
        *,
        notified: Callable[[Notification], None],
        late: Callable[[DeviceRef, float], None],
        errors: Senders,
        routes: Routes,
    ) -> None:
        self._send = send
        self._routes = routes
        self._notified = notified
        self._late = late
        self._errors = errors
        self._loop = asyncio.get_running_loop()
        self._peers = Peers()
        self._busy: set[Peer] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self.traffic: Counter[str] = Counter()

    def peer(self, device: DeviceRef) -> Peer:
        """The station of `device`; ValueError if its address is none."""
        return self._peers.of(device)

    def ask(self, peer: Peer, head: bytes, service: int, tail: bytes, timeout: float) -> asyncio.Future[Reply]:
        """Sends `head` + invoke id + `tail`; what comes of it is the acknowledgement.

        DeviceError for every other answer and for none, Segmented where the library has to ask. Whoever
        does not wait any more cancels it.
        """
        now = self._loop.time()
        id_ = peer.free_id(now)
        waiting = Waiting(service, self._loop.create_future(), now, now + timeout)
        to = peer.here or self._routes.to(peer.network)
        if to is None:
            raise DeviceSilent("no router leads there")
        try:
            self._send(b"%b%c%b" % (head, id_, tail), to)
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
                if not waiting.answer.done():
                    waiting.answer.set_exception(DeviceSilent("our own end was closed"))

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
            if frame.forwarded is not None:
                return self._forwarded(octets, frame)
            source = sender
            if network:
                self._routes.hear(network, source, self._loop.time())
        if len(octets) < at + 3:
            return False
        first = octets[at]
        kind = first & 0xF0
        if kind in _ANSWERS:
            if octets[at + 1] < FIRST_ID or (kind == _ABORT and not first & 1):
                return False
            self._answered((network, station) if network else source, octets, at, source)
            return True
        if kind == _UNCONFIRMED and octets[at + 1] in _UNCONFIRMED_COV:
            self._cov(octets, at + 2, source, network, station, multiple=_UNCONFIRMED_COV[octets[at + 1]])
            return True
        if kind == _CONFIRMED and not first & _SEGMENTED and len(octets) > at + 3 and octets[at + 3] in _CONFIRMED_COV:
            self._confirmed_cov(octets, at, source, network, station)
            return True
        return False

    def _forwarded(self, octets: bytes, frame: frames.Frame) -> bool:
        """What comes forwarded was broadcast, and names whom it likes as its origin.

        No value is taken from it; that a device was restarted (process 0) is heard, for it is verified.
        """
        at = frame.apdu
        if len(octets) < at + 3 or octets[at] & 0xF0 != _UNCONFIRMED or octets[at + 1] != _UNCONFIRMED_SINGLE:
            return False
        source = frame.forwarded
        if source is not None:
            self._cov(octets, at + 2, source, frame.network, frame.station, multiple=False, of_process=0)
        return True

    def _answered(self, key: Key, octets: bytes, at: int, source: Sender) -> None:
        peer, id_ = self._peers.at(key), octets[at + 1]
        waiting = peer.waiting.pop(id_, None) if peer is not None else None
        if peer is None or waiting is None:
            self._too_late(peer, id_)
            return
        if waiting.answer.done():  # whoever asked has gone
            self.traffic["unasked"] += 1
            return
        if peer.network:
            self._routes.prove(peer.network, source, self._loop.time())
        kind = octets[at] & 0xF0
        if kind == _COMPLEX_ACK and octets[at] & _SEGMENTED:
            self.traffic["handed_on"] += 1
            waiting.answer.set_exception(Segmented())
            self._tell(peer.return_head + requests.abort(id_, SEGMENTS_NOT_TAKEN, server=False), source)
        elif kind in (_COMPLEX_ACK, _SIMPLE_ACK, _ERROR) and octets[at + 2] != waiting.service:
            waiting.answer.set_exception(ProtocolError(f"the answer is to service {octets[at + 2]}"))
        elif kind in (_COMPLEX_ACK, _SIMPLE_ACK):
            waiting.answer.set_result(Reply(octets, at + 3))
        else:
            waiting.answer.set_exception(replies.refusal(octets, at, "the answer"))
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
            self._tell(head + bytes((_REJECT, id_, INVALID_TAG)), sender)
            raise
        self._tell(head + requests.simple_ack(id_, service), sender)

    def _tell(self, npdu: bytes, to: Sender) -> None:
        """What nobody waits for: if it cannot be sent, whoever should have it asks again."""
        with suppress(OSError):
            self._send(frames.unicast(npdu), to)

    def _cov(
        self,
        octets: bytes,
        at: int,
        sender: Sender,
        network: int,
        station: bytes,
        *,
        multiple: bool,
        of_process: int | None = None,
    ) -> None:
        for told in notifications.cov(octets, at, multiple=multiple):
            if of_process not in (None, told.process):
                self.traffic["forged"] += 1
                continue
            self.traffic["notifications"] += 1
            if told.undecodable:
                self._errors.count(shown(sender), told.undecodable)
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
        self._errors.count(shown(sender))
        _log.debug("a datagram that cannot be decoded", sender=shown(sender), error=str(error))
