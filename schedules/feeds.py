"""What others tell the agent, as policies see it: beds, bookings, events of the utility. Frozen nouns.

Nothing in here can carry a person: a space, a state and times. Who decodes and checks what arrives is the facility's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from points.model import SpaceId

BEDS, BOOKINGS, EVENTS = "beds", "bookings", "events"
"""The feeds by name."""

STALE_AFTER = timedelta(minutes=30)  # domain row 6: a silent bed feed says nothing any more


class BedState(StrEnum):
    """HL7 table 0116."""

    CLOSED = "C"
    HOUSEKEEPING = "H"
    ISOLATED = "I"
    CONTAMINATED = "K"
    OCCUPIED = "O"
    UNOCCUPIED = "U"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bed:
    """The state of one bed since `since`, as its feed tells it."""

    space: SpaceId
    bed: str  # "" where a room has one
    state: BedState
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """A room is expected to be in use."""

    space: SpaceId
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandEvent:
    """The utility asks for less: 0 normal, 1 moderate, 2 high, 3 special (OpenADR 2.0b SIMPLE levels)."""

    id: str
    level: int
    start: datetime
    end: datetime
    randomize: timedelta = timedelta(0)  # begin up to so much later, so that not everybody does at once
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feeds:
    """All that is known from outside at one moment."""

    beds: Mapping[SpaceId, tuple[Bed, ...]] = field(default_factory=dict)
    bookings: Mapping[SpaceId, tuple[Booking, ...]] = field(default_factory=dict)
    events: tuple[DemandEvent, ...] = ()
    opted_out: str = ""  # why no event is obeyed now, in a person's words; "" if they are
    heard: Mapping[str, datetime] = field(default_factory=dict)  # feed -> when it last said anything at all

    def is_fresh(self, feed: str, now: datetime) -> bool:
        """Whether the feed has been heard of lately: silence is not a state."""
        heard = self.heard.get(feed)
        return heard is not None and timedelta(0) <= now - heard <= STALE_AFTER


NOTHING_HEARD = Feeds(beds=MappingProxyType({}), bookings=MappingProxyType({}), heard=MappingProxyType({}))
