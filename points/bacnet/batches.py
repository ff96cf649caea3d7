"""Reading many properties of one device in as few requests as it can bear.

The size of a request follows from the device's APDU size; when the device aborts it, the size is
halved and remembered. A device that turns out not to serve ReadPropertyMultiple is read one by
one from then on. A property that cannot be read never costs the others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import structlog

from points.bacnet.port import Answer, Bacnet, Property, Query
from points.errors import DeviceError, DeviceRefused, DeviceSilent, ProtocolError
from points.model import DeviceRef

_log = structlog.get_logger(__name__)

TOO_BIG = frozenset(
    {"buffer-overflow", "segmentation-not-supported", "apdu-too-long", "out-of-resources", "too-many-arguments"}
    | {"other", "application-exceeded-reply-time"}  # what devices say who have no better word for it
)
NOT_SERVED = frozenset({"unrecognized-service", "optional-functionality-not-supported", "service-request-denied"})

# Octets of an answer: fixed part, then per object and per property (tags and identifiers), then the value.
_HEADER, _PER_OBJECT, _PER_PROPERTY = 12, 7, 7
_VALUE_OCTETS = {"object-name": 40, "description": 56, "state-text": 160, "active-text": 16, "inactive-text": 16}
_PLAIN_VALUE = 6  # a REAL with its tag, an object identifier, an enumeration
_LARGE_BATCH = 64  # properties; more in one request makes the whole wait for the slowest object


class Batches:
    """How one device is read. Keeps what it learned for as long as it lives."""

    def __init__(self, bacnet: Bacnet, device: DeviceRef, *, max_apdu: int, reads_multiple: bool) -> None:
        self._bacnet = bacnet
        self._device = device
        self._octets = max_apdu
        self._limit = _LARGE_BATCH
        self.reads_multiple = reads_multiple

    async def read(self, wanted: Sequence[Property]) -> list[Answer]:
        """An answer for each property; raises DeviceSilent when the device does not answer at all."""
        return [answer async for answers in self.stream(wanted) for answer in answers]

    async def stream(self, wanted: Sequence[Property]) -> AsyncIterator[list[Answer]]:
        """The answers to `wanted` in order, batch by batch as they come."""
        done = 0
        while done < len(wanted):
            answers = await self._next(self._fitting(wanted, done))
            done += len(answers)
            if answers:
                yield answers

    async def one(self, wanted: Property) -> Answer:
        """One property by itself."""
        try:
            return await self._bacnet.read(self._device, wanted)
        except DeviceSilent:
            raise
        except DeviceError as error:
            return error

    async def _next(self, batch: Sequence[Property]) -> list[Answer]:
        if len(batch) == 1 or not self.reads_multiple:
            return [await self.one(batch[0])]
        try:
            return list(await self._bacnet.read_many(Query(self._device, tuple(batch))))
        except DeviceRefused as refused:
            if refused.code in NOT_SERVED:
                self.reads_multiple = False
                _log.info("reads one by one from now on", device=str(self._device), because=refused.code)
                return []
            if refused.code in TOO_BIG:
                self._limit = max(1, len(batch) // 2)
                _log.info("reads less at once", device=str(self._device), limit=self._limit, because=refused.code)
                return []
            return await self._halves(batch)  # something in it offends; the rest can be read
        except ProtocolError:
            return await self._halves(batch)

    async def _halves(self, batch: Sequence[Property]) -> list[Answer]:
        middle = len(batch) // 2
        answers: list[Answer] = []
        for half in (batch[:middle], batch[middle:]):
            done: list[Answer] = []
            while len(done) < len(half):
                done += await self._next(half[len(done) :][: self._limit])
            answers += done
        return answers

    def _fitting(self, wanted: Sequence[Property], start: int) -> Sequence[Property]:
        """As many of `wanted` from `start` on as one answer can hold."""
        octets, object_ = _HEADER, None
        for position in range(start, min(len(wanted), start + self._limit)):
            property_ = wanted[position]
            octets += _VALUE_OCTETS.get(property_.name, _PLAIN_VALUE) + _PER_PROPERTY
            if (property_.object_type, property_.instance) != object_:
                object_ = (property_.object_type, property_.instance)
                octets += _PER_OBJECT
            if octets > self._octets and position > start:
                return wanted[start:position]
        return wanted[start : start + self._limit]
