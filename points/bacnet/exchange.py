"""Confirmed requests: by the fast lane where it can carry them, by the library where it cannot.

Each request waits for its budget, is repeated after silence with another invoke id, and ends in an
answer or in a DeviceError whose sentence says what was asked of whom. What decides the way: a lane
needs a known router and an answer in one piece; the library finds routers and takes segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from points.bacnet.budgets import Budget, Budgets
from points.bacnet.lane import Lane, Peer, Reply, Segmented
from points.bacnet.library import Library
from points.bacnet.port import Answer, Property, Query
from points.bacnet.routes import Routes
from points.bacnet.wire import frames, replies, requests
from points.bacnet.wire.reading import Memory
from points.errors import AnsweredForAnother, DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref, Value
from points.passport import Oddity, Passports

T = TypeVar("T")

LONGEST_PATIENCE = 10.0  # seconds; a device whose answers come later than that is as good as silent
FIELD_CHARSET = "latin-1"  # what is labelled UTF-8 and is none, in the field
LATE_ALLOWANCE = 1.5  # times as long as its late answer took, a slow device is waited for

# Lists that are as long as the device is big: asked for with segments allowed, at once.
_LONG = frozenset({"object-list", "property-list", "structured-object-list", "subordinate-list"})
_NO_ROOM = frozenset({"segmentation-not-supported", "buffer-overflow"})
_APDU_SIZES = (50, 128, 206, 480, 1024, 1476)  # octets, by their code
_INVOKE_ID = 2  # where it stands in a confirmed request


@dataclass(slots=True, eq=False)
class _Framed:
    """A request as it goes to one station: all of its datagram but the invoke id, and what it has to wait for."""

    peer: Peer
    head: bytes  # up to the invoke id
    tail: bytes  # from the service choice on
    budget: Budget
    timeout: float
    retries: int
    version: int  # of the passports that all this was made by


@dataclass(slots=True, eq=False)
class _Kept:
    """What is kept of a query between two of its requests."""

    memory: Memory
    framed: _Framed
    charset: str  # of the passport, when it was made
    answers: Sequence[Answer] | None = None


class Exchange:
    """All confirmed requests of one stack."""

    def __init__(
        self,
        lane: Lane,
        library: Library,
        budgets: Budgets,
        routes: Routes,
        passports: Passports,
        errors: Counter[str],
        *,
        timeout: float,
        retries: int,
    ) -> None:
        self._lane = lane
        self._library = library
        self._budgets = budgets
        self._routes = routes
        self._passports = passports
        self._errors = errors
        self._timeout = timeout
        self._retries = retries

    async def read(self, query: Query) -> Sequence[Answer]:
        if not query.wanted:
            return ()
        kept = self._kept(query)
        if kept is None or (len(query.wanted) == 1 and _is_long(query.wanted[0])):
            return await self._by_library(query)
        memory = kept.memory
        try:
            reply = await self._ask(query.device, kept.framed, memory.service, urgent=query.urgent)
            decoded = memory.decoded
            answers = memory.take(reply.octets, reply.at)
        except Segmented:
            return await self._by_library(query)
        except DeviceError as error:
            if len(query.wanted) == 1 and isinstance(error, DeviceRefused) and error.code in _NO_ROOM:
                return await self._by_library(query)
            if isinstance(error, ProtocolError):
                self.strange(query.device)
            if isinstance(error, AnsweredForAnother):
                self._passports.odd(query.device, Oddity.SWAPPED_ANSWERS)
            raise _explained(error, _about(query)) from error
        if answers is kept.answers:
            self._lane.traffic["unchanged"] += 1
        elif memory.decoded != decoded:
            self._look_at(query.device, answers)
            if memory.mislabelled:
                self._mislabelled(query.device)
        kept.answers = answers
        return answers

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        """Once, whatever happens, and before everybody else."""
        async with self._budget(ref.device).urgent:
            try:
                await self._library.write(ref, value, priority)
            except ProtocolError:
                self.strange(ref.device)
                raise

    async def subscribe(self, device: DeviceRef, parameters: bytes, about: str, *, retries: int | None = None) -> None:
        """A SubscribeCOV. Its answer is short: it never needs the library, only a known router."""
        try:
            framed = self._framed(device, requests.SUBSCRIBE_COV, parameters)
            if framed is None:
                raise DeviceSilent("no router leads there")
            await self._ask(device, framed, requests.SUBSCRIBE_COV, retries=retries)
        except DeviceError as error:
            if isinstance(error, ProtocolError):
                self.strange(device)
            raise _explained(error, about) from error

    def took(self, device: DeviceRef) -> float | None:
        """Seconds from sending to the device's latest answer; None before its first."""
        return self._budget(device).took

    def _ask(
        self, device: DeviceRef, framed: _Framed, service: int, *, urgent: bool = False, retries: int | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """By the lane; each try has an invoke id of its own."""
        ask, peer, head, tail = self._lane.ask, framed.peer, framed.head, framed.tail
        return self._repeated(
            device,
            framed.budget,
            lambda timeout: ask(peer, head, service, tail, timeout),
            timeout=framed.timeout,
            retries=framed.retries if retries is None else retries,
            urgent=urgent,
        )

    async def _by_library(self, query: Query) -> Sequence[Answer]:
        """Each property by itself, in segments where it takes them."""
        self._lane.traffic["by_library"] += 1
        if len(query.wanted) == 1:
            return [await self._one_by_library(query.device, query.wanted[0], urgent=query.urgent)]
        answers: list[Answer] = []
        for wanted in query.wanted:
            try:
                answers.append(await self._one_by_library(query.device, wanted, urgent=query.urgent))
            except DeviceSilent:
                raise
            except DeviceError as error:
                answers.append(error)
        return answers

    async def _one_by_library(self, device: DeviceRef, wanted: Property, *, urgent: bool) -> Answer:
        about = f"{replies.of_property(wanted)} of {device}"

        async def once(_timeout: float) -> Answer:
            octets = await self._library.read(device, wanted, about)
            return replies.read_property(octets, 0, wanted, self._passports.of(device).charset)

        timeout, retries = self._patience(device)
        try:
            return await self._repeated(
                device, self._budget(device), once, timeout=timeout, retries=retries, urgent=urgent
            )
        except ProtocolError:
            self.strange(device)
            raise

    async def _repeated(
        self,
        device: DeviceRef,
        budget: Budget,
        once: Callable[[float], Awaitable[T]],
        *,
        timeout: float,  # noqa: ASYNC109 - of each try
        retries: int,
        urgent: bool,
    ) -> T:
        """`once`, inside the budget, and again after silence. It is told how long to wait."""
        if not budget.enters(urgent=urgent):
            await budget.enter(urgent=urgent)
        try:
            while True:
                sent = self._budgets.now()
                try:
                    answer = await once(timeout)
                except DeviceSilent:
                    budget.silent()
                    if retries <= 0:
                        self._doubt_router(device.network)
                        raise
                    retries -= 1
                    timeout, _ = self._patience(device)  # more, once an answer came late
                except (DeviceError, Segmented):  # an answer too
                    budget.answered(sent)
                    raise
                else:
                    budget.answered(sent)
                    return answer
        finally:
            budget.leave()

    def _patience(self, device: DeviceRef) -> tuple[float, int]:
        """(seconds that an answer is waited for, how often a request is repeated)"""
        passport = self._passports.of(device)
        retries = self._retries if passport.retries is None else passport.retries
        return passport.timeout or self._timeout, retries

    def _kept(self, query: Query) -> _Kept | None:
        """What is known of the query; None while the way to its device has to be found by the library."""
        kept = query.memory
        if isinstance(kept, _Kept):
            framed = kept.framed
            if framed.version == self._passports.version and not framed.peer.replaced:
                return kept
        try:
            passport = self._passports.of(query.device)
            if isinstance(kept, _Kept) and kept.charset == passport.charset:
                memory, answers = kept.memory, kept.answers
            else:
                memory, answers = Memory(query.wanted, passport.charset), None
        except ValueError as error:
            raise ProtocolError(f"{_about(query)}: cannot be asked ({error})") from error
        again = self._framed(query.device, memory.service, memory.parameters)
        if again is None:
            return None
        query.memory = renewed = _Kept(memory, again, passport.charset, answers)
        return renewed

    def _framed(self, device: DeviceRef, service: int, parameters: bytes) -> _Framed | None:
        """The request's datagram around its invoke id; None while no router to the device's network is known."""
        try:
            peer = self._lane.peer(device)
        except ValueError as error:
            raise ProtocolError(f"{device} cannot be asked ({error})") from error
        if peer is None:
            return None
        code = _apdu_code(self._passports.of(device).max_apdu)
        apdu = requests.confirmed(0, service, parameters, max_apdu_code=code)
        datagram = frames.unicast(peer.head + apdu)
        at = len(datagram) - len(apdu) + _INVOKE_ID
        timeout, retries = self._patience(device)
        version = self._passports.version
        return _Framed(peer, datagram[:at], datagram[at + 1 :], self._budget(device), timeout, retries, version)

    def _budget(self, device: DeviceRef) -> Budget:
        return self._budgets.of(device, self._routes.to(device.network))

    def _look_at(self, device: DeviceRef, answers: Sequence[Answer]) -> None:
        strange = sum(isinstance(answer, ProtocolError) for answer in answers)
        if strange:
            self._errors[str(device)] += strange

    def _doubt_router(self, network: int) -> None:
        """Nothing comes from there any more: the next request has the library look for a router."""
        if network and self._routes.is_silent(network, self._budgets.now()):
            self._routes.forget(network)
            self._library.forget_router(network)

    def _mislabelled(self, device: DeviceRef) -> None:
        self._passports.odd(device, Oddity.MISLABELLED_TEXT)
        if not self._passports.of(device).charset:
            self._passports.learn(device, charset=FIELD_CHARSET)

    def strange(self, device: DeviceRef) -> None:
        self._errors[str(device)] += 1

    def came_late(self, device: DeviceRef, after: float) -> None:
        """An answer to a request that was given up: the device is slow, not silent."""
        self._passports.odd(device, Oddity.LATE_ANSWERS)
        patience = min(LONGEST_PATIENCE, after * LATE_ALLOWANCE)
        if patience > (self._passports.of(device).timeout or self._timeout):
            self._passports.learn(device, timeout=round(patience, 1))


def _is_long(wanted: Property) -> bool:
    return wanted.index is None and wanted.name in _LONG


def _apdu_code(octets: int | None) -> int:
    """What we say that we take, as ASHRAE 135, clause 20.1.2.5 encodes it: no more than the way lets through."""
    if octets is None:
        return len(_APDU_SIZES) - 1
    return max((code for code, size in enumerate(_APDU_SIZES) if size <= octets), default=0)


def _about(query: Query) -> str:
    if len(query.wanted) == 1:
        return f"{replies.of_property(query.wanted[0])} of {query.device}"
    return f"{len(query.wanted)} properties of {query.device}"


def _explained(error: DeviceError, about: str) -> DeviceError:
    """The same error, in a sentence that says what was asked of whom."""
    text = f"{about}: {error}"
    return DeviceRefused(text, error.code) if isinstance(error, DeviceRefused) else type(error)(text)
