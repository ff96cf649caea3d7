"""How long each space was as it must be, was not, and was not known. Pure.

The rules are those of the live picture (`facility.standing`): a space is out as soon as one of its limited points is,
unknown while one of them is, in only if all are. Limits are those of the profiles of today. Where roll-ups cannot say
it and the readings are gone, what may have been out counts as out and what may have been unknown as unknown: never
flattering. In, out and unknown of a day always add up to its length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from facility.energy.intervals import QUARTER_MS, QUARTER_S
from facility.profiles import Abnormal, Limit
from facility.standing import Standing
from points.history import Quarter, Stretch

WHOLE = QUARTER_S - 1.0
"""Seconds of a quarter of an hour that must be known for it to be known as a whole; less missing is rounding."""


class Seconds(NamedTuple):
    """Of a quarter of an hour, or of a sum of them."""

    inside: float
    outside: float
    unknown: float

    def plus(self, other: Seconds) -> Seconds:
        return Seconds(self.inside + other.inside, self.outside + other.outside, self.unknown + other.unknown)


NOTHING = Seconds(0.0, 0.0, 0.0)
UNKNOWN = Seconds(0.0, 0.0, float(QUARTER_S))


@dataclass(frozen=True, slots=True)
class Part:
    """What a roll-up says of one point: for how long it was known, and how it stood; None: it changed."""

    good: float
    standing: Standing | None

    @property
    def whole(self) -> bool:
        return self.good <= 0 or (self.good >= WHOLE and self.standing is not None)


def part(rule: Limit | Abnormal, quarter: Quarter | None) -> Part:
    if quarter is None or quarter.good <= 0:
        return Part(0.0, None)
    return Part(min(quarter.good, float(QUARTER_S)), _standing(rule, quarter.low, quarter.high))


def _standing(rule: Limit | Abnormal, low: float, high: float) -> Standing | None:
    """Of all values between; None if it is not the same for all, or one of them cannot be."""
    if isinstance(rule, Abnormal):
        if low != high:
            return None
        return Standing.OUT if int(low) in rule.states else Standing.IN
    if rule.sane is not None and max(abs(low), abs(high)) > rule.sane:
        return None
    if rule.magnitude:
        if low < 0 < high:
            return None
        low, high = sorted((abs(low), abs(high)))
    if not rule.excess(low) and not rule.excess(high):
        return Standing.IN
    beneath = rule.low is not None and high < rule.low
    above = rule.high is not None and low > rule.high
    return Standing.OUT if beneath or above else None


def together(parts: Sequence[Part]) -> Seconds | None:
    """Of a space, from all its points; None: roll-ups cannot say it exactly."""
    if not parts:
        return UNKNOWN
    if all(each.whole for each in parts):
        if any(each.good > 0 and each.standing is Standing.OUT for each in parts):
            return Seconds(0.0, float(QUARTER_S), 0.0)
        if any(each.good <= 0 for each in parts):
            return UNKNOWN
        return Seconds(float(QUARTER_S), 0.0, 0.0)
    if len(parts) == 1 and parts[0].standing is not None:
        good = parts[0].good
        out = good if parts[0].standing is Standing.OUT else 0.0
        return Seconds(good - out, out, QUARTER_S - good)
    return None


def at_worst(parts: Iterable[Part]) -> Seconds:
    """What the roll-ups allow at the worst."""
    many = list(parts)
    out = min(float(QUARTER_S), sum(each.good for each in many if each.good > 0 and each.standing is not Standing.IN))
    unknown = min(QUARTER_S - out, sum(QUARTER_S - each.good for each in many))
    return Seconds(QUARTER_S - out - unknown, out, unknown)


def exactly(
    rules: Mapping[str, Limit | Abnormal], known: Mapping[str, Sequence[Stretch]], start: int, end: int | None = None
) -> Seconds:
    """From `start` to `end`, at most a quarter of an hour, from what was known of every point to the millisecond."""
    end = start + QUARTER_MS if end is None else end
    edges = {start, end}
    good: list[list[tuple[int, int, bool]]] = []
    for point, rule in rules.items():
        spans = list(_spans(rule, known.get(point, ()), start, end))
        good.append(spans)
        edges.update(edge for span in spans for edge in span[:2])
    totals = dict.fromkeys(Standing, 0.0)
    at = [0] * len(good)
    cuts = sorted(edges)
    for left, right in pairwise(cuts):
        standing = Standing.IN
        for number, spans in enumerate(good):
            while at[number] < len(spans) and spans[at[number]][1] <= left:
                at[number] += 1
            here = at[number] < len(spans) and spans[at[number]][0] <= left
            if here and spans[at[number]][2]:
                standing = Standing.OUT
            elif not here and standing is not Standing.OUT:
                standing = Standing.UNKNOWN
        totals[standing] += (right - left) / 1000
    return Seconds(totals[Standing.IN], totals[Standing.OUT], totals[Standing.UNKNOWN])


def _spans(rule: Limit | Abnormal, known: Iterable[Stretch], start: int, end: int) -> Iterator[tuple[int, int, bool]]:
    """From when to when something that can be was known, and whether it was out."""
    for stretch in known:
        left, right = max(stretch.start, start), min(stretch.until, end)
        if left >= right or (isinstance(rule, Limit) and rule.sane is not None and abs(stretch.last) > rule.sane):
            continue
        outside = rule.excess(stretch.last) if isinstance(rule, Limit) else int(stretch.last) in rule.states
        yield left, right, outside
