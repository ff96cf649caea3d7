"""Confirmed requests: by the fast lane where it can carry them, by the library where it cannot.

Each request waits for its turn, is repeated after silence with another invoke id and in another turn,
and ends in an answer or in a DeviceError whose sentence says what was asked of whom. What decides the
way: the lane needs a known router and an answer in one piece; the library finds routers and takes segments.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from points.bacnet.budgets import Budget, Budgets
from points.bacnet.framing import Framed, Framing, about
from points.bacnet.lane import Lane, Segmented
from points.bacnet.library import Library
from points.bacnet.peers import Reply
from points.bacnet.port import Answer, Property, Query
from points.bacnet.routes import Routes
from points.bacnet.senders import Senders
from points.bacnet.wire import replies, requests
from points.errors import AnsweredForAnother, DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef, Ref, Value
from points.passport import Oddity, Passports

T = TypeVar("T")

LONGEST_PATIENCE = 10.0  # seconds; a device whose answers come later than that is as good as silent
LATE_ALLOWANCE = 1.5  # times as long as its late answer took, a slow device is waited for

# Lists that are as long as the device is big: asked for with segments allowed, at once.
_LONG = frozenset({"object-list", "property-list", "structured-object-list", "subordinate-list"})
_NO_ROOM = frozenset({"segmentation-not-supported", "buffer-overflow"})


class Exchange:
    """All confirmed requests of one stack."""

    def __init__(
        self,
        *,
        lane: Lane,
        library: Library,
        framing: Framing,
        budgets: Budgets,
        routes: Routes,
        passports: Passports,
        errors: Senders,
    ) -> None:
        self._lane = lane
        self._library = library
        self._framing = framing
        self._budgets = budgets
        self._routes = routes
        self._passports = passports
        self._errors = errors

    async def read(self, query: Query) -> Sequence[Answer]:
        if not query.wanted:
            return ()
        alone = len(query.wanted) == 1
        kept = self._framing.kept(query)
        if kept is None or (alone and _is_long(query.wanted[0])):
            return await self._by_library(query)
        memory = kept.memory
        try:
            reply = await self._ask(query.device, kept.framed, urgent=query.urgent)
            decoded = memory.decoded
            answers = memory.take(reply.octets, reply.at)
        except Segmented:
            if alone:
                return await self._by_library(query)
            text = f"{about(query)}: the answer comes in segments"
            raise DeviceRefused(text, "segmentation-not-supported") from None  # whoever asked asks for less
        except DeviceError as error:
            if alone and isinstance(error, DeviceRefused) and error.code in _NO_ROOM:
                return await self._by_library(query)
            if isinstance(error, ProtocolError):
                self.strange(query.device)
            if isinstance(error, AnsweredForAnother):
                self._passports.odd(query.device, Oddity.SWAPPED_ANSWERS)
            raise _explained(error, about(query)) from error
        if answers is kept.answers:
            self._lane.traffic["unchanged"] += 1
        elif memory.decoded != decoded:
            self._look_at(query.device, answers)
            if memory.mislabelled:
                self._passports.odd(query.device, Oddity.MISLABELLED_TEXT)
        kept.answers = answers
        return answers

    async def write(self, ref: Ref, value: Value | None, priority: int) -> None:
        """Once, whatever happens, and before everybody else."""

        async def once(_timeout: float) -> None:
            await self._lead(ref.device.network)
            await self._library.write(ref, value, priority)

        try:
            await self._repeated(ref.device, self._framing.budget(ref.device), once, timeout=0, retries=0, urgent=True)
        except ProtocolError:
            self.strange(ref.device)
            raise

    async def read_as(self, device: DeviceRef, wanted: Property, decode: Callable[[bytes], T], *, urgent: bool) -> T:
        """One property of a constructed type, whose tags `decode` understands; in segments where it takes them."""
        about = f"{replies.of_property(wanted)} of {device}"

        async def once(_timeout: float) -> T:
            await self._lead(device.network)
            octets = replies.value_in(await self._library.read(device, wanted, about), wanted)
            try:
                return decode(octets)
            except ProtocolError as error:
                raise ProtocolError(f"{about} cannot be decoded: {error}") from None

        timeout, retries = self._framing.patience(device)
        budget = self._framing.budget(device)
        try:
            return await self._repeated(device, budget, once, timeout=timeout, retries=retries, urgent=urgent)
        except ProtocolError:
            self.strange(device)
            raise

    async def write_constructed(self, device: DeviceRef, wanted: Property, octets: bytes) -> None:
        """Once, whatever happens, and before everybody else."""
        about = f"write to {replies.of_property(wanted)} of {device}"

        async def once(_timeout: float) -> None:
            await self._lead(device.network)
            await self._library.write_constructed(device, wanted, octets, about)

        try:
            await self._repeated(device, self._framing.budget(device), once, timeout=0, retries=0, urgent=True)
        except ProtocolError:
            self.strange(device)
            raise

    async def subscribe(self, device: DeviceRef, parameters: bytes, about: str, *, retries: int | None = None) -> None:
        """A SubscribeCOV. Its answer is short: it never needs the library, only a known router."""
        try:
            framed = self._framing.framed(device, requests.SUBSCRIBE_COV, parameters)
            if framed is None:
                raise DeviceSilent("no router leads there")
            await self._ask(device, framed, retries=retries)
        except DeviceError as error:
            if isinstance(error, ProtocolError):
                self.strange(device)
            raise _explained(error, about) from error

    def took(self, device: DeviceRef) -> float | None:
        """Seconds from sending to the device's latest answer; None before its first."""
        return self._framing.budget(device).took

    def strange(self, device: DeviceRef) -> None:
        """It answered with what cannot be an answer."""
        self._errors.count(str(device))

    def came_late(self, device: DeviceRef, after: float) -> None:
        """An answer to a request that was given up: the device is slow, not silent."""
        self._passports.odd(device, Oddity.LATE_ANSWERS)
        patience = min(LONGEST_PATIENCE, after * LATE_ALLOWANCE)
        if patience > self._framing.patience(device)[0]:
            self._passports.learn(device, timeout=round(patience, 1))

    def _ask(
        self, device: DeviceRef, framed: Framed, *, urgent: bool = False, retries: int | None = None
    ) -> Coroutine[Any, Any, Reply]:
        """By the lane; each try has an invoke id of its own."""
        ask, peer, head, service, tail = self._lane.ask, framed.peer, framed.head, framed.service, framed.tail
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
            await self._lead(device.network)
            octets = await self._library.read(device, wanted, about)
            return replies.read_property(octets, 0, wanted, self._passports.of(device).charset)

        timeout, retries = self._framing.patience(device)
        budget = self._framing.budget(device)
        try:
            answer = await self._repeated(device, budget, once, timeout=timeout, retries=retries, urgent=urgent)
        except ProtocolError:
            self.strange(device)
            raise
        if device.network and (router := self._library.router_to(device.network)) is not None:
            self._routes.prove(device.network, router, self._budgets.now())
        return answer

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
        """`once` in a turn of its own, and again after silence. It is told how long to wait."""
        while True:
            if not budget.enters(urgent=urgent):
                await budget.enter(urgent=urgent)
            sent = self._budgets.now()
            try:
                answer = await once(timeout)
            except DeviceSilent:
                budget.silent(device)
                if retries <= 0:
                    self._doubt_router(device.network)
                    raise
            except (DeviceError, Segmented):  # an answer too
                budget.answered(device, sent)
                raise
            else:
                budget.answered(device, sent)
                return answer
            finally:
                budget.leave()
            retries -= 1
            timeout, _ = self._framing.patience(device)  # more, once an answer came late

    def _look_at(self, device: DeviceRef, answers: Sequence[Answer]) -> None:
        strange = sum(isinstance(answer, ProtocolError) for answer in answers)
        if strange:
            self._errors.count(str(device), strange)

    async def _lead(self, network: int) -> None:
        """The library goes the way that the lane knows."""
        router = self._routes.to(network)
        if network and router is not None:
            await self._library.lead(network, router)

    def _doubt_router(self, network: int) -> None:
        """Nothing is answered from there any more: the next request has the library look for a router."""
        now = self._budgets.now()
        if network and self._routes.is_silent(network, now):
            self._routes.forget(network, now)
            self._library.forget_router(network)


def _is_long(wanted: Property) -> bool:
    return wanted.index is None and wanted.name in _LONG


def _explained(error: DeviceError, about: str) -> DeviceError:
    """The same error, in a sentence that says what was asked of whom."""
    text = f"{about}: {error}"
    return DeviceRefused(text, error.code) if isinstance(error, DeviceRefused) else type(error)(text)
