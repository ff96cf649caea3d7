"""Why a point stands as it does, and everything else that is known of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.audit import Record
from facility.wire.base import Wire
from facility.wire.points import PointInfo, SlotInfo, ValueInfo


class WhyStep(Wire):
    """A cause in one sentence, what it rests on, and where to look at it."""

    kind: Literal["value", "slot", "who", "rule", "beneath", "refused", "effect", "quality", "device", "next"]
    text: str
    evidence: str  # "priority array, read 02:14", "audit entry 812"
    target: str  # "point:", "slots:", "alarm:", "schedule:", "device:" or "record:" and an id
    at: datetime | None = None  # when it happened, or will


class Why(Wire):
    """Why the value of a point stands: at most seven steps, the cause under its effect; the last is what comes next."""

    point: str
    value: str  # what is to be explained, in one sentence
    steps: list[WhyStep]


class PointDetail(Wire):
    info: PointInfo
    value: ValueInfo | None
    slots: list[SlotInfo] | None  # None: not commandable or not readable now
    slots_error: str = ""
    relinquish_default: str = ""
    winner: int | None = None
    records: list[Record]
    source: str  # "COV, polled every 5 min as proof of life", "polled every 30 s"
    why: Why
