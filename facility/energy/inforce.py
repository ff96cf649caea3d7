"""From when to when what was in force, from the audit's lines about slots. Pure.

A policy is in force while it holds at least one slot in a device. What was held when the time began is known by its
end, or by the claim that still stands. A hold that neither ended on record nor stands is taken to have ended at once:
what is not proven is credited to nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from facility.audit.holds import Line
from facility.energy.intervals import HOUR_MS
from facility.model import Claim, is_policy

LOOK_BACK = timedelta(days=8)
"""How much earlier the audit is read, so that what was held over a week end is seen to begin."""
EFFECTIVE = "held"
"""How the result of a hold begins that took effect; outranked, mismatched, failed and refused ones do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A value that stood in a slot. `until` None: it still does."""

    point: str
    priority: int
    by: str
    value: str
    reason: str
    since: datetime
    until: datetime | None


def held(lines: Iterable[Line], standing: Iterable[Claim], begin: datetime) -> list[Held]:
    """Everything that was held by policies from `begin` on, in the order in which it began."""
    claims = {(claim.point, int(claim.priority)): claim for claim in standing if is_policy(claim.by)}
    open_: dict[tuple[str, int], Line] = {}
    touched: set[tuple[str, int]] = set()
    found: list[Held] = []
    for line in lines:
        key = (line.point, line.priority)
        before = open_.get(key)
        if line.action == "hold" and line.result.startswith(EFFECTIVE):
            if before is not None:
                found.append(_ended(before, line.time))
            open_[key] = line
        elif _lets_go(line):
            if before is not None:
                found.append(_ended(open_.pop(key), line.time))
            elif line.action == "release" and is_policy(line.by) and key not in touched:
                found.append(_ended(line, line.time, since=begin))
        else:
            continue
        touched.add(key)
    for key, line in open_.items():
        claim = claims.get((key[0], key[1]))  # type: ignore[arg-type]
        stands = claim is not None and claim.by == line.by
        found.append(_ended(line, None if stands else line.time))
    for key, claim in claims.items():
        if key not in touched and claim.since <= begin:
            found.append(
                Held(
                    point=claim.point,
                    priority=int(claim.priority),
                    by=claim.by,
                    value=str(claim.value),
                    reason=claim.reason,
                    since=begin,
                    until=None,
                )
            )
    return sorted((one for one in found if is_policy(one.by)), key=lambda one: one.since)


def _lets_go(line: Line) -> bool:
    if line.action == "release":
        return line.result.startswith("released")
    return line.action == "drop" or line.result.startswith(("outranked", "mismatch"))


def _ended(line: Line, until: datetime | None, since: datetime | None = None) -> Held:
    return Held(
        point=line.point,
        priority=line.priority,
        by=line.by,
        value=line.value,
        reason=line.reason,
        since=since or line.time,
        until=until,
    )


def shares(holds: Iterable[Held], since: int, until: int) -> Mapping[str, Mapping[int, float]]:
    """Policy -> hour (milliseconds since 1970) -> share of it in which the policy was in force."""
    by_policy: dict[str, list[Held]] = defaultdict(list)
    for one in holds:
        by_policy[one.by.partition(":")[2]].append(one)
    hours = ((policy, _by_hour(spans(of, since, until))) for policy, of in by_policy.items())
    return {policy: by_hour for policy, by_hour in hours if by_hour}


def _merged(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def spans(holds: Iterable[Held], since: int, until: int) -> list[tuple[int, int]]:
    """From when to when (milliseconds since 1970) at least one of them stood, as far as it is within."""
    clipped = (
        (max(_ms(one.since), since), until if one.until is None else min(_ms(one.until), until)) for one in holds
    )
    return _merged(sorted(span for span in clipped if span[0] < span[1]))


def _by_hour(spans: Iterable[tuple[int, int]]) -> dict[int, float]:
    found: dict[int, float] = defaultdict(float)
    for start, end in spans:
        for hour in range(start - start % HOUR_MS, end, HOUR_MS):
            found[hour] += (min(end, hour + HOUR_MS) - max(start, hour)) / HOUR_MS
    return dict(found)


def _ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)
