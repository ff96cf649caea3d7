"""An alarm as it stands, in the words of the screens."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire


class AlarmInfo(Wire):
    id: str
    kind: str
    severity: Literal["LIFE", "CRIT", "HIGH", "LOW"]
    state: Literal["NEW", "ack", "rtn"]
    about: str
    where: str
    text: str
    value: str
    limit: str
    since: datetime
    ended: datetime | None
    acknowledged: datetime | None
    acknowledged_by: str
