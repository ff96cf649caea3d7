"""What a clinical profile may say, validated: a misspelt key in a site's file is an error, never ignored."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from facility.model import Severity
from points.classify.classes import CLASSES

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
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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


Who = Literal["nobody", "two-people", "engineer", "operator", "policy"]
"""Who may command, the strictest first; each may what those before it may. "two-people": an engineer or operator, and a
second one who agrees. "policy": policies may as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRule:
    """Who may command a point, and at which pace its actuator may be driven."""

    who: Who = "policy"
    ramp_per_minute: float | None = None  # percent of the full range (of an airway: of its flow at rest); None: at once
    spacing_s: float = 0.0  # between two writes
    per_hour: int | None = None  # writes
    minimum_on_s: float = 0.0
    minimum_off_s: float = 0.0
    source: str = ""
    edition: str = ""
    verified_by: str = ""  # empty: nobody has vouched for it at this site

    @property
    def cited(self) -> str:
        """Where it is from, as refusals say it: "ASHRAE 170 Table 7-1, 2021; not verified at this site"."""
        return cited(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turndown:
    """When the air of a room may be reduced, and how far."""

    vacant_s: float  # without a break, before anything is reduced
    enter_margin: float  # times the pressure limit, to begin or go further
    hold_margin: float  # times the pressure limit; closer to it, everything is let go
    door_open_s: float  # an open door lets go of everything after so long; 0: at once
    lowest_share: float  # of the main air flow at rest
    full_air_changes: float  # an hour, that the room has at rest
    source: str
    edition: str
    verified_by: str

    @property
    def cited(self) -> str:
        return cited(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vacated:
    """When a room in which patients sleep counts as empty, and between which temperatures it may be then."""

    free_s: float  # that every bed must have been unoccupied
    low_c: float
    high_c: float
    humidity_percent: float  # at most
    source: str
    edition: str
    verified_by: str

    @property
    def cited(self) -> str:
        return cited(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A command that is raised at level 10 when the room leaves its envelope."""

    point_class: str
    path: Literal["supply", "extract", ""]  # which of a room's two airways; "" where the class has no two
    value: float | bool | int | str
    minutes: float  # renewed as long as it is outside


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRules:
    """What a critical room must be like while anything of ours is held in it."""

    sign: Literal[-1, 0, 1]  # of the room's pressure, room minus reference
    turndown: Turndown | None  # None: no policy holds anything here
    protect: tuple[Protection, ...]


class Cited(Protocol):
    @property
    def source(self) -> str: ...
    @property
    def edition(self) -> str: ...
    @property
    def verified_by(self) -> str: ...


def cited(rule: Cited) -> str:
    """Where a number is from and who vouches for it, in one line."""
    text = ", ".join(part for part in (rule.source, rule.edition) if part) or "no source given"
    return f"{text}; verified by {rule.verified_by}" if rule.verified_by else f"{text}; not verified at this site"


class CommandTable(Provenance):
    """`[room.commands.<point class>]`: who may command such a point, and its pace."""

    who: Who | None = None
    ramp_percent_per_minute: float | None = Field(default=None, gt=0, le=1000)
    spacing_s: Seconds | None = None
    per_hour: int | None = Field(default=None, ge=1, le=3600)
    minimum_on_s: Seconds | None = None
    minimum_off_s: Seconds | None = None


class TurndownTable(Provenance):
    """`[room.turndown]`: without it, no policy holds anything in such a room."""

    vacant_minutes: float = Field(ge=1, le=1440)
    enter_margin: float = Field(ge=1, le=10)
    hold_margin: float = Field(ge=1, le=10)
    door_open_s: Seconds
    air_changes: float = Field(gt=0)  # total, at least, while nobody is in
    full_air_changes: float = Field(gt=0)  # total, as long as anybody is or may be in

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.air_changes > self.full_air_changes:
            raise ValueError("`air_changes` must not be above `full_air_changes`")
        if self.hold_margin > self.enter_margin:
            raise ValueError("`hold_margin` must not be above `enter_margin`: it would let go as soon as it began")
        return self


class VacatedTable(Provenance):
    """`[room.vacated]`: without it, no state of its beds opens a room to a policy, and it is never judged as empty."""

    free_minutes: float = Field(ge=5, le=1440)
    low_c: float = Field(ge=10, le=30)
    high_c: float = Field(ge=10, le=35)
    humidity_percent: float = Field(ge=20, le=70)

    @model_validator(mode="after")
    def _has_an_inside(self) -> Self:
        if self.low_c >= self.high_c:
            raise ValueError("`low_c` must be below `high_c`")
        return self


class ProtectTable(Provenance):
    """`[[room.protect]]`: what is commanded at level 10 when the room leaves its envelope."""

    point_class: str
    path: Literal["supply", "extract", ""] = ""
    value: float | bool | int | str
    minutes: float = Field(default=15.0, ge=1, le=1440)

    @model_validator(mode="after")
    def _says_which_air(self) -> Self:
        if self.point_class in ("airflow-setpoint", "air-valve") and not self.path:
            raise ValueError('`path` must say which air it is about: "supply" or "extract"')
        return self


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
    pressure: Literal["positive", "negative", "none"] = "none"  # room minus reference
    commands: dict[str, CommandTable] = {}
    turndown: TurndownTable | None = None
    vacated: VacatedTable | None = None
    protect: list[ProtectTable] = []

    @property
    def must_be_watched(self) -> bool:
        """Whether such a space is unknown when none of its points has limits; others are then left out."""
        return self.critical or any(limit.needed for limit in self.limits.values())

    @model_validator(mode="after")
    def _watches_something(self) -> Self:
        if not self.limits and not self.states and self.alarm_severity is Severity.LOW:
            raise ValueError("a profile needs a limit, a state or an alarm severity: unwatched is not in order")
        return self

    @field_validator("turndown", "vacated", mode="before")
    @classmethod
    def _may_be_switched_off(cls, table: object) -> object:
        return None if table is False else table  # `turndown = false`: the site wants none of it

    @model_validator(mode="after")
    def _is_vacated_only_where_nobody_is_critical(self) -> Self:
        if self.vacated is not None and (self.critical or self.energy_measures == "never"):
            raise ValueError('`vacated` contradicts `critical = true` and `energy_measures = "never"`')
        return self

    @model_validator(mode="after")
    def _turns_down_only_what_it_watches(self) -> Self:
        if self.turndown is None:
            return self
        if self.energy_measures == "never":
            raise ValueError('`turndown` contradicts `energy_measures = "never"`')
        if self.pressure == "none" or "room-pressure" not in self.limits:
            raise ValueError(
                "`turndown` needs `pressure` and `limits.room-pressure`: air is reduced under watch or not at all"
            )
        return self

    @model_validator(mode="after")
    def _names_known_classes(self) -> Self:
        _known({*self.limits, *self.states, *(table.point_class for table in self.protect)})
        _known(self.commands.keys() - {"default", "air-valve"})
        return self


class Actuators(Table):
    """`[actuators.<point class>]`: the pace of actuators, wherever they are."""

    commands: dict[str, CommandTable]

    @model_validator(mode="after")
    def _names_known_classes(self) -> Self:
        _known(self.commands.keys() - {"air-valve"})
        return self


class Plant(Table):
    """`[plant.<point class>]`: what is critical and for which no profile speaks, such as an air handler's fan."""

    commands: dict[str, CommandTable]

    @model_validator(mode="after")
    def _keeps_policies_out(self) -> Self:
        _known(self.commands.keys() - {"default", "air-valve"})
        if open_to_policies := sorted(name for name, table in self.commands.items() if table.who == "policy"):
            raise ValueError(f"{', '.join(open_to_policies)}: no policy commands what serves nobody knows which rooms")
        return self


def _known(named: Set[str]) -> None:
    if strange := named - CLASSES:
        raise ValueError(f"{', '.join(sorted(strange))}: no such point class")
