"""What a clinical profile may say, validated: a misspelt key in a site's file is an error, never ignored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from facility.model import Severity

GROUPS = (
    "Operating & procedure",
    "Isolation & protective",
    "Intensive & newborn",
    "Pharmacy & sterile",
    "Cold storage",
    "Medical gas & power",
    "Emergency & imaging",
    "Patient rooms",
    "Support & offices",
)
"""The lines of the overview, in the order in which they are read."""

ORDER = (Severity.LIFE, Severity.CRIT, Severity.HIGH, Severity.LOW)
"""Worst first."""

Seconds = Annotated[float, Field(ge=0, le=86_400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Between which values a point is in order, in the point's own unit, and what it means if it is not."""

    low: float | None
    high: float | None
    deadband: float  # how far inside the limits a value must be again before it counts as back
    delay_s: float
    severity: Severity
    text: str  # what to tell if it is left: "has lost positive pressure"; "" to say it from the numbers
    magnitude: bool  # the sign does not matter: vacuum is given as 20 or as -20
    needed: bool  # without this reading the space is unknown
    sane: float | None  # a value further from zero is the sensor's fault and says nothing
    source: str
    edition: str
    verified_by: str  # empty: nobody has vouched for it at this site

    def excess(self, value: float, inside: float = 0.0) -> bool:
        """Whether the value is outside, or not further inside than `inside`."""
        value = abs(value) if self.magnitude else value
        too_low = self.low is not None and value < self.low + inside
        return too_low or (self.high is not None and value > self.high - inside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Abnormal:
    """In which states a binary or multi-state point is not in order."""

    states: frozenset[int]  # binary: 0, 1; multi-state: from 1
    severity: Severity
    delay_s: float
    text: str


class Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Provenance(Table):
    """Where a number is from; a limit that says nothing has its profile's."""

    source: str = ""
    edition: str = ""
    verified_by: str = ""
    verified_on: str = ""


class LimitTable(Provenance):
    low: float | None = None
    high: float | None = None
    deadband: float | None = Field(default=None, ge=0)
    unit: str
    delay_s: Seconds
    severity: Severity
    needed: bool = False
    magnitude: bool = False
    sane: float | None = Field(default=None, gt=0)
    text: str = ""
    not_named: list[str] = []  # a point with one of these words in its name or description has no such limit

    @model_validator(mode="after")
    def _has_a_side(self) -> Self:
        if self.low is None and self.high is None:
            raise ValueError("a limit needs `low`, `high` or both")
        if self.low is not None and self.high is not None and self.low >= self.high:
            raise ValueError("`low` must be below `high`")
        return self

    @property
    def back(self) -> float:
        """The deadband; by default a fifth of the limit or of half the range (the usual 20 % of room pressure)."""
        if self.deadband is not None:
            return self.deadband
        if self.low is not None and self.high is not None:
            return 0.2 * (self.high - self.low) / 2
        return 0.2 * abs(self.low if self.low is not None else self.high or 0.0)


class StateTable(Provenance):
    state_words: list[str] = []
    name_words: list[str] = []
    severity: Severity
    delay_s: Seconds = 0.0
    text: str = ""


class Profile(Provenance):
    """One type of room or of watched equipment."""

    name: str
    group: Literal[GROUPS]  # type: ignore[valid-type]  # mypy wants the words once more
    critical: bool
    energy_measures: Literal["never", "conditional", "allowed"]
    deadline_s: Annotated[float, Field(ge=1, le=3600)]
    alarm_severity: Severity = Severity.LOW
    limits: dict[str, LimitTable] = {}
    states: dict[str, StateTable] = {}

    @property
    def must_be_watched(self) -> bool:
        """Whether such a space is unknown when none of its points has limits; others are then left out."""
        return self.critical or any(limit.needed for limit in self.limits.values())

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        if not self.limits and not self.states and self.alarm_severity is Severity.LOW:
            raise ValueError("a profile needs a limit, a state or an alarm severity: unwatched is not in order")
        return self
