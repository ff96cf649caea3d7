"""What holds points: the agent, and others."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire, WireValue


class Hold(Wire):
    point: str
    value: WireValue
    text: str  # value with unit or state text
    priority: int
    by: str
    reason: str
    since: datetime
    until: datetime
    confirmed: bool
    space: str = ""  # its name
    overdue: str = ""  # its time is over and it is still claimed: why
    effect: str = ""  # what an independent sensor says of it: "confirmed by ahu-1/sf-s 14 s after the write"


class OverrideInfo(Wire):
    """Something that holds a point and is not of the agent's doing."""

    point: str
    space: str  # its name
    level: int | None  # None where it is no slot
    level_name: str
    text: str  # value with unit or state text; of what is no slot, the present value
    since: datetime  # first seen
    seen: datetime  # last seen
    kind: Literal["slot", "by hand", "out of service"]
    wins: bool  # nothing stands above it, as far as is known
