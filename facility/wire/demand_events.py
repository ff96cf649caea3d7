"""What the utility asks for: as it is sent, and as it is shown."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StrictInt, model_validator

from facility.wire.base import Wire

EventId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""Nothing in an event can hold free text."""

LONGEST_MINUTES = 24 * 60


class DemandNotice(Wire):
    """An event of demand response. Sent again with the same id, it is changed; sent again as it is, nothing happens."""

    id: EventId
    level: Annotated[StrictInt, Field(ge=0, le=3)]
    """0 normal, 1 moderate, 2 high, 3 special."""
    start: AwareDatetime
    end: AwareDatetime | None = None
    duration_minutes: Annotated[float, Field(gt=0, le=LONGEST_MINUTES)] | None = None
    """Instead of `end`."""
    randomize_minutes: Annotated[float, Field(ge=0, le=60)] = 0.0
    """It may begin so much later, so that not everybody does at once."""
    source: Annotated[str, Field(pattern=r"^[a-z0-9-]{0,48}$")] = ""

    @model_validator(mode="after")
    def _lasts(self) -> Self:
        if (self.end is None) == (self.duration_minutes is None):
            raise ValueError("say either end or duration_minutes")
        try:
            lasts = self.until - self.start
        except OverflowError:
            raise ValueError("an event ends before the year 10000") from None
        if not timedelta(0) < lasts <= timedelta(minutes=LONGEST_MINUTES):
            raise ValueError("an event lasts 24 hours at most, and ends after it has begun")
        if self.randomize >= lasts:
            raise ValueError("randomize_minutes must be shorter than the event")
        return self

    @property
    def until(self) -> datetime:
        return self.end if self.end is not None else self.start + timedelta(minutes=self.duration_minutes or 0)

    @property
    def randomize(self) -> timedelta:
        return timedelta(minutes=self.randomize_minutes)


class DemandEventInfo(Wire):
    """An event that is on or to come."""

    id: str
    level: int
    start: datetime
    end: datetime
    begins: datetime  # here, by its random start
    source: str
    by: str
    status: Literal["far", "near", "active", "cancelled"]
    opted_out: str = ""  # why no event is obeyed now; "" if they are


class DemandAnswer(Wire):
    """What became of a notice."""

    id: str
    result: Literal["taken", "changed", "known", "cancelled"]
    text: str = ""
