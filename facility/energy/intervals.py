"""Quarters of an hour, hours and sums out of what meters said. Pure.

A demand interval is a quarter of an hour by the civil clock (every zone of today is off UTC by whole quarters). It is
known if its power was known for nine tenths of it; otherwise it is unknown, never bridged. A counter knows what was
used during a gap, though not when: sums go across gaps, intervals do not. A counter that runs over is added to; one
that was restarted or replaced is counted from zero; one that goes back a little has counted nothing; what drops out of
line and comes back, or leaps out of it and falls back, was never counted and is left out. With any of these but the
first, the sum is told as "at least".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from points.history import Quarter, Stretch

QUARTER_S = 900
QUARTER_MS = QUARTER_S * 1000
HOUR_MS = 4 * QUARTER_MS
ENOUGH = 0.9
"""Of a quarter of an hour whose power must be known for its demand to be."""
FULL, EMPTY = 0.9, 0.1
"""A counter that falls from above this share of its digits to below that one has run over."""
RESTARTED = 0.5
"""A counter that falls below this share of what it was begins anew; one that falls less goes back."""
DROPPED_OUT = 96
"""Readings, a day of them, within which a counter that dropped out of line is looked for again."""


class Interval(NamedTuple):
    """Demand of a quarter of an hour; None: not known."""

    start: int  # milliseconds since 1970
    kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a meter measured over a time. `known`: which share of that time it speaks of."""

    kwh: float | None
    known: float
    at_least: bool = False
    notes: tuple[str, ...] = ()


def demands(power: Iterable[Quarter], factor: float, since: int, until: int) -> list[Interval]:
    """From a power. One interval for every quarter of [since, until)."""
    found = {quarter.start: quarter for quarter in power if isfinite(quarter.mean)}
    known = ENOUGH * QUARTER_S
    return [
        Interval(start, found[start].mean * factor if start in found and found[start].good >= known else None)
        for start in range(since, until, QUARTER_MS)
    ]


def counted_demands(counter: Sequence[Quarter], factor: float, since: int, until: int) -> list[Interval]:
    """The same from a counter: known where two quarters in a row were, and it ran on between them."""
    steps = {
        later.start: _step(before.last, later.last)
        for before, later in pairwise(in_line(counter))
        if later.start - before.start == QUARTER_MS
    }
    return [
        Interval(start, step.used * factor * 4 if (step := steps.get(start)) is not None and step.sure else None)
        for start in range(since, until, QUARTER_MS)
    ]


class _Step(NamedTuple):
    used: float
    sure: bool
    note: str = ""


def _step(before: float, after: float) -> _Step:
    if after >= before:
        return _Step(after - before, sure=True)
    turn = 10.0 ** len(str(int(max(before, 1.0))))
    if before >= FULL * turn and after <= EMPTY * turn:
        return _Step(turn - before + after, sure=True, note=f"ran over at {turn:,.0f}")
    fell = f"fell from {before:,.1f} to {after:,.1f}"
    if after < RESTARTED * before:
        return _Step(max(after, 0.0), sure=False, note=f"{fell}: restarted or replaced")
    return _Step(0.0, sure=False, note=f"{fell}: went back")


def in_line(every: Iterable[Quarter]) -> list[Quarter]:
    """Without readings that cannot be of a counter: between two that go on, one above both; or some far below both."""
    counter = [quarter for quarter in every if isfinite(quarter.last)]
    found: list[Quarter] = []
    at = 0
    while at < len(counter):
        one = counter[at]
        after = counter[at + 1].last if at + 1 < len(counter) else None
        if found and after is not None and found[-1].last <= after < one.last:
            at += 1
            continue
        found.append(one)
        at = _back_in_line(counter, at) if after is not None and after < one.last else at + 1
    return found


def _back_in_line(counter: Sequence[Quarter], at: int) -> int:
    """Where it goes on after a fall: where it comes back in one leap, larger than all that it counted below."""
    before, lowest = counter[at].last, counter[at + 1].last
    for place in range(at + 2, min(at + 2 + DROPPED_OUT, len(counter))):
        here, last = counter[place].last, counter[place - 1].last
        if here >= before:
            return place if here - last > last - lowest else at + 1
    return at + 1


def counted(counter: Sequence[Quarter], factor: float, since: int, until: int) -> Used:
    """What a counter counted in [since, until); `counter` may begin earlier: what stood at `since` is in there."""
    before = [quarter for quarter in counter if quarter.start < since]
    inside = [quarter for quarter in counter if since <= quarter.start < until]
    every = [*before[-1:], *inside]
    read = in_line(every)
    if len(read) < 2:
        return Used(kwh=None, known=0.0)
    out = len(every) - len(read)
    left_out = (f"{out} {'reading' if out == 1 else 'readings'} out of line left out",) if out else ()
    steps = [_step(one.last, other.last) for one, other in pairwise(read)]
    first, last = max(since, read[0].start + QUARTER_MS), read[-1].start + QUARTER_MS
    return Used(
        kwh=sum(step.used for step in steps) * factor,
        known=max(0.0, min(1.0, (last - first) / (until - since))),
        at_least=bool(out) or not all(step.sure for step in steps),
        notes=(*(step.note for step in steps if step.note), *left_out),
    )


def summed(power: Iterable[Quarter], factor: float, since: int, until: int) -> Used:
    """What a power comes to while it was known."""
    inside = [quarter for quarter in power if since <= quarter.start < until and isfinite(quarter.mean)]
    good = sum(quarter.good for quarter in inside)
    if not good:
        return Used(kwh=None, known=0.0)
    kwh = sum(quarter.mean * quarter.good for quarter in inside) * factor / 3600
    share = good * 1000 / (until - since)
    return Used(kwh=kwh, known=min(1.0, share), at_least=share < ENOUGH)


def hourly(intervals: Iterable[Interval]) -> dict[int, float]:
    """Hour -> its mean power; only of hours all of whose quarters are known."""
    found: dict[int, list[float]] = {}
    for start, kw in intervals:
        if kw is not None:
            found.setdefault(start - start % HOUR_MS, []).append(kw)
    return {hour: sum(known) / 4 for hour, known in found.items() if len(known) == 4}


class Window(NamedTuple):
    """The demand interval that is under way, as far as it is known."""

    mean: float | None  # until now
    projected: float | None  # at its end, if the power stays as it is
    unknown_s: float  # of what has passed


def window(known: Sequence[Stretch], factor: float, kw: float | None, start: int, now: int) -> Window:
    """`known`: what is known of [start, now). What is not is taken for like the rest; half of it must be known."""
    passed = max(now - start, 0) / 1000
    good = sum(stretch.good for stretch in known) / 1000
    mean = sum(stretch.mean * stretch.good for stretch in known) * factor / 1000 / good if good else None
    unknown = max(0.0, passed - good)
    if kw is None or (passed and (mean is None or good < passed / 2)):
        return Window(mean, None, unknown)
    return Window(mean, projected(mean or 0.0, passed, kw), unknown)


def projected(mean: float, passed_s: float, kw: float, length_s: float = QUARTER_S) -> float:
    """The mean of the whole window if the power stays at `kw` (domain 4, row 9)."""
    passed = min(max(passed_s, 0.0), length_s)
    return (mean * passed + kw * (length_s - passed)) / length_s


def excess(expected: float, limit: float, passed_s: float, length_s: float = QUARTER_S) -> float:
    """How much less power for the rest of the window keeps its mean at the limit; negative: the room there is."""
    rest = max(length_s - passed_s, 1.0)
    return (expected - limit) * length_s / rest
