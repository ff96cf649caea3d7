"""What the utility asks for now: the level of all its events together, and when that changes. Pure.

Guarantees:
- Where events overlap, the highest level counts.
- An event that asks for a random start begins late by a share of what it allows that depends on the event and the site
  alone: two sites do not begin at once, and a rehearsal, a restart and a replay begin when the agent does. It ends
  when it was told to end.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from schedules.feeds import DemandEvent
from schedules.policy import earliest

HIGHEST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is asked for at one moment."""

    level: int
    events: tuple[str, ...]  # ids of those that ask for this level
    until: datetime | None  # when it may be another


def begins(event: DemandEvent, site: str) -> datetime:
    """When the event begins here."""
    digest = hashlib.sha256(f"{site}\n{event.id}".encode()).digest()
    share = int.from_bytes(digest[:8]) / 2**64
    return event.start + timedelta(seconds=int(share * event.randomize.total_seconds()))


def call_at(events: Iterable[DemandEvent], now: datetime, site: str) -> Call:
    """What all events together ask for."""
    under_way, changes = [], []
    for event in events:
        begin = begins(event, site)
        if begin <= now < event.end:
            under_way.append(event)
            changes.append(event.end)
        elif now < begin < event.end:
            changes.append(begin)
    level = min(max((event.level for event in under_way), default=0), HIGHEST)
    asking = tuple(sorted(event.id for event in under_way if event.level >= level > 0))
    return Call(level=level, events=asking, until=earliest(changes))
