"""What every policy demands now, and what comes of it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire

Standing = Literal["on", "held", "idle", "failed", "off"]
"""It demands something; an input is not known, so nothing is demanded; there is no need; it failed; disabled."""
DemandResult = Literal["wins", "beneath", "outranked", "refused", "fails", "waits", "unknown", "held", "nothing"]
"""`outranked`: another policy has its slot. `held`, `nothing`: no demand, as an input is not known or for no need."""


class PolicyRow(Wire):
    """One demand and what came of it, or why there is none."""

    about: str  # the space, else the machine; "" for the policy as a whole
    point: str = ""  # "" where nothing is demanded
    name: str = ""  # of the point
    value: str = ""  # as a person reads it
    priority: int = 0
    result: DemandResult
    beneath: int = 0  # the slot that outranks it
    why: str = ""  # the policy's own reason; who outranks it; what the guard said
    guard: list[str] = []  # the rules of the guard that bind there, each with its source


class PolicyState(Wire):
    name: str
    kind: str
    state: Standing
    priority: int  # 0 where it is off
    points: int  # that it speaks for
    demands: int
    winning: int
    beneath: int  # another slot, or another policy in the same
    refused: int
    programme: str  # what the programmes that it follows say now; "" if it follows none
    why: str
    next: datetime | None  # when, by the clock alone, it may demand something else
    rows: list[PolicyRow]  # what is wrong comes first
    more: int  # rows that are left out
