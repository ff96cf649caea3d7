"""A wish, what it would do, how it ended, and who has to agree."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from facility.wire.base import Wire, WireValue
from facility.wire.points import SlotInfo, ValueInfo


class Wish(Wire):
    """What a person asks for. `value` None releases; numbers as numbers, binary and states as text or number."""

    point: str
    value: WireValue | None
    minutes: float | None = None
    reason: str = Field(min_length=4, max_length=200)
    priority: int = 8


class Touched(Wire):
    """A space that a command acts on."""

    name: str
    critical: bool


class Plan(Wire):
    """What a wish would do, read afresh; committed by its id while it is valid, by whom it was made for."""

    id: str
    point: str
    what: str  # "18.0 °C to ahu-4/supply-air-temp-sp (analog-value 14, slot 8)"
    verdict: Literal["allowed", "warning", "second-person", "refused"]
    rule: str
    source: str = ""  # of the rule
    why: str
    wins: str  # "yes: nothing stands above; beneath: 21.0 °C at level 15"
    slots: list[SlotInfo]
    spaces: list[Touched] = []
    ramp: str = ""  # "reaches 200 l/s in about 3 min"; "" where it is written at once
    ends: datetime | None
    after: str  # what happens then
    down: str = ""  # what happens then if the agent is down
    check: str = ""  # how the effect will be checked
    owner: str = ""  # as whose it stands: "rdiaz", "rdiaz, seconded by mchen"
    reason: str = ""
    valid_until: datetime


class Result(Wire):
    """How a command ended."""

    status: Literal["held", "released", "outranked", "mismatch", "rejected", "failed", "asked"]
    point: str
    text: str  # one sentence for a person
    readback: ValueInfo | None = None
    winner: int | None = None
    until: datetime | None = None
    request: str = ""  # what a second person has to name; with "asked"


class WaitingInfo(Wire):
    """A command that waits for a second person."""

    id: str
    point: str
    what: str  # "write 18.0 °C to ahu-4/supply-air-temp-sp"
    by: str
    reason: str
    asked_at: datetime
    until: datetime
    rule: str  # of the guard, which asks for two
    why: str
    source: str
    mine: bool  # the caller asked for it, and cannot be the second person
    may_second: bool


class ConsentInfo(Wire):
    """Somebody agreed to a relaxation."""

    by: str
    reason: str
    time: datetime


class RelaxationInfo(Wire):
    """Something that the site makes looser; in force once two different people have agreed to it."""

    key: str  # what, from what, to what
    what: str
    before: str
    after: str
    consents: list[ConsentInfo]
    in_force: bool
    ending: bool = False  # withdrawn, and in force only until what is held at its point is let go of
