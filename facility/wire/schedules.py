"""The week of a programme, and what is special."""

from __future__ import annotations

from datetime import datetime

from facility.wire.base import Wire


class Block(Wire):
    """A stretch of a day in which a programme has one state. Minutes from civil midnight."""

    start: int
    end: int
    state: str


class ScheduleDay(Wire):
    date: str  # ISO
    note: str  # "today", holiday or exception, special events
    blocks: list[Block]


class ScheduleInfo(Wire):
    name: str
    what: str
    points: int
    days: list[ScheduleDay]  # seven, from today
    now_state: str
    next_change: datetime | None
    next_state: str


class SpecialEventInfo(Wire):
    """What somebody wants of a programme for once; it outranks all else that the programme says."""

    id: str
    programme: str
    state: str
    begin: datetime
    end: datetime
    by: str
    reason: str
    is_on: bool  # it has begun
