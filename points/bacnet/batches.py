"""Reading many properties of one device in as few requests as it can bear.

The size of a request follows from the device's APDU size; when the device aborts it, the size is
halved. A device that turns out not to serve ReadPropertyMultiple is read one by one from then on.
Both are written into its passport, so that nobody tries again what is known to fail, but rarely. What
the site says of the device wins. A property that cannot be read never costs the others.

Properties that are read again and again are given as the same tuple each time: how it was cut into
requests is remembered, so that who answers them can recognise a reply.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import structlog

from points.bacnet.port import Answer, Bacnet, Property, Query
from points.clock import Clock
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef
from points.passport import Oddity, Passport, Passports

_log = structlog.get_logger(__name__)

TOO_BIG = frozenset(
    {"buffer-overflow", "segmentation-not-supported", "apdu-too-long", "out-of-resources", "too-many-arguments"}
    | {"other", "application-exceeded-reply-time"}  # what devices say who have no better word for it
)
NOT_SERVED = frozenset({"unrecognized-service", "optional-functionality-not-supported", "service-request-denied"})

LARGER_AFTER = 86_400.0  # seconds before a request is tried that is larger than what was once aborted
MULTIPLE_AFTER = 7 * 86_400.0  # seconds before ReadPropertyMultiple is tried again where it was not served

# Octets of an answer: fixed part, then per object and per property (tags and identifiers), then the value.
_HEADER, _PER_OBJECT, _PER_PROPERTY = 12, 7, 7
_VALUE_OCTETS = {"object-name": 40, "description": 56, "state-text": 160, "active-text": 16, "inactive-text": 16}
_ARRAY = 80  # a priority array that is full of REALs
_PLAIN_VALUE = 6  # a REAL with its tag, an object identifier, an enumeration
_APDU_SIZES = (50, 128, 206, 480, 1024)  # octets; what a way to a device may let through
_SHORT = 128  # octets; such an answer arrives nearly wherever any does
_LARGE_BATCH = 64  # properties; more in one request makes the whole wait for the slowest object
_TORN = 4  # times that a request is larger than the part of an object that is left to the next one
_CUTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Cut:
    """Properties as they go into requests, and the limits that they were cut to."""

    wanted: tuple[Property, ...]  # kept, because it is known by its identity
    limits: tuple[int, int]
    queries: tuple[Query, ...]


class Batches:
    """How one device is read. What it learns is kept in the device's passport."""

    def __init__(
        self,
        bacnet: Bacnet,
        device: DeviceRef,
        *,
        max_apdu: int,
        reads_multiple: bool,
        passports: Passports | None = None,
        clock: Clock | None = None,  # without one, what is known to fail is never tried again
    ) -> None:
        self._bacnet = bacnet
        self._device = device
        self._max_apdu = max_apdu
        self._advertised = reads_multiple
        self._passports = passports if passports is not None else Passports()
        self._clock = clock
        self._larger_at = self._now() + LARGER_AFTER
        self._multiple_at = self._now() + MULTIPLE_AFTER
        self._borne = 0  # octets of the longest answer that arrived, as estimated
        self._trial = 0  # properties in a request that is larger than proven; 0: none is tried
        self._cuts: OrderedDict[int, _Cut] = OrderedDict()

    @property
    def reads_multiple(self) -> bool:
        found = self._passport.reads_multiple
        return self._advertised if found is None else found

    async def read(self, wanted: Sequence[Property], *, urgent: bool = False) -> list[Answer]:
        """An answer for each property; raises DeviceSilent when the device does not answer at all.

        `urgent`: somebody's command waits for it.
        """
        return [answer async for answers in self.stream(wanted, urgent=urgent) for answer in answers]

    async def stream(self, wanted: Sequence[Property], *, urgent: bool = False) -> AsyncIterator[Sequence[Answer]]:
        """The answers to `wanted` in order, batch by batch as they come.

        For a tuple that was read before, the very same answers object means that nothing in it changed.
        """
        done = 0
        while done < len(wanted):
            self._dare()
            for query in self._cut(wanted, done):
                answers = await self._next(Query(query.device, query.wanted, urgent) if urgent else query)
                if not answers:
                    break  # the limits have changed
                done += len(answers)
                yield answers

    async def one(self, wanted: Property, *, urgent: bool = False) -> Answer:
        """One property by itself."""
        try:
            return await self._bacnet.read(self._device, wanted, urgent=urgent)
        except DeviceSilent:
            raise
        except DeviceError as error:
            return error

    def _cut(self, wanted: Sequence[Property], done: int) -> Sequence[Query]:
        limits = self._limits()
        if done or not isinstance(wanted, tuple):
            return self._queries(wanted, done, limits)
        cut = self._cuts.get(id(wanted))
        if cut is None or cut.wanted is not wanted or cut.limits != limits:
            cut = _Cut(wanted, limits, tuple(self._queries(wanted, 0, limits)))
            self._cuts[id(wanted)] = cut
            if len(self._cuts) > _CUTS_KEPT:
                self._cuts.popitem(last=False)
        self._cuts.move_to_end(id(wanted))
        return cut.queries

    def _queries(self, wanted: Sequence[Property], start: int, limits: tuple[int, int]) -> list[Query]:
        queries = []
        while start < len(wanted):
            end = _fitting(wanted, start, *limits)
            queries.append(Query(self._device, tuple(wanted[start:end])))
            start = end
        return queries

    async def _next(self, query: Query) -> Sequence[Answer]:
        """The answers; none when they have to be asked for in another way."""
        if len(query.wanted) == 1:
            return [await self.one(query.wanted[0], urgent=query.urgent)]
        try:
            answers = await self._bacnet.read_many(query)
        except DeviceSilent:
            tried, self._trial = self._trial, 0
            if not tried and await self._is_lost_on_the_way(query):
                return []
            raise
        except DeviceRefused as refused:
            if refused.code in NOT_SERVED and self._served_no_more(refused.code):
                return []
            if refused.code in TOO_BIG and self._smaller(len(query.wanted), refused.code):
                return []
            return await self._halves(query)  # something in it offends; the rest can be read
        except ProtocolError:
            return await self._halves(query)
        if len(answers) != len(query.wanted):
            return await self._halves(query)  # whose they are cannot be told
        self._borne = max(self._borne, _octets(query.wanted))
        if self._trial or not self._passport.reads_multiple:
            self._proven(len(query.wanted))
        return answers

    async def _halves(self, query: Query) -> Sequence[Answer]:
        wanted, middle = query.wanted, len(query.wanted) // 2
        answers: list[Answer] = []
        for half in (wanted[:middle], wanted[middle:]):
            answers += await self.read(list(half), urgent=query.urgent)
        return answers

    async def _is_lost_on_the_way(self, query: Query) -> bool:
        """Whether the device answers, but an answer of this size never arrives: then less is asked from now on.

        Only what was never borne is suspected, when the same in small pieces is answered in full and the whole,
        tried once more, is not: an answer may be lost by chance, or a device may drop what it does not know.
        """
        octets = _octets(query.wanted)
        smaller = max((size for size in _APDU_SIZES if size < min(octets, self._limits()[1])), default=None)
        if octets <= self._borne or smaller is None or not self.reads_multiple or self._overruled("max_apdu"):
            return False
        pieces = self._queries(query.wanted, 0, (_LARGE_BATCH, _SHORT))
        if len(pieces) == 1:
            return False
        for piece in pieces:
            await self._bacnet.read_many(Query(piece.device, piece.wanted, query.urgent))  # or it raises DeviceSilent
        try:
            await self._bacnet.read_many(query)
        except DeviceSilent:
            _log.info("long answers do not arrive", device=str(self._device), limit=smaller)
            self._passports.learn(self._device, max_apdu=smaller)
        except DeviceError:
            pass  # an answer
        return True

    @property
    def _passport(self) -> Passport:
        return self._passports.of(self._device)

    def _limits(self) -> tuple[int, int]:
        """(properties, octets) of one request and its answer."""
        passport = self._passport
        octets = self._max_apdu if passport.max_apdu is None else min(self._max_apdu, passport.max_apdu)
        multiple = self._advertised if passport.reads_multiple is None else passport.reads_multiple
        if self._trial:
            return self._trial, octets
        if not multiple:
            return 1, octets
        return min(_LARGE_BATCH, passport.rpm_limit or _LARGE_BATCH), octets

    def _dare(self) -> None:
        """Whether it is time to try a little more than what is known to work."""
        if self._clock is None or self._trial:
            return
        now = self._now()
        passport = self._passport
        if now >= self._multiple_at:
            self._multiple_at = now + MULTIPLE_AFTER
            if passport.reads_multiple is False and not self._overruled("reads_multiple"):
                self._trial = 2
        if now >= self._larger_at:
            self._larger_at = now + LARGER_AFTER
            limit = passport.rpm_limit
            if limit is not None and limit < _LARGE_BATCH and self.reads_multiple and not self._overruled("rpm_limit"):
                self._trial = min(_LARGE_BATCH, limit + max(1, limit // 4))

    def _proven(self, size: int) -> None:
        if self._passport.reads_multiple is not True:
            self._passports.learn(self._device, reads_multiple=True)
            self._trial = 0
        if self._trial and size > (self._passport.rpm_limit or 0):
            self._passports.learn(self._device, rpm_limit=None if size >= _LARGE_BATCH else size)
            self._trial = 0

    def _served_no_more(self, code: str) -> bool:
        """Notes that the device does not serve ReadPropertyMultiple; False if the site knows better."""
        self._trial = 0
        if self._overruled("reads_multiple") and self.reads_multiple:
            return False
        if self._passport.reads_multiple is not False:
            _log.info("reads one by one from now on", device=str(self._device), because=code)
        self._passports.learn(self._device, reads_multiple=False)
        if self._advertised:
            self._passports.odd(self._device, Oddity.REJECTS_RPM)
        return True

    def _smaller(self, size: int, code: str) -> bool:
        """Notes that `size` properties are too many; False if the site knows better."""
        before = self._limits()[0]
        tried, self._trial = self._trial, 0
        if not tried:
            self._passports.learn(self._device, rpm_limit=max(1, size // 2))
            self._larger_at = self._now() + LARGER_AFTER
        limit = self._limits()[0]
        if limit != before:
            _log.info("reads less at once", device=str(self._device), limit=limit, because=code)
        return limit < size

    def _overruled(self, name: str) -> bool:
        return name in self._passports.overruled(self._device)

    def _now(self) -> float:
        return 0.0 if self._clock is None else self._clock.now().timestamp()


def _fitting(wanted: Sequence[Property], start: int, limit: int, room: int) -> int:
    """The end of as many of `wanted` from `start` on as one answer can hold; one at least.

    An object is not torn in two where that costs little.
    """
    octets, object_, whole = _HEADER, None, start
    end = min(len(wanted), start + limit)
    for position in range(start, end):
        property_ = wanted[position]
        octets += _value(property_) + _PER_PROPERTY
        if (property_.object_type, property_.instance) != object_:
            object_ = (property_.object_type, property_.instance)
            octets += _PER_OBJECT
            whole = position
        if octets > room and position > start:
            end = position
            break
    if end == len(wanted) or (wanted[end].object_type, wanted[end].instance) != object_:
        return end
    return whole if 0 < (end - whole) * _TORN <= end - start else end


def _octets(wanted: Sequence[Property]) -> int:
    """How long the answer may be."""
    objects = len({(each.object_type, each.instance) for each in wanted})
    values = sum(_value(each) + _PER_PROPERTY for each in wanted)
    return _HEADER + objects * _PER_OBJECT + values


def _value(wanted: Property) -> int:
    if wanted.name == "priority-array" and wanted.index is None:
        return _ARRAY
    return _VALUE_OCTETS.get(wanted.name, _PLAIN_VALUE)
