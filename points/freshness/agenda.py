"""What is to be done when, the earliest first. Putting a thing anew forgets its former time."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import count
from typing import Generic, TypeVar

T = TypeVar("T")

NEVER = float("inf")
_ROOM = 64  # forgotten times that are carried along before they are swept out


class Agenda(Generic[T]):
    """Times of things; each thing at most once."""

    def __init__(self) -> None:
        self._at: dict[T, float] = {}
        self._heap: list[tuple[float, int, T]] = []
        self._order = count()

    def __len__(self) -> int:
        return len(self._at)

    def __contains__(self, thing: T) -> bool:
        return thing in self._at

    def __iter__(self) -> Iterator[T]:
        return iter(list(self._at))

    def put(self, thing: T, at: float) -> None:
        self._at[thing] = at
        if len(self._heap) > 2 * len(self._at) + _ROOM:
            self._heap = [(when, next(self._order), which) for which, when in self._at.items()]
            heapq.heapify(self._heap)
        else:
            heapq.heappush(self._heap, (at, next(self._order), thing))

    def drop(self, thing: T) -> None:
        self._at.pop(thing, None)

    @property
    def next_at(self) -> float:
        """When the first is to be done; never, if there is none."""
        heap = self._heap
        while heap and self._at.get(heap[0][2]) != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else NEVER

    def take(self, now: float) -> list[T]:
        """All that are due, earliest first. They are on the agenda no more."""
        taken = []
        while self.next_at <= now:
            _, _, thing = heapq.heappop(self._heap)
            del self._at[thing]
            taken.append(thing)
        return taken

    def hasten(self, latest: float) -> None:
        """Nothing is later than `latest`: the clock was set back."""
        for thing, at in list(self._at.items()):
            if at > latest:
                self.put(thing, latest)
