"""Facts, told once to everyone who listens, and never conflated.

A listener gets every event told while it listens, in order. One that falls more than `LIMIT`
events behind loses the oldest, and is told how many in an event of its own: never silently.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from points.model import Event, EventKind

LIMIT = 10_000  # what a listener may be behind before it loses events; a burst of a whole site's points


class Events:
    """Tell here; listen anywhere."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self.told = 0

    def tell(self, event: Event) -> None:
        self.told += 1
        for listener in self._listeners:
            listener.hear(event)

    @contextmanager
    def listen(self) -> Iterator[Listener]:
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)


class Listener:
    """One listener's queue; iterate it."""

    def __init__(self) -> None:
        self._queue: deque[Event] = deque()
        self._lost = 0
        self._something = asyncio.Event()

    def hear(self, event: Event) -> None:
        if len(self._queue) >= LIMIT:
            self._queue.popleft()
            self._lost += 1
        self._queue.append(event)
        self._something.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            await self._something.wait()
            if self._lost:
                lost, self._lost = self._lost, 0
                text = f"{lost} events were lost: this listener was too slow"
                yield Event(kind=EventKind.SYSTEM, time=datetime.now(UTC), about="events", text=text)
            event = self._queue.popleft()
            if not self._queue:
                self._something.clear()
            yield event
