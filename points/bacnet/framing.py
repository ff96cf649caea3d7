"""Requests as they go to a station, made once and kept with their query as long as nothing about it changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from points.bacnet.budgets import Budget, Budgets
from points.bacnet.datagrams import Sender
from points.bacnet.lane import Lane
from points.bacnet.peers import Peer
from points.bacnet.port import Answer, Query
from points.bacnet.routes import Routes
from points.bacnet.wire import frames, replies, requests
from points.bacnet.wire.reading import Memory
from points.errors import ProtocolError
from points.model import DeviceRef
from points.passport import Passport, Passports

_APDU_SIZES = (50, 128, 206, 480, 1024, 1476)  # octets, by their code
_INVOKE_ID = 2  # where it stands in a confirmed request


@dataclass(slots=True, eq=False)
class Framed:
    """A request as it goes to one station: all of its datagram but the invoke id, and what it has to wait for."""

    peer: Peer
    head: bytes  # up to the invoke id
    tail: bytes  # from the service choice on
    service: int
    budget: Budget
    router: Sender | None
    timeout: float
    retries: int
    passport: Passport  # that all this was made by
    version: int  # of all passports, then


@dataclass(slots=True, eq=False)
class Kept:
    """What is kept of a query between two of its requests."""

    memory: Memory
    framed: Framed
    answers: Sequence[Answer] | None = None


class Framing:
    """Frames requests by what is known of their devices and of the way to them."""

    def __init__(
        self, lane: Lane, budgets: Budgets, routes: Routes, passports: Passports, *, timeout: float, retries: int
    ) -> None:
        self._lane = lane
        self._budgets = budgets
        self._routes = routes
        self._passports = passports
        self._timeout = timeout
        self._retries = retries

    def kept(self, query: Query) -> Kept | None:
        """What is known of the query; None while the way to its device has to be found by the library."""
        before = query.memory if isinstance(query.memory, Kept) else None
        if before is not None and self._holds(query.device, before.framed):
            return before
        charset = self._passports.of(query.device).charset
        try:
            same = before is not None and before.memory.charset == charset
            memory = before.memory if before is not None and same else Memory(query.wanted, charset)
        except ValueError as error:
            raise ProtocolError(f"{about(query)}: cannot be asked ({error})") from error
        framed = self.framed(query.device, memory.service, memory.parameters)
        if framed is None:
            return None
        kept = query.memory = Kept(memory, framed, before.answers if before is not None and same else None)
        return kept

    def framed(self, device: DeviceRef, service: int, parameters: bytes) -> Framed | None:
        """The request's datagram around its invoke id; None while no router to the device's network is known."""
        try:
            peer = self._lane.peer(device)
        except ValueError as error:
            raise ProtocolError(f"{device} cannot be asked ({error})") from error
        router = self._routes.to(device.network)
        if device.network and router is None:
            return None
        passport = self._passports.of(device)
        apdu = requests.confirmed(0, service, parameters, max_apdu_code=_apdu_code(passport.max_apdu))
        datagram = frames.unicast(peer.head + apdu)
        at = len(datagram) - len(apdu) + _INVOKE_ID
        timeout, retries = self.patience(device)
        return Framed(
            peer=peer,
            head=datagram[:at],
            tail=datagram[at + 1 :],
            service=service,
            budget=self.budget(device),
            router=router,
            timeout=timeout,
            retries=retries,
            passport=passport,
            version=self._passports.version,
        )

    def budget(self, device: DeviceRef) -> Budget:
        return self._budgets.of(device, self._routes.to(device.network))

    def patience(self, device: DeviceRef) -> tuple[float, int]:
        """(seconds that an answer is waited for, how often a request is repeated)"""
        passport = self._passports.of(device)
        retries = self._retries if passport.retries is None else passport.retries
        return passport.timeout or self._timeout, retries

    def _holds(self, device: DeviceRef, framed: Framed) -> bool:
        """Whether nothing has changed of what the request was framed by."""
        if framed.version != self._passports.version:
            if framed.passport is not self._passports.of(device):
                return False
            framed.version = self._passports.version  # it was somebody else's
        return not device.network or framed.router == self._routes.to(device.network)


def about(query: Query) -> str:
    """What is asked of whom, for a sentence."""
    if len(query.wanted) == 1:
        return f"{replies.of_property(query.wanted[0])} of {query.device}"
    return f"{len(query.wanted)} properties of {query.device}"


def _apdu_code(octets: int | None) -> int:
    """What we say that we take, as ASHRAE 135, clause 20.1.2.5 encodes it: no more than the way lets through."""
    if octets is None:
        return len(_APDU_SIZES) - 1
    return max((code for code, size in enumerate(_APDU_SIZES) if size <= octets), default=0)
