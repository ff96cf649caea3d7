"""The one place where the present state of the building lives.

Readings come in through `PointStore.put` and through nothing else. Whoever wants to know
them opens a `PointStore.watch`, which yields every current reading first and every later
one after it, with no gap in between.

A watcher that falls behind skips intermediate readings. It is never left with a stale
one, and it never slows down the writer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager

from points.model import PointId, Quality, Reading, Source


class PointStore:
    """Latest reading per point; the only writer's door is `put`."""

    def __init__(self) -> None:
        self._latest: dict[PointId, Reading] = {}
        self._counts: Counter[tuple[Quality, Source]] = Counter()
        self._watches: set[Watch] = set()

    def __len__(self) -> int:
        return len(self._latest)

    def __iter__(self) -> Iterator[PointId]:
        """The points that have been read."""
        return iter(self._latest)

    def put(self, reading: Reading) -> None:
        """Makes `reading` the present one of its point. Later is newer, whatever a clock that was set says."""
        before = self._latest.get(reading.point)
        self._latest[reading.point] = reading
        if before is None or before.quality is not reading.quality or before.source is not reading.source:
            self._counts[reading.quality, reading.source] += 1
            if before is not None:
                self._counts[before.quality, before.source] -= 1
        for watch in self._watches:
            watch.offer(reading)

    def get(self, point: PointId) -> Reading | None:
        """The present reading; None if the point has never been read."""
        return self._latest.get(point)

    def counts(self) -> Mapping[tuple[Quality, Source], int]:
        """How many of the present readings are of each quality and source."""
        return self._counts

    def snapshot(self) -> Mapping[PointId, Reading]:
        """All present readings, consistent with each other."""
        return dict(self._latest)

    @contextmanager
    def watch(self, wanted: Callable[[PointId], bool] | None = None) -> Iterator[Watch]:
        """A stream of readings, conflated per point, that begins with every present one."""
        watch = Watch(wanted)
        for reading in self._latest.values():
            watch.offer(reading)
        self._watches.add(watch)
        try:
            yield watch
        finally:
            self._watches.discard(watch)


class Watch:
    """One watcher's view: what it has not seen yet, at most one reading per point."""

    def __init__(self, wanted: Callable[[PointId], bool] | None) -> None:
        self._wanted = wanted
        self._unseen: dict[PointId, Reading] = {}
        self._something = asyncio.Event()

    def offer(self, reading: Reading) -> None:
        """Called by the store. A newer reading replaces an unseen one of the same point."""
        if self._wanted is None or self._wanted(reading.point):
            if not self._unseen:
                self._something.set()
            self._unseen[reading.point] = reading

    async def batch(self) -> list[Reading]:
        """Everything not seen yet; waits until there is something. For consumers that work in bulk."""
        await self._something.wait()
        return self.take()

    def take(self) -> list[Reading]:
        """Everything not seen yet, at once: perhaps nothing. For consumers with a pace of their own."""
        unseen, self._unseen = self._unseen, {}
        self._something.clear()
        return list(unseen.values())

    def __aiter__(self) -> AsyncIterator[Reading]:
        return self._each()

    async def _each(self) -> AsyncIterator[Reading]:
        while True:
            await self._something.wait()
            first = next(iter(self._unseen))
            reading = self._unseen.pop(first)
            if not self._unseen:
                self._something.clear()
            yield reading
