"""What was known when: from rows to stretches of time, and from stretches to buckets. Pure.

A row's value holds from its time to the next row. A row that is not good, or a gap of the
writer, ends it; nothing is known from there to the next good row. What is not known is
missing: it is counted, never bridged.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Row(NamedTuple):
    """A sample as far as numbers go: `value` is None where nothing good was known."""

    ts: int
    value: float | None


class Gap(NamedTuple):
    start: int
    until: int


class Stretch(NamedTuple):
    """[start, until) with `good` milliseconds of known value in it."""

    start: int
    until: int
    low: float
    high: float
    mean: float
    last: float
    good: float
    rows: int


def stretches(rows: Iterable[Row], gaps: Sequence[Gap], since: int, until: int) -> Iterable[Stretch]:
    """The good stretches of [since, until). `rows` ascend, and begin with the last one at or before `since`."""
    held: Row | None = None
    for row in marked(rows, gaps):
        if held is not None and (stretch := _stretch(held, row.ts, since, until)):
            yield stretch
        held = row
    if held is not None and (stretch := _stretch(held, until, since, until)):
        yield stretch


def _stretch(held: Row, next_ts: int, since: int, until: int) -> Stretch | None:
    start, end = max(held.ts, since), min(next_ts, until)
    if held.value is None or end <= start:
        return None
    value = held.value
    return Stretch(start, end, value, value, value, value, end - start, int(held.ts >= since))


def marked(rows: Iterable[Row], gaps: Sequence[Gap]) -> list[Row]:
    """The rows, with each gap as a row without a value in place of those inside it."""
    if not gaps:
        return list(rows)
    outside = [row for row in rows if not any(gap.start <= row.ts < gap.until for gap in gaps)]
    return sorted([*outside, *(Row(gap.start, None) for gap in gaps)], key=lambda row: row.ts)


@dataclass(slots=True)
class Tally:
    """What is known of one bucket so far; stretches are added in order of time."""

    low: float | None = None
    high: float | None = None
    last: float | None = None
    good: float = 0.0
    count: int = 0
    _sum: float = field(default=0.0)

    def add(self, stretch: Stretch, good: float, *, begins: bool) -> None:
        self.low = stretch.low if self.low is None else min(self.low, stretch.low)
        self.high = stretch.high if self.high is None else max(self.high, stretch.high)
        self.last = stretch.last
        self.good += good
        self.count += stretch.rows if begins else 0
        self._sum += stretch.mean * good

    def hold(self, value: float, good: int) -> None:
        """The value was so for `good` milliseconds more."""
        if self.low is None or value < self.low:
            self.low = value
        if self.high is None or value > self.high:
            self.high = value
        self.last = value
        self.good += good
        self._sum += value * good

    @property
    def mean(self) -> float | None:
        if self.low is None or self.high is None or self.good <= 0:
            return None
        return min(max(self._sum / self.good, self.low), self.high)  # rounding must not leave the range


def fold(pieces: Iterable[Stretch], edges: Sequence[int]) -> list[Tally]:
    """A tally for each bucket between two edges. A stretch over an edge is shared out by time."""
    tallies = [Tally() for _ in edges[1:]]
    for piece in pieces:
        first = max(bisect_right(edges, piece.start) - 1, 0)
        for index in range(first, len(tallies)):
            start, end = max(piece.start, edges[index]), min(piece.until, edges[index + 1])
            if start >= piece.until:
                break
            if end > start:
                share = piece.good * (end - start) / (piece.until - piece.start)
                tallies[index].add(piece, share, begins=start == piece.start)
    return tallies


def tallied(rows: Iterable[Row], edges: Sequence[int]) -> list[Tally]:
    """`fold` of the `stretches` of rows that are `marked` already, without making them: for millions of rows."""
    tallies = [Tally() for _ in edges[1:]]
    since, until = edges[0], edges[-1]
    index, held_ts, held = 0, 0, None
    for ts, value in itertools.chain(rows, [Row(until, None)]):
        position, end = max(held_ts, since), min(ts, until)
        if held is not None and position < end:
            while edges[index + 1] <= position:
                index += 1
            tallies[index].count += held_ts >= since
            while position < end:
                stop = min(end, edges[index + 1])
                tallies[index].hold(held, stop - position)
                position = stop
                index += position == edges[index + 1] and position < end
        held_ts, held = ts, value
    return tallies
