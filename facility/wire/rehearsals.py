"""What policies would do in the days to come."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire

RehearsalState = Literal["running", "done", "stopped", "failed"]


class WriteInfo(Wire):
    """What one policy writes at one moment for one reason."""

    at: datetime
    points: list[str]  # the first of them
    count: int
    value: str  # as a person reads it; "released" where the slot is let go of
    priority: int
    policy: str
    why: str
    mark: Literal["", "+", "-"]  # new by the changes, gone by them; "" with and without them


class RehearsalDay(Wire):
    date: str  # ISO, civil
    writes: int
    new: int
    gone: int
    note: str  # holidays, exceptions, clock changes


class RefusalInfo(Wire):
    """What a policy wants and may not have."""

    at: datetime
    point: str
    policy: str
    why: str
    times: int


class ClashInfo(Wire):
    at: datetime
    text: str


class RehearsalInfo(Wire):
    """How far it is, and what it has found. Lists are cut; the counts are not."""

    id: str
    state: RehearsalState
    why: str  # why it failed
    start: datetime
    end: datetime
    at: datetime  # how far it has come
    share: float  # of all there is to do, 0 to 1
    assumes: str
    days: list[RehearsalDay]
    writes: list[WriteInfo]
    count: int
    new: int
    gone: int
    refused: list[RefusalInfo]
    clashes: list[ClashInfo]
    faults: list[str]
    estimate: list[str]
    changes: list[str]  # which keys of the configuration would be others
    may_save: str  # "" if `apply_changes` would take it; else why not


class AppliedInfo(Wire):
    """A configuration that came into force."""

    changes: list[str]
    written: str  # the file that was written; "" where it said so already
