"""A clock that stands until a test moves it."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class ManualClock:
    def __init__(self, now=NOON):
        self.time = now
        self._order = itertools.count()
        self._sleepers = []

    def now(self):
        return self.time

    def sleep(self, seconds):
        """From the moment of the call, not from when a task gets its turn: no advance in between is lost."""
        done = asyncio.Event()
        heapq.heappush(self._sleepers, (self.time + timedelta(seconds=seconds), next(self._order), done))
        return done.wait()

    def advance(self, **delta):
        self.time += timedelta(**delta)
        while self._sleepers and self._sleepers[0][0] <= self.time:
            heapq.heappop(self._sleepers)[2].set()
