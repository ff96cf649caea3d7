"""The one place where the present state of the building lives.

Readings come in through `PointStore.put` and through nothing else. Whoever wants to know
them opens a `PointStore.watch`, which yields every current reading first and every later
one after it, with no gap in between.

A watcher that falls behind skips intermediate readings. It is never left with a stale
one, and it never slows down the writer.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager

from points.model import PointId, Reading


class PointStore:
    """Latest reading per point; the only writer's door is `put`."""

    def __init__(self) -> None:
        self._latest: dict[PointId, Reading] = {}
        self._watches: set[Watch] = set()

    def put(self, reading: Reading) -> None:
        """Makes `reading` the present one of its point. Later is newer, whatever a clock that was set says."""
        self._latest[reading.point] = reading
        for watch in self._watches:
            watch.offer(reading)

    def get(self, point: PointId) -> Reading | None:
        """The present reading; None if the point has never been read."""
        return self._latest.get(point)

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
            self._unseen[reading.point] = reading
            self._something.set()

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
